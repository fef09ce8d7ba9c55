//! Check your answers, declare, send; then the confirmation with the reference.

use super::{Asking, again};
use crate::app::App;
use crate::clock::Span;
use crate::contact::Email;
use crate::database::{Error, Tx, transaction};
use crate::letter::Letterhead;
use crate::register::CqcLocationId;
use crate::registration::answers::{Answers, Proof, Sites};
use crate::registration::journey::Page;
use crate::registration::store::{self, Saved};
use crate::registration::{Refusal, Registration, RegistrationState, after_set_up, letters};
use crate::sign_in::Registrant;
use crate::sign_in::links::{self, LinkFor};
use crate::sign_in::secrets::Purpose;
use crate::web::components::{Action, SummaryList, SummaryListRow, Table};
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, show as show_page};
use axum::extract::State as Shared;

/// Lines of the list, with a heading.
pub struct Section {
    pub heading: &'static str,
    pub list: SummaryList,
}

/// How long the site may stop a registration it did not ask for.
const STOP_LINK_LASTS: Span = Span::days(30);

fn row(key: &str, value: impl Into<String>, page: Option<&Page>) -> SummaryListRow {
    let value: String = value.into();
    let mut row = SummaryListRow { key: key.into(), value: value.as_str().into(), ..Default::default() };
    if let Some(page) = page {
        row.actions = vec![Action {
            href: page.path(),
            text: "Change".to_owned(),
            visually_hidden_text: key.to_lowercase(),
            ..Default::default()
        }]
        .into();
    }
    row
}

/// Everything that was answered, in sections; with change links while it is a draft.
pub fn sections(answers: &Answers, masked: bool, with_links: bool) -> Vec<Section> {
    let link = |page: &'static Page| with_links.then_some(page);
    let list = |rows: Vec<SummaryListRow>| SummaryList { rows, ..Default::default() };
    let mut you = Vec::new();
    if let Some(email) = &answers.email {
        let shown = if masked { email.masked() } else { email.to_string() };
        you.push(row("Your email address", shown, link(&Page::Email)));
    }
    if let Some(sites) = answers.sites {
        let words = match sites {
            Sites::One => "One",
            Sites::Several => "Several; each is registered by itself",
        };
        you.push(row("Sites of the organisation", words, link(&Page::Sites)));
    }
    let mut place = Vec::new();
    if let Some(site) = &answers.site {
        place.push(row("Site", site.name.clone(), link(&Page::FindSite)));
        place.push(row("Address", format!("{} {}", site.address, site.postcode), None));
        place.push(row("ODS code", site.ods_code.clone(), None));
        place.push(row("CQC location ID", site.cqc_location_id.clone(), None));
    }
    if let Some(dspt) = &answers.dspt {
        let whose = if dspt.by_hq { " (head office)" } else { "" };
        place.push(row("DSPT", format!("{}{whose}", dspt.words), None));
    }
    if let Some(proof) = &answers.proof {
        let words = match proof {
            Proof::ContactId { .. } => "CQC contact ID, checked".to_owned(),
            Proof::EmailedCode { sent_to } => format!("Code sent to {sent_to}, checked"),
            Proof::CallBack { ask_for, when, telephone } => {
                format!("Call to {telephone}, ask for {ask_for}, {when}")
            }
        };
        place.push(row("Proof that you may act for the site", words, link(&Page::Proof)));
    }
    if let Some(town) = &answers.town {
        place.push(row("Town or city", town.clone(), link(&Page::Town)));
    }
    let people = super::people::lines(answers, masked)
        .into_iter()
        .map(|line| {
            let value = format!("{}, {}. {}, {}", line.access, line.role, line.email, line.mobile);
            let mut entry = row(&line.name, value, None);
            if with_links {
                entry.actions = vec![Action {
                    href: format!("/register/people/{}", line.place),
                    text: "Change".to_owned(),
                    visually_hidden_text: line.name.clone(),
                    ..Default::default()
                }]
                .into();
            }
            entry
        })
        .collect();
    vec![
        Section { heading: "You", list: list(you) },
        Section { heading: "Your site", list: list(place) },
        Section { heading: "People", list: list(people) },
    ]
}

#[derive(askama::Template)]
#[template(path = "registration/pages/check_answers.html")]
pub struct CheckPage {
    pub layout: Layout,
    pub form: Form,
    pub sections: Vec<Section>,
}

fn page_of(asking: &Asking, form: Form) -> CheckPage {
    CheckPage {
        layout: asking.layout(Page::CheckAnswers, "Check your answers before you send them", &form),
        form,
        sections: sections(asking.answers(), asking.registrant.masked, true),
    }
}

pub fn show(asking: &Asking) -> Answer {
    show_page(&page_of(asking, asking.visit.empty_form()), &Problems::none())
}

/// Why nothing was sent.
#[derive(Clone, Debug)]
enum NotSent {
    Refused(Refusal),
    /// The site has a registration already.
    SiteTaken,
    Fault(Error),
}

impl From<Error> for NotSent {
    fn from(error: Error) -> Self {
        NotSent::Fault(error)
    }
}

pub async fn save(asking: &Asking, fields: Fields) -> Answer {
    if fields.text("declaration") != "yes" {
        let problems = Problems::one(
            "declaration",
            "Confirm that you may act for the site and that your answers are right",
        );
        return show_page(&page_of(asking, again(asking, fields, problems.clone())), &problems);
    }
    let app = &asking.app;
    let (min, max) = (usize::from(app.settings.people_min), usize::from(app.settings.people_max));
    if asking.answers().people_problem(min, max).is_some() {
        return go_to(Page::People.path());
    }
    let now = app.clock.now();
    let within = Span::hours(i64::from(app.settings.decision_hours));
    let id = asking.case.id.clone();
    let (from, key) = (Letterhead::of(&app.settings), app.key.clone());
    let sent = app
        .database
        .write::<(), NotSent, _>(transaction!(async move |tx| {
            let Some(case) = store::find(tx, &id).await? else {
                return Err(NotSent::Refused(Refusal::NotADraft));
            };
            let mut change = case.submit(now, within).map_err(NotSent::Refused)?;
            if let Some(email) = change.state.registrant_email().cloned() {
                let letter = letters::received(&from, now, &change.state, &email);
                change = change.telling(letter);
            }
            if let Some(contact) = site_email(tx, &change.state).await? {
                let link = LinkFor::new(&key, Purpose::StopLink, &id, contact.as_str());
                let link = links::make(tx, &link, now, STOP_LINK_LASTS).await?;
                let letter = letters::notice_to_site(&from, now, &change.state, &contact, &link);
                change = change.telling(letter);
            }
            match store::save_submission(tx, now, &change).await? {
                Some(Saved::Yes) => Ok(()),
                Some(Saved::VersionConflict) => Err(NotSent::Refused(Refusal::NotADraft)),
                None => Err(NotSent::SiteTaken),
            }
        }))
        .await;
    match sent {
        Ok(()) => go_to("/register/sent"),
        // A double click: it was sent the first time.
        Err(NotSent::Refused(Refusal::NotADraft)) => go_to("/register/sent"),
        Err(NotSent::Refused(Refusal::Unanswered(page))) => go_to(page.path()),
        Err(NotSent::Refused(
            refusal @ (Refusal::NotUndecided(_)
            | Refusal::NotAsked
            | Refusal::BeingChecked
            | Refusal::AskedAlready
            | Refusal::NotReady),
        )) => Err(Interrupt::refused(axum::http::StatusCode::CONFLICT, "Nothing was sent", &refusal.words())),
        Err(NotSent::SiteTaken) => {
            asking.keep(|answers| answers.has_account = Some(true)).await?;
            go_to(Page::Recovery.path())
        }
        Err(NotSent::Fault(error)) => Err(error.into()),
    }
}

/// The address a register holds for the site of a registration.
async fn site_email(tx: &mut Tx, case: &Registration) -> Result<Option<Email>, Error> {
    let Some(site) = &case.answers.site else { return Ok(None) };
    let Ok(location) = CqcLocationId::parse(&site.cqc_location_id) else { return Ok(None) };
    let contacts = crate::register::store::site_contacts(tx, &location).await?;
    Ok(contacts.and_then(|contacts| contacts.emails().find_map(|email| Email::parse(email).ok())))
}

#[derive(askama::Template)]
#[template(path = "registration/pages/sent.html")]
pub struct SentPage {
    pub layout: Layout,
    pub reference: String,
    pub site: String,
    pub email: String,
    pub due: String,
    pub ended: bool,
    pub after_set_up: Table,
}

/// GET /register/sent
pub async fn sent(Shared(app): Shared<App>, visit: Visit, registrant: Registrant) -> Answer {
    let asking = Asking::load(app, visit, registrant).await?;
    if matches!(asking.case.state, RegistrationState::Draft) {
        return go_to(crate::registration::journey::next(asking.answers()).path());
    }
    let case = &asking.case;
    if case.submitted_at.is_none() {
        return go_to("/register");
    }
    let template = SentPage {
        layout: asking.visit.layout("Registration sent"),
        reference: case.reference.to_string(),
        site: case.site_name().to_owned(),
        email: case.registrant_email().map(|email| email.masked()).unwrap_or_default(),
        due: case.due_at.map_or_else(String::new, crate::clock::Timestamp::in_words),
        ended: !case.state.is_undecided(),
        after_set_up: after_set_up::table(&asking.app.settings),
    };
    show_page(&template, &Problems::none())
}

#[derive(askama::Template)]
#[template(path = "registration/pages/summary.html")]
pub struct SummaryPage {
    pub layout: Layout,
    pub reference: String,
    pub sent_at: String,
    pub sections: Vec<Section>,
}

/// GET /register/summary: everything that was sent, for printing.
pub async fn summary(Shared(app): Shared<App>, visit: Visit, registrant: Registrant) -> Answer {
    let asking = Asking::load(app, visit, registrant).await?;
    let Some(sent_at) = asking.case.submitted_at else {
        return go_to(crate::registration::journey::next(asking.answers()).path());
    };
    let template = SummaryPage {
        layout: asking.visit.layout("What you sent").back_to("/register/sent"),
        reference: asking.case.reference.to_string(),
        sent_at: sent_at.in_words(),
        sections: sections(asking.answers(), asking.registrant.masked, false),
    };
    show_page(&template, &Problems::none())
}
