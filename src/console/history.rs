//! What has happened to a case, from the audit trail, and who has looked at it.

use super::{OPENED, store};
use crate::app::App;
use crate::audit::{self, Written};
use crate::registration::reasons::Reason;
use crate::service_desk::note::NOTED;
use crate::web::Interrupt;
use crate::web::components::{Details, Heading, Html, Table, TableCell, TableHeader};
use crate::web::parts::wrapped;

/// What ends a case for everybody who works on it.
const ENDS: [&str; 5] = [
    "registration approved",
    "registration declined",
    "registration withdrawn",
    "registration stopped by the site",
    "enquiry closed",
];

/// The history of one case.
pub struct History {
    pub table: Table,
    /// Nothing where nobody has looked yet.
    pub looks: Option<Details>,
    entries: Vec<Written>,
    names: Names,
}

/// Names of case workers by identifier.
pub type Names = Vec<(String, String)>;

/// Reads the history of a case.
///
/// # Errors
/// A fault.
pub async fn of(app: &App, subject: &str) -> Result<History, Interrupt> {
    let entries = audit::store::history(&app.database, subject).await?;
    let names = store::list_names(&app.database).await?;
    Ok(History { table: table(&entries, &names), looks: looks(&entries, &names), entries, names })
}

impl History {
    /// What happened last, by whom and when, for somebody who was too late: how the case ended, or
    /// else the last thing that was done with it.
    pub fn last_in_words(&self) -> String {
        let last =
            |wanted: &dyn Fn(&str) -> bool| self.entries.iter().rev().find(|entry| wanted(&entry.action));
        let ended = last(&|action| ENDS.contains(&action));
        let entry = ended.or_else(|| last(&|action| action != OPENED && action != NOTED));
        entry.map_or_else(String::new, |entry| {
            format!(
                "{}, {} on {}.",
                actor_in_words(&entry.actor, &self.names),
                entry.action,
                entry.at.in_words()
            )
        })
    }

    /// How an enquiry was closed, as its entry says.
    pub fn detail_of(&self, action: &str) -> String {
        let entry = self.entries.iter().rev().find(|entry| entry.action == action);
        entry.map_or_else(String::new, |entry| {
            format!(
                "{}. {}, {}",
                capitalised(&entry.detail),
                actor_in_words(&entry.actor, &self.names),
                entry.at.in_words()
            )
        })
    }
}

/// Who did something, as case workers read it.
pub fn actor_in_words(actor: &str, names: &[(String, String)]) -> String {
    if let Some(id) = actor.strip_prefix("case worker ") {
        let name = names.iter().find(|(known, _)| known == id).map(|(_, name)| name.clone());
        return name.unwrap_or_else(|| "A case worker".to_owned());
    }
    match actor {
        "service" => "Carepost".to_owned(),
        "registrant" => "The registrant".to_owned(),
        "anybody" => "Whoever wrote".to_owned(),
        "site contact" => "The site’s own contact".to_owned(),
        "operator" => "Whoever runs the service".to_owned(),
        other if other.starts_with("account holder ") => "An account holder".to_owned(),
        other => other.to_owned(),
    }
}

/// With a capital at its beginning.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Why, in words: a reason's code is followed by what it stands for.
fn detail_in_words(detail: &str) -> String {
    Reason::parse(detail).map_or_else(|| detail.to_owned(), |reason| format!("{detail}: {}", reason.words()))
}

fn table(entries: &[Written], names: &[(String, String)]) -> Table {
    let rows = entries
        .iter()
        .filter(|entry| entry.action != OPENED)
        .map(|entry| {
            vec![
                TableCell::from(entry.at.in_words()),
                capitalised(&entry.action).into(),
                actor_in_words(&entry.actor, names).into(),
                wrapped(&capitalised(&detail_in_words(&entry.detail))),
            ]
        })
        .collect();
    Table {
        caption: Some(Heading {
            text: "What has happened to this case, oldest first".to_owned(),
            classes: "nhsuk-u-visually-hidden".to_owned(),
            ..Default::default()
        }),
        head: ["When", "What", "Who", "Why"].into_iter().map(TableHeader::from).collect(),
        rows,
        responsive: true,
        compact: true,
        ..Default::default()
    }
}

#[derive(askama::Template)]
#[template(
    source = r#"<ul class="nhsuk-list nhsuk-list--bullet">{% for look in looks %}<li>{{ look }}</li>{% endfor %}</ul>"#,
    ext = "html"
)]
struct Looks {
    looks: Vec<String>,
}
impl askama::filters::HtmlSafe for Looks {}

fn looks(entries: &[Written], names: &[(String, String)]) -> Option<Details> {
    let looks: Vec<String> = entries
        .iter()
        .filter(|entry| entry.action == OPENED)
        .map(|entry| format!("{}, {}", actor_in_words(&entry.actor, names), entry.at.in_words()))
        .collect();
    (!looks.is_empty()).then(|| Details {
        summary: "Who has looked at this case".into(),
        html: Some(Html::of(&Looks { looks })),
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn entry(actor: &str, action: &str, detail: &str) -> Written {
        Written {
            id: "entry".to_owned(),
            at: Timestamp::parse_london("2026-03-02 09:05").expect("a time"),
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: "case".to_owned(),
            detail: detail.to_owned(),
            text_hash: String::new(),
            text: String::new(),
        }
    }

    #[test]
    fn everybody_who_acts_has_a_name_and_no_identifier_is_shown() {
        let names = vec![("w1".to_owned(), "Casey Worker".to_owned())];
        let check = |actor: &str, expect: &str| assert_eq!(actor_in_words(actor, &names), expect);
        check("case worker w1", "Casey Worker");
        check("case worker w2", "A case worker");
        check("account holder a1", "An account holder");
        check("service", "Carepost");
        check("site contact", "The site’s own contact");
    }

    #[test]
    fn looks_stand_apart_from_what_was_done() {
        let names = vec![("w1".to_owned(), "Casey Worker".to_owned())];
        let entries = vec![
            entry("registrant", "registration submitted", ""),
            entry("case worker w1", "registration declined", "REJ-10"),
            entry("case worker w1", NOTED, ""),
            entry("case worker w1", OPENED, ""),
        ];
        let table = table(&entries, &names);
        assert_eq!(table.rows.len(), 3);
        assert_eq!(table.rows[1][1].text, "Registration declined");
        assert!(table.to_string().contains("REJ-10: "), "{table}");
        let looks = looks(&entries, &names).expect("somebody looked").to_string();
        assert!(looks.contains("Casey Worker, 2 March 2026 at 9:05am"), "{looks}");
        let history = History { table, looks: None, entries, names };
        assert_eq!(history.last_in_words(), "Casey Worker, registration declined on 2 March 2026 at 9:05am.");
    }
}
