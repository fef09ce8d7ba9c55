//! Saving and coming back: by email address and code, also on another computer; and closing a
//! registration on a shared one.

use super::{own_permit, put_right};
use crate::app::App;
use crate::contact::Email;
use crate::id::Reference;
use crate::registration::moves::{self, CameBack, ComeBackOrder, ReturnOrder};
use crate::registration::{DraftState, Stored, journey, store};
use crate::settings::Secret;
use crate::sign_in::Registrant;
use crate::sign_in::session::{self, browser_hash};
use crate::web::components::{Html, Radios};
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, show as show_page};
use axum::extract::State as Shared;
use axum::http::StatusCode;

const EMAIL: &str = "email";
const CODE: &str = "code";
const REGISTRATION: &str = "registration";

fn email_page(visit: &Visit, form: Form) -> super::Question {
    let title = "Continue a registration";
    let field = form
        .email(EMAIL, "Your email address")
        .hinted("The one you gave when you started. We send a code to it.")
        .filled_as("email");
    let layout = visit.layout(title).with_problems(&form).back_to("/register");
    let field = Html::of(&field);
    let mut page = super::Question::new(layout, form, field);
    page.heading = title.to_owned();
    page.otherwise = Some(("/register".to_owned(), "Start a new registration".to_owned()));
    page
}

/// GET /register/return
pub async fn page(visit: Visit) -> Answer {
    visit.show_form(Fields::default(), |form| email_page(&visit, form))
}

/// POST /register/return: sends a code where there is something to come back to; says the same
/// where there is not.
pub async fn ask(Shared(app): Shared<App>, visit: Visit, fields: Fields) -> Answer {
    let sent = match Email::parse(fields.text(EMAIL)) {
        Ok(email) => {
            let browser = browser_hash(&visit.browser());
            let order = ReturnOrder { email, browser, network: visit.network().to_owned() };
            let email = order.email.clone();
            put_right(&app, EMAIL, moves::ask_to_return(&app, order).await)?.map(|()| email)
        }
        Err(words) => Err(Problems::one(EMAIL, words).into()),
    };
    match sent {
        Ok(email) => {
            let fields = Fields::from_pairs([(EMAIL, email.as_str())]);
            visit.show_form(fields, |form| code_page(&app, &visit, form))
        }
        Err(again) => visit.show_again(fields, again, |form| email_page(&visit, form)),
    }
}

#[derive(askama::Template)]
#[template(path = "registration/pages/return_code.html")]
pub struct ReturnCodePage {
    pub layout: Layout,
    pub form: Form,
    pub email: String,
    pub minutes: u16,
}

fn code_page(app: &App, visit: &Visit, form: Form) -> ReturnCodePage {
    ReturnCodePage {
        layout: visit.layout("Check your email").with_problems(&form).back_to("/register/return"),
        email: form.fields.text(EMAIL).to_owned(),
        form,
        minutes: app.settings.code_minutes,
    }
}

/// POST /register/return/code: opens the newest draft of the address.
pub async fn open(Shared(app): Shared<App>, visit: Visit, fields: Fields) -> Answer {
    let Ok(email) = Email::parse(fields.text(EMAIL)) else { return go_to("/register/return") };
    let order = ComeBackOrder {
        email: email.clone(),
        typed: fields.text(CODE).to_owned(),
        browser: Secret::new(visit.browser()),
        network: visit.network().to_owned(),
    };
    match put_right(&app, CODE, moves::come_back(&app, order).await)? {
        Ok(CameBack { mine, rotated }) => {
            let (Some(first), Some(rotated)) = (mine.first(), rotated) else {
                return Err(nothing_to_continue());
            };
            rotated.is_saved(&visit);
            if mine.len() > 1 { go_to("/register/mine") } else { go_to(place_of(first)) }
        }
        Err(again) => {
            let fields = Fields::from_pairs([(EMAIL, email.as_str())]);
            visit.show_again(fields, again, |form| code_page(&app, &visit, form))
        }
    }
}

fn nothing_to_continue() -> Interrupt {
    Interrupt::refused(
        StatusCode::GONE,
        "There is nothing to continue",
        "Drafts are kept for a while and then removed. Please start a new registration.",
    )
    .then("/register", "Start page")
}

/// Where a registration is continued or looked at.
fn place_of(stored: &Stored) -> String {
    match stored {
        Stored::Draft(draft) => match draft.state {
            DraftState::Draft => journey::next(&draft.answers).path(),
            DraftState::Ineligible { .. } | DraftState::Expired => "/register".to_owned(),
        },
        Stored::Sent(registration) => format!("/registration/{}", registration.reference),
        Stored::Forgotten(_) => "/register".to_owned(),
    }
}

#[derive(askama::Template)]
#[template(path = "registration/pages/mine.html")]
pub struct MinePage {
    pub layout: Layout,
    pub form: Form,
    pub choices: Radios,
}

fn mine_page(visit: &Visit, mine: &[Stored], form: Form) -> MinePage {
    let mut choices = form.radios(REGISTRATION, "Which registration do you want to open?");
    for stored in mine {
        let (name, started_at, state) = match stored {
            Stored::Draft(draft) => (draft.site_name(), draft.started_at, draft.state.kind()),
            Stored::Sent(sent) => (sent.site_name(), sent.started_at, sent.state.kind()),
            Stored::Forgotten(_) => continue,
        };
        let name = if name.is_empty() { "No site chosen yet" } else { name };
        let reference = stored.reference();
        let hint = format!("{reference}. Started on {}. {}", started_at.day(), state.in_words());
        choices = choices.choice_hinted(reference.as_str(), name, &hint);
    }
    MinePage {
        layout: visit.layout("Your registrations").with_problems(&form).back_to("/register"),
        form,
        choices,
    }
}

/// The registrations of whoever filled in that of the session.
async fn mine_of(app: &App, registrant: &Registrant) -> Result<Vec<Stored>, Interrupt> {
    let mine = store::list_mine(&app.database, &registrant.registration).await?;
    if mine.is_empty() { Err(Interrupt::not_found()) } else { Ok(mine) }
}

/// GET /register/mine
pub async fn mine(Shared(app): Shared<App>, visit: Visit, registrant: Registrant) -> Answer {
    let mine = mine_of(&app, &registrant).await?;
    visit.show_form(Fields::default(), |form| mine_page(&visit, &mine, form))
}

/// POST /register/mine
pub async fn choose(
    Shared(app): Shared<App>,
    visit: Visit,
    registrant: Registrant,
    fields: Fields,
) -> Answer {
    let opened = match Reference::parse(fields.text(REGISTRATION)) {
        Some(reference) => {
            let permit = own_permit(&registrant.registration)?;
            let opened = moves::open_another(&app, permit, reference, Secret::new(visit.browser())).await;
            put_right(&app, REGISTRATION, opened)?
        }
        None => Err(Problems::one(REGISTRATION, "Select the registration you want to open").into()),
    };
    match opened {
        Ok((stored, rotated)) => {
            rotated.is_saved(&visit);
            go_to(place_of(&stored))
        }
        Err(again) => {
            let mine = mine_of(&app, &registrant).await?;
            visit.show_again(fields, again, |form| mine_page(&visit, &mine, form))
        }
    }
}

#[derive(askama::Template)]
#[template(path = "registration/pages/closed.html")]
pub struct ClosedPage {
    pub layout: Layout,
    pub draft_days: u16,
}

/// POST /register/leave: ends the session in this browser; the draft waits.
pub async fn leave(Shared(app): Shared<App>, visit: Visit) -> Answer {
    session::end_all(&app, &visit).await?;
    go_to("/register/closed")
}

/// GET /register/closed
pub async fn closed(Shared(app): Shared<App>, visit: Visit) -> Answer {
    let template = ClosedPage {
        layout: visit.layout("Closed on this computer").back_to("/register"),
        draft_days: app.settings.draft_days,
    };
    show_page(&template, &Problems::none())
}
