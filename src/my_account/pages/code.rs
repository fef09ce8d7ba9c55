//! The code from the text message.

use super::Underway;
use crate::app::App;
use crate::database::{Error, transaction};
use crate::letter::Letterhead;
use crate::my_account::{Step, code_problem, store};
use crate::sign_in::Activating;
use crate::sign_in::codes::{self, Rules, Tried};
use crate::sign_in::limits;
use crate::sign_in::secrets::Purpose;
use crate::web::form::query;
use crate::web::{Answer, Fields, Form, Layout, Problems, Visit, go_to, show};
use axum::extract::State;
use axum::http::Uri;

#[derive(askama::Template)]
#[template(path = "my_account/pages/code.html")]
pub struct CodePage {
    pub layout: Layout,
    pub form: Form,
    pub masked_mobile: String,
    pub minutes: u16,
    /// Whether a new code has just been sent.
    pub sent_again: bool,
}

impl CodePage {
    fn hint(&self) -> String {
        format!(
            "6 digits, in a text message to {}. The code works for {} minutes",
            self.masked_mobile, self.minutes
        )
    }
}

fn show_page(underway: &Underway, form: Form, sent_again: bool) -> Answer {
    let problems = form.problems.clone();
    let template = CodePage {
        layout: underway.visit.layout("Enter the code we sent you").with_problems(&form),
        form,
        masked_mobile: underway.account.mobile.masked(),
        minutes: underway.app.settings.code_minutes,
        sent_again,
    };
    show(&template, &problems)
}

fn show_problem(underway: &Underway, words: impl Into<String>) -> Answer {
    // A code that was wrong is not worth correcting: the field comes back empty.
    show_page(underway, underway.visit.form(Fields::default(), Problems::one("code", words)), false)
}

/// GET /activate/code
pub async fn page(State(app): State<App>, visit: Visit, activating: Activating, uri: Uri) -> Answer {
    let underway = Underway::at(Step::Code, app, visit, activating).await?;
    let form = underway.visit.empty_form();
    show_page(&underway, form, query(&uri).has("sent"))
}

/// POST /activate/code: tries the code.
pub async fn save(State(app): State<App>, visit: Visit, activating: Activating, fields: Fields) -> Answer {
    let underway = Underway::at(Step::Code, app, visit, activating).await?;
    let typed = fields.text("code");
    if let Some(words) = code_problem(typed) {
        let form = underway.visit.form(fields, Problems::one("code", words));
        return show_page(&underway, form, false);
    }
    let now = underway.app.clock.now();
    let (account, browser) = (underway.account.id.clone(), underway.browser.clone());
    let purpose = Purpose::ActivationCode;
    match codes::attempt(underway.app.clone(), purpose, account, browser, typed.to_owned()).await? {
        Tried::Right => {
            let (link, browser) = (underway.link.clone(), underway.browser.clone());
            underway
                .app
                .database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    store::confirm(tx, &link, &browser, now).await
                }))
                .await?;
            go_to(Step::Password.path())
        }
        Tried::Wrong => {
            show_problem(&underway, "That code is not right. Check the text message and enter the code again")
        }
        Tried::Stale => show_problem(&underway, "That code no longer works. Send yourself a new one"),
        Tried::TooOften(used_up) => show_problem(
            &underway,
            format!(
                "There have been too many wrong codes. Try again {}",
                limits::wait_in_words(now, used_up.until)
            ),
        ),
    }
}

/// POST /activate/code/again: sends a new code; the one before stops working.
pub async fn again(State(app): State<App>, visit: Visit, activating: Activating) -> Answer {
    let underway = Underway::at(Step::Code, app, visit, activating).await?;
    let now = underway.app.clock.now();
    let (rules, from) = (Rules::of(&underway.app), Letterhead::of(&underway.app.settings));
    let (account, browser) = (underway.account.clone(), underway.browser.clone());
    let sent = underway
        .app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            store::send_code(tx, rules, &from, &account, &browser, now).await
        }))
        .await?;
    match sent {
        Ok(()) => go_to("/activate/code?sent=again"),
        Err(used_up) => show_problem(
            &underway,
            format!(
                "We have sent several codes already. You can ask for another one {}",
                limits::wait_in_words(now, used_up.until)
            ),
        ),
    }
}
