//! `carepost mail-compare`: compares the directory with the mail servers and has what differs put right.

use super::Ended;
use super::outside::outside;
use super::tables::{self, words};
use crate::app::App;
use crate::clock::Clock;
use crate::database::{Error, transaction};
use crate::directory::upkeep::{self, store::MailboxDifference};
use crate::settings::{Settings, service_key};
use crate::{audit, work};
use std::process::ExitCode;
use std::time::Duration;

/// How often a comparison that somebody else has taken is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(clap::Args)]
pub struct MailCompare {
    /// Also remove mailboxes, with their mail, that the directory does not know
    #[arg(long)]
    remove_unknown: bool,
}

impl MailCompare {
    pub async fn run(self, settings: Settings) -> Ended {
        let database = tables::open_current(&settings).await?;
        let (key, clock) = (service_key(&settings)?, Clock::system());
        // Other work may be due at the same moment and is done alike, letters with it.
        let outside = outside(&settings, &database, &key, &clock).await?;
        let app = App::new(database, settings, clock, key, outside);
        let now = app.clock.now();
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                upkeep::store::ask_for_comparison(tx, now, &audit::Actor::Operator).await
            }))
            .await
            .map_err(words)?;
        let _alive = work::join_for_a_moment(&app).await.map_err(words)?;
        // The service may have taken it, so it is waited for whoever does it.
        while let Some(waiting) = upkeep::store::waiting_comparison(&app.database).await.map_err(words)? {
            if work::do_due(&app).await.map_err(words)? == 0 {
                if !waiting.reason.is_empty() {
                    return Err(format!(
                        "Not compared yet: {}. It is tried again by itself.",
                        waiting.reason
                    ));
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        // What differed is put right before it is listed.
        while work::do_due(&app).await.map_err(words)? > 0 {}
        let newest = upkeep::store::newest_comparison(&app.database).await.map_err(words)?;
        let Some(newest) = newest else {
            return Err(
                "The comparison was given up; the page of work that needs attention says why.".to_owned()
            );
        };
        println!(
            "{} mailboxes compared, {} differed: {}",
            newest.mailboxes, newest.differences, newest.outcome
        );
        if !matches!(app.mail.filling().await, Ok(None)) {
            println!(
                "The mail servers do not hold everything yet; senders to addresses they do not know are told to try again. Compare again."
            );
        }
        for listed in upkeep::store::list_differences(&app.database).await.map_err(words)? {
            let MailboxDifference { mailbox_id: id, address, difference } = listed.found;
            println!("  {id} {address}: {}", difference.stored());
            if self.remove_unknown && !difference.is_repaired() {
                upkeep::store::remove_unknown(&app, &id).await?;
                println!("  {id} removed");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
