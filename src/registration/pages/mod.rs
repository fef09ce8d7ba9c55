//! The pages of a registration: one question each, in the order of `journey.rs`.
//!
//! `show` and `save` serve every question: they load the draft of the session, refuse what has not
//! been asked yet, and hand over to the page's own file. An answer is laid over the newest saved
//! answers inside the transaction, so two windows on one draft lose nothing.

pub mod before_you_start;
pub mod check_answers;
pub mod dspt;
pub mod email;
pub mod exits;
pub mod find_site;
pub mod people;
pub mod proof;
pub mod resume;
pub mod start;
pub mod status;
pub mod stop;
pub mod town;

use self::before_you_start::EligibilityQuestion;
use self::exits::Exit;
use super::answers::Answers;
use super::journey::{self, Page};
use super::store::{self, Saved};
use super::{Registration, RegistrationState};
use crate::app::App;
use crate::clock::Span;
use crate::database::{Error, transaction};
use crate::sign_in::Registrant;
use crate::web::components::Html;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to};
use axum::extract::{Path, State as Shared};

/// What every page of a draft is handed.
pub struct Asking {
    pub app: App,
    pub visit: Visit,
    pub registrant: Registrant,
    pub case: Registration,
}

impl Asking {
    /// Loads the draft of the session.
    ///
    /// # Errors
    /// Not found where it is gone; on to the confirmation where it has been sent.
    pub async fn load(app: App, visit: Visit, registrant: Registrant) -> Result<Self, Interrupt> {
        let case =
            store::find(&app.database, &registrant.registration).await?.ok_or_else(Interrupt::not_found)?;
        Ok(Asking { app, visit, registrant, case })
    }

    pub fn answers(&self) -> &Answers {
        &self.case.answers
    }

    /// What stands round a page of the journey, with its back link.
    pub fn layout(&self, page: Page, title: &str, form: &Form) -> Layout {
        let back = journey::back(self.answers(), page).map_or_else(|| "/register".to_owned(), Page::path);
        self.visit.layout(title).with_problems(form).back_to(back)
    }

    /// Lays an answer over the saved ones and saves them; answers the answers as they are now.
    ///
    /// # Errors
    /// A refusal where the draft has been sent meanwhile, or a fault.
    pub async fn keep<F>(&self, answer: F) -> Result<Answers, Interrupt>
    where
        F: FnOnce(&mut Answers) + Clone + Send + 'static,
    {
        let id = self.case.id.clone();
        let now = self.app.clock.now();
        let expires_at = now.plus(Span::days(i64::from(self.app.settings.draft_days)));
        let kept: Option<Answers> = self
            .app
            .database
            .write::<_, Error, _>(transaction!(async move |tx| {
                let Some(case) = store::find(tx, &id).await? else { return Ok(None) };
                let mut answers = case.answers;
                let before = answers.clone();
                answer(&mut answers);
                if answers == before {
                    return Ok(Some(answers));
                }
                let saved = store::save_answers(tx, &id, case.version, &answers, now, expires_at).await?;
                Ok((saved == Saved::Yes).then_some(answers))
            }))
            .await?;
        kept.ok_or_else(already_sent)
    }
}

fn already_sent() -> Interrupt {
    Interrupt::refused(
        axum::http::StatusCode::CONFLICT,
        "This registration has been sent",
        "Your answers cannot be changed any more. Nothing was changed.",
    )
    .then("/register/sent", "See your registration")
}

/// GET /register/{page}
pub async fn show(
    Shared(app): Shared<App>,
    visit: Visit,
    registrant: Registrant,
    Path(slug): Path<String>,
    uri: axum::http::Uri,
) -> Answer {
    let page = Page::from_slug(&slug).ok_or_else(Interrupt::not_found)?;
    let asking = Asking::load(app, visit, registrant).await?;
    if !matches!(asking.case.state, RegistrationState::Draft) {
        return go_to("/register/sent");
    }
    if !journey::can_visit(asking.answers(), page) {
        return go_to(journey::next(asking.answers()).path());
    }
    let query = crate::web::form::query(&uri);
    match page {
        Page::SocialCare => before_you_start::show(&asking, EligibilityQuestion::SocialCare),
        Page::CqcRegistered => before_you_start::show(&asking, EligibilityQuestion::CqcRegistered),
        Page::Hospice => before_you_start::show(&asking, EligibilityQuestion::Hospice),
        Page::Sites => before_you_start::show(&asking, EligibilityQuestion::Sites),
        Page::Way => before_you_start::show(&asking, EligibilityQuestion::Way),
        Page::HasAccount => before_you_start::show(&asking, EligibilityQuestion::HasAccount),
        Page::Email => email::show(&asking),
        Page::EmailCode => email::show_code(&asking),
        Page::FindSite => find_site::show(&asking, &query).await,
        Page::ConfirmSite => find_site::show_confirm(&asking),
        Page::Dspt => dspt::show(&asking).await,
        Page::Proof => proof::show(&asking).await,
        Page::ContactId => proof::show_contact_id(&asking),
        Page::SiteCode => proof::show_site_code(&asking).await,
        Page::CallBack => proof::show_call_back(&asking).await,
        Page::Town => town::show(&asking),
        Page::People => people::show(&asking),
        Page::CheckAnswers => check_answers::show(&asking),
        Page::NotSocialCare => exits::show(&asking, Exit::NotSocialCare),
        Page::NotCqcRegistered => exits::show(&asking, Exit::NotCqcRegistered),
        Page::IsHospice => exits::show(&asking, Exit::Hospice),
        Page::SelfManagement => exits::show(&asking, Exit::SelfManagement),
        Page::Recovery => exits::show(&asking, Exit::Recovery),
    }
}

/// POST /register/{page}
pub async fn save(
    Shared(app): Shared<App>,
    visit: Visit,
    registrant: Registrant,
    Path(slug): Path<String>,
    fields: Fields,
) -> Answer {
    let page = Page::from_slug(&slug).ok_or_else(Interrupt::not_found)?;
    let asking = Asking::load(app, visit, registrant).await?;
    // A message sent twice from a way out is confirmed twice.
    let is_message_again = exits::is_over(&asking.case.state) && exits::takes_message(page);
    if !matches!(asking.case.state, RegistrationState::Draft) && !is_message_again {
        return go_to("/register/sent");
    }
    if !journey::can_visit(asking.answers(), page) {
        return go_to(journey::next(asking.answers()).path());
    }
    match page {
        Page::SocialCare => before_you_start::save(&asking, EligibilityQuestion::SocialCare, fields).await,
        Page::CqcRegistered => {
            before_you_start::save(&asking, EligibilityQuestion::CqcRegistered, fields).await
        }
        Page::Hospice => before_you_start::save(&asking, EligibilityQuestion::Hospice, fields).await,
        Page::Sites => before_you_start::save(&asking, EligibilityQuestion::Sites, fields).await,
        Page::Way => before_you_start::save(&asking, EligibilityQuestion::Way, fields).await,
        Page::HasAccount => before_you_start::save(&asking, EligibilityQuestion::HasAccount, fields).await,
        Page::Email => email::save(&asking, fields).await,
        Page::EmailCode => email::save_code(&asking, fields).await,
        Page::FindSite => find_site::save(&asking, fields).await,
        Page::ConfirmSite => find_site::save_confirm(&asking, fields).await,
        Page::Dspt => dspt::save(&asking).await,
        Page::Proof => proof::save(&asking, fields).await,
        Page::ContactId => proof::save_contact_id(&asking, fields).await,
        Page::SiteCode => proof::save_site_code(&asking, fields).await,
        Page::CallBack => proof::save_call_back(&asking, fields).await,
        Page::Town => town::save(&asking, fields).await,
        Page::People => people::save(&asking, fields).await,
        Page::CheckAnswers => check_answers::save(&asking, fields).await,
        Page::NotSocialCare => exits::save(&asking, Exit::NotSocialCare, fields).await,
        Page::NotCqcRegistered => exits::save(&asking, Exit::NotCqcRegistered, fields).await,
        Page::IsHospice => exits::save(&asking, Exit::Hospice, fields).await,
        Page::SelfManagement => exits::save(&asking, Exit::SelfManagement, fields).await,
        Page::Recovery => exits::save(&asking, Exit::Recovery, fields).await,
    }
}

/// A page that asks one thing.
#[derive(askama::Template)]
#[template(path = "registration/pages/question.html")]
pub struct Question {
    pub layout: Layout,
    pub form: Form,
    /// A heading of its own, where the field does not carry it.
    pub heading: String,
    /// Paragraphs before the field.
    pub intro: Vec<String>,
    pub field: Html,
    /// What stands after the field: details, more fields.
    pub after: Html,
    pub button: String,
    /// A link for those who cannot answer: address and words.
    pub otherwise: Option<(String, String)>,
}

impl Question {
    pub fn new(layout: Layout, form: Form, field: Html) -> Self {
        Question {
            layout,
            form,
            heading: String::new(),
            intro: Vec::new(),
            field,
            after: Html::default(),
            button: "Continue".to_owned(),
            otherwise: None,
        }
    }
}

/// The way on after an answer.
fn onwards(answers: &Answers, page: Page) -> Answer {
    go_to(journey::after(answers, page).path())
}

/// A question as it is shown again with its problems.
fn again(asking: &Asking, fields: Fields, problems: Problems) -> Form {
    asking.visit.form(fields, problems)
}
