//! Where the journey ends without a registration: each says why and what to do next, and none is a
//! dead end. Three take a short enquiry that becomes a case.

use super::Asking;
use crate::app::App;
use crate::contact::{Email, Name, parse_telephone};
use crate::id::Reference;
use crate::outbox::outcome::NotDone;
use crate::registration::Refusal;
use crate::registration::journey::Page;
use crate::registration::moves::{self, LeaveOrder};
use crate::registration::reasons::Reason;
use crate::service_desk::{EnquiryKind, NewEnquiry, too_often};
use crate::web::{Again, Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, show as show_page};
use axum::extract::{Path, State as Shared};

const MESSAGE: &str = "message";
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
    if let Some(email) = asking.draft.registrant_email().filter(|_| !asking.registrant.masked) {
        fields = fields.with("email", email.as_str());
    }
    if let Some(site) = &asking.answers().site {
        fields = fields.with("organisation", &format!("{}, {}", site.name, site.postcode));
    }
    asking.visit.show_form(fields, |form| page_of(asking, exit, form))
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
    let message = fields.text(MESSAGE).to_owned();
    if message.chars().count() > MESSAGE_LETTERS_MAX {
        problems.add(MESSAGE, format!("Message must be {MESSAGE_LETTERS_MAX} characters or fewer"));
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
    let sent = match read(exit, kind, &fields) {
        Ok(message) => send(asking, exit, message).await?,
        Err(problems) => Err(problems.into()),
    };
    match sent {
        Ok(reference) => go_to(format!("/register/message-sent/{reference}")),
        Err(again) => asking.visit.show_again(fields, again, |form| page_of(asking, exit, form)),
    }
}

async fn send(
    asking: &Asking,
    exit: Exit,
    message: NewEnquiry,
) -> Result<Result<Reference, Again>, Interrupt> {
    let app = &asking.app;
    let order = LeaveOrder { reason: exit.reason(), message, network: asking.visit.network().to_owned() };
    match moves::leave(app, asking.permit()?, order).await {
        Err(NotDone::Refusal(Refusal::TooOften(used_up))) => {
            let words = too_often(&app.settings, app.clock.now(), used_up);
            Ok(Err(Again::too_often(MESSAGE, words)))
        }
        other => asking.outcome(MESSAGE, other),
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
    let reference = Reference::parse(&reference).ok_or_else(Interrupt::not_found)?;
    let template = MessageSentPage {
        layout: visit.layout("Message sent"),
        reference: reference.to_string(),
        hours: app.settings.enquiry_hours,
    };
    show_page(&template, &Problems::none())
}

/// Whether people write to us on this page.
pub fn takes_message(page: Page) -> bool {
    [Exit::Hospice, Exit::SelfManagement, Exit::Recovery].into_iter().any(|exit| exit.page() == page)
}
