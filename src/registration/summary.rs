//! What was answered, as lists that the registrant, their printout and the case page show alike.

use super::answers::{AskedAccess, Person, Proof, Sites};
use super::complete::Complete;
use super::journey::Page;
use crate::web::components::{Action, SummaryList, SummaryListRow};

/// Lines of the list, with a heading.
pub struct Section {
    pub heading: &'static str,
    pub list: SummaryList,
}

/// One person as lists show them.
pub struct PersonRow {
    /// Place in the list, counted from 1.
    pub place: usize,
    pub name: String,
    pub role: String,
    pub access: &'static str,
    pub email: String,
    pub mobile: String,
}

/// The people, with contact details masked for somebody who came back with a code.
pub fn people(people: &[Person], masked: bool) -> Vec<PersonRow> {
    (1..)
        .zip(people)
        .map(|(place, person)| PersonRow {
            place,
            name: person.full_name(),
            role: person.role.clone(),
            access: match person.access {
                AskedAccess::Owner => "Owner",
                AskedAccess::Member => "Member",
            },
            email: if masked { person.email.masked() } else { person.email.to_string() },
            mobile: if masked { person.mobile.masked() } else { person.mobile.in_words() },
        })
        .collect()
}

fn row(key: &str, value: impl Into<String>, change: Option<String>) -> SummaryListRow {
    let value: String = value.into();
    let mut row = SummaryListRow { key: key.into(), value: value.as_str().into(), ..Default::default() };
    if let Some(href) = change {
        row.actions = vec![Action {
            href,
            text: "Change".to_owned(),
            visually_hidden_text: key.to_lowercase(),
            ..Default::default()
        }]
        .into();
    }
    row
}

/// Everything that was answered, in sections; with change links while it is a draft.
pub fn sections(answers: &Complete, masked: bool, with_links: bool) -> Vec<Section> {
    let change = |page: Page| with_links.then(|| page.path());
    let list = |rows: Vec<SummaryListRow>| SummaryList { rows, ..Default::default() };
    let email = if masked { answers.email.masked() } else { answers.email.to_string() };
    let sites = match answers.sites {
        Sites::One => "One",
        Sites::Several => "Several; each is registered by itself",
    };
    let you = vec![
        row("Your email address", email, change(Page::Email)),
        row("Sites of the organisation", sites, change(Page::Sites)),
    ];
    let (site, dspt) = (&answers.site, &answers.dspt);
    let whose = if dspt.by_hq { " (head office)" } else { "" };
    let proof = match &answers.proof {
        Proof::ContactId { .. } => "CQC contact ID, checked".to_owned(),
        Proof::EmailedCode { sent_to, .. } => format!("Code sent to {sent_to}, checked"),
        Proof::CallBack { ask_for, when, telephone, .. } => {
            format!("Call to {telephone}, ask for {ask_for}, {when}")
        }
    };
    let place = vec![
        row("Site", site.name.clone(), change(Page::FindSite)),
        row("Address", format!("{} {}", site.address, site.postcode), None),
        row("ODS code", site.ods_code.clone(), None),
        row("CQC location ID", site.cqc_location_id.clone(), None),
        row("DSPT", format!("{}{whose}", dspt.words), None),
        row("Proof that you may act for the site", proof, change(Page::Proof)),
        row("Town or city", answers.town.clone(), change(Page::Town)),
    ];
    let people = people(&answers.people, masked)
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
