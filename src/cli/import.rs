//! `carepost import`: takes a register file.

use super::{Ended, tables};
use crate::app::contact_key;
use crate::clock::{Clock, Day};
use crate::register::import::{self, ImportKind};
use crate::settings::{Settings, service_key};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct Import {
    /// cqc-locations, cqc-providers, ods-sites, ods-hqs, ods-succession, dspt or site-contacts
    kind: String,
    file: PathBuf,
    /// Count and report, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Allow a file that closes or removes more than 5 % of what is there
    #[arg(long)]
    allow_shrink: bool,
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
            allow_shrink: self.allow_shrink,
            source: self.source,
            data_date,
            by: "operator".to_owned(),
            contact_key,
        };
        let database = tables::open_current(settings).await?;
        let report = import::run(&database, &Clock::system(), kind, &self.file, &options)
            .await
            .map_err(|refusal| refusal.to_string())?;
        if self.json {
            println!("{}", report.json())
        } else {
            println!("{report}")
        }
        Ok(ExitCode::SUCCESS)
    }
}
