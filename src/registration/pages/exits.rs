//! Where the journey ends without a registration: each says why and what to do next, and none is a
//! dead end. Three take a short enquiry that becomes a case.

use super::{Asking, again};
use crate::app::App;
use crate::contact::{Email, Name, parse_telephone};
use crate::outbox::outcome::NotDone;
use crate::registration::RegistrationState;
use crate::registration::journey::Page;
use crate::registration::moves::{self, AskAtExit};
use crate::registration::reasons::Reason;
use crate::service_desk::moves::Receive;
use crate::service_desk::{EnquiryKind, NewEnquiry, too_often};
use crate::sign_in::authority::{self, Subject, Who};
use crate::web::page::show_with;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, show as show_page};
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;

/// Longest message, in characters.
const MESSAGE_LETTERS_MAX: usize = 4_000;

/// A way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    NotSocialCare,
    NotCqcRegistered,
    Hospice,
    SelfManagement,
    Recovery,
}

impl Exit {
    fn page(self) -> Page {
        match self {
            Exit::NotSocialCare => Page::NotSocialCare,
            Exit::NotCqcRegistered => Page::NotCqcRegistered,
            Exit::Hospice => Page::IsHospice,
            Exit::SelfManagement => Page::SelfManagement,
            Exit::Recovery => Page::Recovery,
        }
    }

    fn reason(self) -> Reason {
        match self {
            Exit::NotSocialCare => Reason::NotSocialCare,
            Exit::NotCqcRegistered => Reason::NotCqcRegistered,
            Exit::Hospice => Reason::Hospice,
            Exit::SelfManagement => Reason::ManagedByOthers,
            Exit::Recovery => Reason::AlreadyHasAccounts,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Exit::NotSocialCare => "This service is for social care in England",
            Exit::NotCqcRegistered => "You need to be registered with CQC",
            Exit::Hospice => "Hospices join in another way",
            Exit::SelfManagement => "Ask to look after your accounts yourselves",
            Exit::Recovery => "Your site has secure email already",
        }
    }

    fn intro(self) -> &'static [&'static str] {
        match self {
            Exit::NotSocialCare => &[
                "Only organisations that provide social care in England can register here.",
                "Other organisations in health and care have routes of their own. Call or email our helpdesk and we will tell you which is yours.",
            ],
            Exit::NotCqcRegistered => &[
                "Only sites that are registered with the Care Quality Commission (CQC) can register here.",
                "If you provide care that CQC does not regulate, there is a third-party route. Call or email our helpdesk and we will tell you about it.",
            ],
            Exit::Hospice => &[
                "Send this query and our feedback team will tell you how your hospice can join. It goes out under the subject “Hospice NHSmail Application Query”.",
            ],
            Exit::SelfManagement => &[
                "An organisation with several sites, IT support and people to look after accounts can manage them itself. You apply once, for all sites, under the code of your head office.",
                "Tell us about your organisation. We will send you what you need to apply.",
                "If you would rather have the central team do it, go back and register each site here.",
            ],
            Exit::Recovery => &[
                "Do not register again. That would make a second set of accounts.",
                "If a colleague can open the shared mailbox, ask them to email our helpdesk from it. That is quickest.",
                "If nobody can open it, send this form. We will call the site on the number that CQC publishes.",
            ],
        }
    }

    fn kind(self) -> Option<EnquiryKind> {
        match self {
            Exit::NotSocialCare | Exit::NotCqcRegistered => None,
            Exit::Hospice => Some(EnquiryKind::Hospice),
            Exit::SelfManagement => Some(EnquiryKind::SelfManagement),
            Exit::Recovery => Some(EnquiryKind::Recovery),
        }
    }

    fn organisation_label(self) -> &'static str {
        match self {
            Exit::Hospice => "Name of the hospice",
            Exit::SelfManagement | Exit::NotSocialCare | Exit::NotCqcRegistered => {
                "Name of your organisation"
            }
            Exit::Recovery => "Name and postcode of your site",
        }
    }
}

#[derive(askama::Template)]
#[template(path = "registration/pages/exit.html")]
pub struct ExitPage {
    pub layout: Layout,
    pub form: Form,
    pub intro: &'static [&'static str],
    pub takes_enquiry: bool,
    pub organisation_label: &'static str,
}

fn page_of(asking: &Asking, exit: Exit, form: Form) -> ExitPage {
    ExitPage {
        layout: asking.layout(exit.page(), exit.title(), &form),
        form,
        intro: exit.intro(),
        takes_enquiry: exit.kind().is_some(),
        organisation_label: exit.organisation_label(),
    }
}

pub fn show(asking: &Asking, exit: Exit) -> Answer {
    let mut fields = Fields::default();
    if let Some(email) = asking.case.registrant_email().filter(|_| !asking.registrant.masked) {
        fields = fields.with("email", email.as_str());
    }
    if let Some(site) = &asking.answers().site {
        fields = fields.with("organisation", &format!("{}, {}", site.name, site.postcode));
    }
    show_page(&page_of(asking, exit, asking.visit.form(fields, Problems::none())), &Problems::none())
}

fn read(exit: Exit, kind: EnquiryKind, fields: &Fields) -> Result<NewEnquiry, Problems> {
    let mut problems = Problems::none();
    let organisation = problems.take(
        "organisation",
        fields.line(
            "organisation",
            200,
            &format!("Enter the {}", exit.organisation_label().to_lowercase()),
            exit.organisation_label(),
        ),
    );
    let name = problems.take("name", Name::parse(fields.text("name"), "name"));
    let email = problems.take("email", Email::parse(fields.text("email")));
    let telephone = match fields.text("telephone") {
        "" => {
            if exit == Exit::Recovery {
                problems.add("telephone", "Enter a telephone number on which we can reach you");
            }
            String::new()
        }
        typed => problems.take("telephone", parse_telephone(typed)).unwrap_or_default(),
    };
    let message = fields.text("message").to_owned();
    if message.chars().count() > MESSAGE_LETTERS_MAX {
        problems.add("message", format!("Message must be {MESSAGE_LETTERS_MAX} characters or fewer"));
    }
    match (organisation, name, email) {
        (Some(organisation), Some(name), Some(email)) if problems.is_empty() => Ok(NewEnquiry {
            kind,
            subject: kind.subject().to_owned(),
            name: name.as_str().to_owned(),
            email,
            telephone,
            organisation,
            message: if message.is_empty() { "(no message)".to_owned() } else { message },
            affected: None,
            account: None,
        }),
        _ => Err(problems),
    }
}

pub async fn save(asking: &Asking, exit: Exit, fields: Fields) -> Answer {
    let Some(kind) = exit.kind() else { return go_to(exit.page().path()) };
    let asked = match read(exit, kind, &fields) {
        Ok(asked) => asked,
        Err(problems) => {
            let form = again(asking, fields, problems.clone());
            return show_page(&page_of(asking, exit, form), &problems);
        }
    };
    let app = &asking.app;
    let id = asking.case.id.clone();
    let who = Who::Registrant { registration: asking.registrant.registration.clone() };
    let message = Receive { once: asked.once(&id), asked, network: asking.visit.network().to_owned() };
    let permit = authority::permit(&who, Subject::Registration { id }).map_err(|_| Interrupt::not_found())?;
    match moves::ask_at_exit(app, permit, AskAtExit { message, reason: exit.reason() }).await {
        Ok(reference) => go_to(format!("/register/message-sent/{reference}")),
        Err(NotDone::Refusal(used_up)) => {
            let words = too_often(&app.settings, app.clock.now(), used_up);
            let form = again(asking, fields, Problems::one("message", words));
            show_with(StatusCode::TOO_MANY_REQUESTS, &page_of(asking, exit, form))
        }
        Err(NotDone::Conflict(conflict)) => {
            Err(Interrupt::refused(StatusCode::CONFLICT, "Your message was not sent", &conflict.words))
        }
        Err(NotDone::Fault(error)) => Err(error.into()),
    }
}

#[derive(askama::Template)]
#[template(path = "registration/pages/message_sent.html")]
pub struct MessageSentPage {
    pub layout: Layout,
    pub reference: String,
    pub hours: u16,
}

/// GET /register/message-sent/{reference}
pub async fn message_sent(Shared(app): Shared<App>, visit: Visit, Path(reference): Path<String>) -> Answer {
    // Nothing is looked up: the page says only what the address says, and only if it is a reference.
    let reference = crate::id::Reference::parse(&reference).ok_or_else(Interrupt::not_found)?;
    let template = MessageSentPage {
        layout: visit.layout("Message sent"),
        reference: reference.to_string(),
        hours: app.settings.enquiry_hours,
    };
    show_page(&template, &Problems::none())
}

/// Whether a draft ended at an exit.
pub fn is_over(state: &RegistrationState) -> bool {
    matches!(state, RegistrationState::Ineligible { .. })
}

/// Whether people write to us on this page.
pub fn takes_message(page: Page) -> bool {
    [Exit::Hospice, Exit::SelfManagement, Exit::Recovery].into_iter().any(|exit| exit.page() == page)
}
