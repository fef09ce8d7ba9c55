//! `carepost import`: takes a register file.

use super::Ended;
use super::tables::{self, words};
use crate::app::contact_key;
use crate::casework::moves;
use crate::clock::{Clock, Day};
use crate::register::import::{self, ImportKind};
use crate::register::store;
use crate::settings::{Settings, service_key};
use crate::sign_in::authority::{self, Subject, Who};
use std::path::PathBuf;
use std::process::ExitCode;

/// The exit code of an import that waits until two people have released it.
const HELD: u8 = 3;

#[derive(clap::Args)]
pub struct Import {
    /// cqc-locations, cqc-providers, ods-sites, ods-hqs, ods-succession, dspt or site-contacts
    kind: String,
    file: PathBuf,
    /// Count and report, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Where the file comes from
    #[arg(long, value_name = "WORDS")]
    source: Option<String>,
    /// The day the data is of, like 2026-03-02
    #[arg(long, value_name = "DAY")]
    data_date: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Import {
    pub async fn run(self, settings: &Settings) -> Ended {
        let kind = ImportKind::parse(&self.kind)?;
        let data_date = match self.data_date {
            None => None,
            Some(text) => Some(Day::parse_iso(&text).ok_or("--data-date must be a day like 2026-03-02")?),
        };
        let contact_key =
            if kind == ImportKind::SiteContacts { Some(contact_key(&service_key(settings)?)) } else { None };
        let options = import::Options {
            dry_run: self.dry_run,
            limits: import::Limits {
                closed_percent: usize::from(settings.import_closed_percent_max),
                contacts_percent: usize::from(settings.import_contacts_percent_max),
            },
            source: self.source,
            data_date,
            by: "operator".to_owned(),
            contact_key,
        };
        let database = tables::open_current(settings).await?;
        let permit =
            authority::permit(&Who::Operator, Subject::Service).map_err(|why| why.words().to_owned())?;
        let (clock, source) = (Clock::system(), import::Source::File(&self.file));
        let report = moves::import_register(&database, &clock, permit, kind, source, &options)
            .await
            .map_err(|refusal| refusal.to_string())?;
        if self.json {
            println!("{}", report.json())
        } else {
            println!("{report}")
        }
        // A script sees that nothing was imported yet.
        Ok(if report.held.is_some() { ExitCode::from(HELD) } else { ExitCode::SUCCESS })
    }
}

/// `carepost imports`: what was imported last of each register, and which imports wait for two people.
pub async fn list(settings: &Settings) -> Ended {
    let database = tables::open_current(settings).await?;
    let counts = store::register_counts(&database).await.map_err(words)?;
    let last = store::last_imports(&database).await.map_err(words)?;
    for (kind, count) in ImportKind::ALL.into_iter().zip(counts) {
        let of_kind = last.iter().find(|import| import.kind == kind.name());
        match of_kind {
            None => println!("{kind}: {} rows, never imported", count.rows),
            Some(import) => println!(
                "{kind}: {} rows, {} no longer listed; last import {} on {}: {}, data of {}, {} applied, {} unchanged, {} rejected, {} closed",
                count.rows,
                count.gone,
                import.number,
                import.finished_at.in_words(),
                import.file_name,
                import.data_date.map_or_else(|| "a day that is not known".to_owned(), Day::iso),
                import.applied,
                import.unchanged,
                import.rejected,
                import.closed
            ),
        }
    }
    let held = store::held_imports(&database).await.map_err(words)?;
    if held.is_empty() {
        println!("No import waits.");
    }
    for import in held {
        let details: import::Details = serde_json::from_str(&import.report).unwrap_or_default();
        let by = if import.first_by.is_some() { "one more case worker" } else { "two case workers" };
        println!(
            "Waits for {by}: {}, {}, since {}: /casework/registers/{}",
            import.kind,
            import.file_name,
            import.held_at.in_words(),
            import.id
        );
        for reason in details.waits_because {
            println!("  {reason}");
        }
    }
    Ok(ExitCode::SUCCESS)
}
