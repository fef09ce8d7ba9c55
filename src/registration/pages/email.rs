//! The registrant's email address, and the code that shows they read it.

use super::{Asking, Question, again, onwards};
use crate::clock::Timestamp;
use crate::contact::Email;
use crate::database::{Error, transaction};
use crate::letter::{Letter, Letterhead};
use crate::outbox;
use crate::registration::journey::Page;
use crate::registration::{Registration, letters};
use crate::sign_in::codes::{self, CodeRequest, Rules, Tried};
use crate::sign_in::limits::{UsedUp, wait_in_words};
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::{self, SessionKind};
use crate::web::components::Html;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, go_to, show as show_page};

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
    show_page(&page_of(asking, asking.visit.form(fields, Problems::none())), &Problems::none())
}

pub async fn save(asking: &Asking, fields: Fields) -> Answer {
    let email = match Email::parse(fields.text(FIELD)) {
        Ok(email) => email,
        Err(words) => {
            let problems = Problems::one(FIELD, words);
            return show_page(&page_of(asking, again(asking, fields, problems.clone())), &problems);
        }
    };
    if asking.answers().email.as_ref() == Some(&email) && asking.answers().email_confirmed {
        return onwards(asking.answers(), Page::EmailCode);
    }
    if let Err(words) = send_own_code(asking, &email).await? {
        let problems = Problems::one(FIELD, words);
        return show_page(&page_of(asking, again(asking, fields, problems.clone())), &problems);
    }
    asking
        .keep(move |answers| {
            answers.email = Some(email);
            answers.email_confirmed = false;
        })
        .await?;
    go_to(Page::EmailCode.path())
}

/// Sends a code to somebody in a letter of this registration; answers how long to wait where too many
/// were sent.
pub(super) async fn send_code(
    asking: &Asking,
    purpose: Purpose,
    to: Email,
    letter: fn(&Letterhead, Timestamp, &Email, &Registration, &str) -> Letter,
) -> Result<Result<(), UsedUp>, Interrupt> {
    let app = &asking.app;
    let now = app.clock.now();
    let (rules, from) = (Rules::of(app), Letterhead::of(&app.settings));
    let browser = session::browser_hash(&asking.visit.browser());
    let case = asking.case.clone();
    let asked = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let asked = codes::ask(tx, rules, purpose, &case.id, &browser, to.as_str(), now).await?;
            if let CodeRequest::Made(code) = &asked {
                let letter = letter(&from, now, &to, &case, code);
                outbox::store::write_letter(tx, now, &letter).await?;
            }
            Ok(asked)
        }))
        .await?;
    Ok(match asked {
        CodeRequest::Made(_) => Ok(()),
        CodeRequest::TooOften(used_up) => Err(used_up),
    })
}

/// Sends a code to the registrant, or says in words why none can be sent.
async fn send_own_code(asking: &Asking, email: &Email) -> Result<Result<(), String>, Interrupt> {
    let sent = send_code(asking, Purpose::EmailCode, email.clone(), |from, at, to, case, code| {
        letters::email_code(from, at, to, &case.id, code)
    });
    Ok(sent.await?.map_err(|used_up| {
        format!(
            "We have sent too many codes to this address. You can ask for a new one {}",
            wait_in_words(asking.app.clock.now(), used_up.until)
        )
    }))
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
    show_page(&code_page(asking, asking.visit.empty_form()), &Problems::none())
}

/// What to say of a code that was not right.
pub fn code_words(tried: Tried, now: crate::clock::Timestamp) -> &'static str {
    match tried {
        Tried::Right => "",
        Tried::Wrong => "The code is not right. Check it and try again",
        Tried::Stale => "This code no longer works. Ask for a new one",
        Tried::TooOften(used_up) => {
            if used_up.until.since(now).as_minutes() > 90 {
                "There have been too many wrong codes today. Try again tomorrow, or call our helpdesk"
            } else {
                "There have been too many wrong codes today. Try again in an hour, or call our helpdesk"
            }
        }
    }
}

pub async fn save_code(asking: &Asking, fields: Fields) -> Answer {
    if asking.answers().email_confirmed {
        return onwards(asking.answers(), Page::EmailCode);
    }
    let typed = fields.text(CODE_FIELD).to_owned();
    let problem = if typed.is_empty() {
        Some("Enter the code from the email".to_owned())
    } else {
        let browser = session::browser_hash(&asking.visit.browser());
        let tried =
            codes::attempt(asking.app.clone(), Purpose::EmailCode, asking.case.id.clone(), browser, typed)
                .await?;
        (tried != Tried::Right).then(|| code_words(tried, asking.app.clock.now()).to_owned())
    };
    if let Some(words) = problem {
        let problems = Problems::one(CODE_FIELD, words);
        return show_page(&code_page(asking, again(asking, Fields::default(), problems.clone())), &problems);
    }
    let answers = asking.keep(|answers| answers.email_confirmed = true).await?;
    session::rotate_session(
        &asking.app,
        &asking.visit,
        SessionKind::Registrant,
        &asking.case.id,
        asking.registrant.masked,
    )
    .await?;
    onwards(&answers, Page::EmailCode)
}

/// POST /register/email-code/again
pub async fn again_code(
    axum::extract::State(app): axum::extract::State<crate::app::App>,
    visit: crate::web::Visit,
    registrant: crate::sign_in::Registrant,
) -> Answer {
    let asking = Asking::load(app, visit, registrant).await?;
    let Some(email) = asking.answers().email.clone() else { return go_to(Page::Email.path()) };
    if asking.answers().email_confirmed {
        return onwards(asking.answers(), Page::EmailCode);
    }
    match send_own_code(&asking, &email).await? {
        Ok(()) => go_to(Page::EmailCode.path()),
        Err(words) => {
            let problems = Problems::one(CODE_FIELD, words);
            show_page(&code_page(&asking, again(&asking, Fields::default(), problems.clone())), &problems)
        }
    }
}
