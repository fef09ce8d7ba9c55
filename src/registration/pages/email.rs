//! The registrant's email address, and the code that shows they read it.

use super::{Asking, Question, onwards};
use crate::app::App;
use crate::contact::Email;
use crate::registration::answers::Answers;
use crate::registration::journey::Page;
use crate::registration::moves::{self, ConfirmOrder, EmailCodeOrder};
use crate::settings::Secret;
use crate::sign_in::Registrant;
use crate::sign_in::session::browser_hash;
use crate::web::components::Html;
use crate::web::{Again, Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to};
use axum::extract::State;

const FIELD: &str = "email";
const CODE_FIELD: &str = "code";

fn page_of(asking: &Asking, form: Form) -> Question {
    let field = form
        .email(FIELD, "What is your email address?")
        .hinted("We send a code to it now, and everything about this registration afterwards. It can be a personal address.")
        .as_heading()
        .filled_as("email");
    let layout = asking.layout(Page::Email, "What is your email address?", &form);
    let field = Html::of(&field);
    Question::new(layout, form, field)
}

pub fn show(asking: &Asking) -> Answer {
    let known = asking.answers().email.as_ref().filter(|_| !asking.registrant.masked);
    let fields = known.map_or_else(Fields::default, |email| Fields::from_pairs([(FIELD, email.as_str())]));
    asking.visit.show_form(fields, |form| page_of(asking, form))
}

pub async fn save(asking: &Asking, fields: Fields) -> Answer {
    let sent = match Email::parse(fields.text(FIELD)) {
        Ok(email) => send(asking, FIELD, Some(email)).await?,
        Err(words) => Err(Problems::one(FIELD, words).into()),
    };
    match sent {
        Ok(answers) if answers.email_confirmed => onwards(&answers, Page::EmailCode),
        Ok(_) => go_to(Page::EmailCode.path()),
        Err(again) => asking.visit.show_again(fields, again, |form| page_of(asking, form)),
    }
}

/// Sends a code: to another address than the one given before, or to the same again.
async fn send(
    asking: &Asking,
    field: &'static str,
    to: Option<Email>,
) -> Result<Result<Answers, Again>, Interrupt> {
    let order = EmailCodeOrder { to, browser: browser_hash(&asking.visit.browser()) };
    let sent = moves::ask_for_email_code(&asking.app, asking.permit()?, order).await;
    asking.outcome(field, sent)
}

#[derive(askama::Template)]
#[template(path = "registration/pages/email_code.html")]
pub struct CodePage {
    pub layout: Layout,
    pub form: Form,
    pub sent_to: String,
    pub minutes: u16,
    /// Where a new code is asked for.
    pub again: String,
    /// Where another address can be given.
    pub other: String,
}

fn code_page(asking: &Asking, form: Form) -> CodePage {
    let email = asking.answers().email.as_ref();
    CodePage {
        layout: asking.layout(Page::EmailCode, "Check your email", &form).back_to(Page::Email.path()),
        form,
        sent_to: email.map_or_else(String::new, |email| {
            if asking.registrant.masked { email.masked() } else { email.to_string() }
        }),
        minutes: asking.app.settings.code_minutes,
        again: "/register/email-code/again".to_owned(),
        other: Page::Email.path(),
    }
}

pub fn show_code(asking: &Asking) -> Answer {
    if asking.answers().email_confirmed {
        return onwards(asking.answers(), Page::EmailCode);
    }
    asking.visit.show_form(Fields::default(), |form| code_page(asking, form))
}

pub async fn save_code(asking: &Asking, fields: Fields) -> Answer {
    let order = ConfirmOrder {
        typed: fields.text(CODE_FIELD).to_owned(),
        browser: Secret::new(asking.visit.browser()),
        masked: asking.registrant.masked,
    };
    let confirmed = moves::confirm_email(&asking.app, asking.permit()?, order).await;
    match asking.outcome(CODE_FIELD, confirmed)? {
        Ok(confirmed) => {
            if let Some(rotated) = confirmed.rotated {
                rotated.is_saved(&asking.visit);
            }
            onwards(&confirmed.answers, Page::EmailCode)
        }
        // A code is typed anew and never shown again.
        Err(again) => asking.visit.show_again(Fields::default(), again, |form| code_page(asking, form)),
    }
}

/// POST /register/email-code/again
pub async fn again_code(State(app): State<App>, visit: Visit, registrant: Registrant) -> Answer {
    let asking = Asking::load(app, visit, registrant).await?;
    match send(&asking, CODE_FIELD, None).await? {
        Ok(answers) if answers.email_confirmed => onwards(&answers, Page::EmailCode),
        Ok(_) => go_to(Page::EmailCode.path()),
        Err(again) => asking.visit.show_again(Fields::default(), again, |form| code_page(&asking, form)),
    }
}
