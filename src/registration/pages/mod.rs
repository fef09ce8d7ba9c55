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
pub mod town;

use self::before_you_start::EligibilityQuestion;
use self::exits::Exit;
use super::answer::OneAnswer;
use super::answers::Answers;
use super::journey::{self, Page};
use super::{Draft, DraftState, Refusal, Stored, moves, store};
use crate::app::App;
use crate::outbox::outcome::{Declined, NotDone, without_faults};
use crate::sign_in::Registrant;
use crate::sign_in::authority::{IsDeed, Permit, Subject, Who, permit};
use crate::sign_in::limits::wait_in_words;
use crate::web::components::Html;
use crate::web::{Again, Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to};
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;

/// What every page of a draft is handed.
pub struct Asking {
    pub app: App,
    pub visit: Visit,
    pub registrant: Registrant,
    pub draft: Draft,
}

/// A permit of whoever a session says somebody is: their own registration and no other.
fn own_permit<D: IsDeed>(registration: &str) -> Result<Permit<D>, Interrupt> {
    let id = registration.to_owned();
    let who = Who::Registrant { registration: id.clone() };
    permit(&who, Subject::Registration { id }).map_err(|_| Interrupt::not_found())
}

impl Asking {
    /// Loads the draft of the session.
    ///
    /// # Errors
    /// Not found where it is gone; on to the confirmation where it has been sent.
    pub async fn load(app: App, visit: Visit, registrant: Registrant) -> Result<Self, Interrupt> {
        let stored = store::find(&app.database, &registrant.registration).await?;
        match stored.ok_or_else(Interrupt::not_found)? {
            Stored::Draft(draft) => Ok(Asking { app, visit, registrant, draft }),
            Stored::Sent(_) | Stored::Forgotten(_) => Err(Interrupt::Redirect("/register/sent".to_owned())),
        }
    }

    /// Loads the draft of the session for a page of the journey.
    ///
    /// # Errors
    /// Where to go instead, where the draft is over or the journey has not come to the page.
    pub async fn load_at(
        app: App,
        visit: Visit,
        registrant: Registrant,
        page: Page,
    ) -> Result<Self, Interrupt> {
        let asking = Asking::load(app, visit, registrant).await?;
        if asking.draft.state != DraftState::Draft {
            return Err(Interrupt::Redirect("/register/sent".to_owned()));
        }
        asking.is_at(page)?;
        Ok(asking)
    }

    fn is_at(&self, page: Page) -> Result<(), Interrupt> {
        if journey::can_visit(self.answers(), page) {
            Ok(())
        } else {
            Err(Interrupt::Redirect(journey::next(self.answers()).path()))
        }
    }

    pub fn answers(&self) -> &Answers {
        &self.draft.answers
    }

    /// What stands round a page of the journey, with its back link.
    pub fn layout(&self, page: Page, title: &str, form: &Form) -> Layout {
        let back = journey::back(self.answers(), page).map_or_else(|| "/register".to_owned(), Page::path);
        self.visit.layout(title).with_problems(form).back_to(back)
    }

    pub fn permit<D: IsDeed>(&self) -> Result<Permit<D>, Interrupt> {
        own_permit(&self.draft.id)
    }

    /// Saves an answer: the answers as they are then, or why the form is shown again; what has no field of
    /// its own stands beside `field`.
    ///
    /// # Errors
    /// Where to go instead, or a fault.
    pub async fn save(
        &self,
        field: &'static str,
        answer: OneAnswer,
    ) -> Result<Result<Answers, Again>, Interrupt> {
        let saved = moves::save_answer(&self.app, self.permit()?, answer).await;
        self.outcome(field, saved)
    }

    /// What to do about the outcome of a move on the draft.
    ///
    /// # Errors
    /// Where to go instead, or a fault.
    pub fn outcome<T>(
        &self,
        field: &'static str,
        outcome: Result<T, NotDone<Refusal>>,
    ) -> Result<Result<T, Again>, Interrupt> {
        put_right(&self.app, field, outcome)
    }
}

/// Takes apart how a move ended: what it gave, or why its form is shown again.
///
/// # Errors
/// Somewhere else to go, a refusal that no field can mend, or a fault.
fn put_right<T>(
    app: &App,
    field: &'static str,
    outcome: Result<T, NotDone<Refusal>>,
) -> Result<Result<T, Again>, Interrupt> {
    let refusal = match without_faults(outcome)? {
        Ok(done) => return Ok(Ok(done)),
        Err(Declined::Conflict(conflict)) => return Ok(Err(Again::after_conflict(field, conflict.words))),
        Err(Declined::Refusal(refusal)) => refusal,
    };
    let refused = |title: &str| Interrupt::refused(StatusCode::CONFLICT, title, &refusal.words());
    let now = app.clock.now();
    let (field, words) = match &refusal {
        Refusal::Answer { field, words } => (*field, words.clone()),
        Refusal::Code(problem) => (field, problem.words(now)),
        Refusal::TooOften(used_up) => {
            let when = wait_in_words(now, used_up.until);
            let words = format!("There have been too many tries. Try again {when}, or call our helpdesk");
            return Ok(Err(Again::too_often(field, words)));
        }
        Refusal::NoSiteEmail | Refusal::WrongContactId | Refusal::UnderReview(_) => (field, refusal.words()),
        Refusal::Unanswered(page) | Refusal::NotAskedYet(page) => {
            return Err(Interrupt::Redirect(page.path()));
        }
        Refusal::SiteTaken => return Err(Interrupt::Redirect(Page::Recovery.path())),
        Refusal::AlreadySent => {
            let sent = refused("This registration has been sent");
            return Err(sent.then("/register/sent", "See your registration"));
        }
        Refusal::DraftIsOver => {
            let over = refused("This registration has ended");
            return Err(over.then("/register", "Start page"));
        }
        Refusal::NotUndecided(_)
        | Refusal::NotAsked
        | Refusal::BeingChecked
        | Refusal::RegistersSilent(_)
        | Refusal::AskedAlready
        | Refusal::NotReady
        | Refusal::DeadLink => return Err(refused("Nothing was changed")),
    };
    Ok(Err(Problems::one(field, words).into()))
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
    let asking = Asking::load_at(app, visit, registrant, page).await?;
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
    let is_open = match asking.draft.state {
        DraftState::Draft => true,
        // A message sent twice from a way out is confirmed twice.
        DraftState::Ineligible { .. } => exits::takes_message(page),
        DraftState::Expired => false,
    };
    if !is_open {
        return go_to("/register/sent");
    }
    asking.is_at(page)?;
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
