//! Where the link in the email leads: what to expect, and the button that begins.

use super::new_link::no_longer_works;
use crate::app::App;
use crate::database::{Error, transaction};
use crate::directory::{self, Account};
use crate::my_account::{Step, store};
use crate::sign_in::links;
use crate::sign_in::secrets::{Purpose, read_link_token};
use crate::sign_in::session::{self, SessionKind};
use crate::web::{Answer, Form, Interrupt, Layout, Problems, Visit, go_to, show};
use axum::extract::{Path, State};

#[derive(askama::Template)]
#[template(path = "my_account/pages/start.html")]
pub struct StartPage {
    pub layout: Layout,
    pub form: Form,
    pub address: String,
    pub masked_mobile: String,
}

/// The account a link activates, with the link's identifier; nothing where the link does not work.
async fn read_link(app: &App, token: &str) -> Result<Option<(Account, String)>, Interrupt> {
    let Some(id) = read_link_token(&app.key, Purpose::ActivationLink, token) else { return Ok(None) };
    let link = links::find(&app.database, Purpose::ActivationLink, &id).await?;
    let Some(link) = link.filter(|link| link.works(app.clock.now())) else { return Ok(None) };
    let account = directory::store::find_account(&app.database, &link.subject).await?;
    Ok(account
        .filter(|account| account.state == directory::AccountState::Pending)
        .map(|account| (account, id)))
}

/// GET /activate/{token}: changes nothing, because programs open links before people do.
pub async fn page(State(app): State<App>, visit: Visit, Path(token): Path<String>) -> Answer {
    let Some((account, _)) = read_link(&app, &token).await? else {
        return no_longer_works(&app, &visit);
    };
    let template = StartPage {
        layout: visit.layout("Activate your account"),
        form: visit.empty_form(),
        address: account.address,
        masked_mobile: account.mobile.masked(),
    };
    show(&template, &Problems::none())
}

/// POST /activate/{token}: begins, and sends the code.
pub async fn begin(State(app): State<App>, visit: Visit, Path(token): Path<String>) -> Answer {
    let Some((account, link)) = read_link(&app, &token).await? else {
        return no_longer_works(&app, &visit);
    };
    let now = app.clock.now();
    // The browser may do more than before, so it gets a new secret.
    let old = session::browser_hash(&visit.browser());
    let fresh = visit.renew_browser();
    let subject = store::session_subject(&account.id, &link);
    let app_in = app.clone();
    let sent = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let browser = session::browser_hash(&fresh);
            let purpose = Purpose::ActivationCode;
            if let Err(problem) = store::send_code(tx, &app_in, &account, purpose, &browser, now).await? {
                return Ok(Err(problem));
            }
            crate::sign_in::store::end_sessions_of_browser(tx, &old).await?;
            session::begin(tx, &app_in, &fresh, SessionKind::Activating, &subject, false).await?;
            Ok(Ok(()))
        }))
        .await?;
    match sent {
        Ok(()) => go_to(Step::Code.path()),
        Err(problem) => Err(Interrupt::too_often(&format!("{}. Your link still works.", problem.words(now)))
            .then(visit.path().to_owned(), "Go back to the start")),
    }
}
