//! A desk with two case workers and an enquiry.

use super::{Receive, receive};
use crate::app::{App, for_tests};
use crate::clock::{Clock, Timestamp};
use crate::contact::Email;
use crate::database::for_tests::both_engines;
use crate::database::{Error, Reads, transaction};
use crate::service_desk::{EnquiryKind, NewEnquiry};
use crate::sign_in::authority::{IsDeed, Permit, Subject, Who, permit};

pub struct Desk {
    pub app: App,
    pub enquiry: String,
}

pub fn complaint() -> NewEnquiry {
    NewEnquiry {
        kind: EnquiryKind::Complaint,
        subject: "Complaint".to_owned(),
        name: "Amy Reed".to_owned(),
        email: Email::parse("amy@oakhouse.example").expect("an address"),
        telephone: String::new(),
        organisation: "Oak House".to_owned(),
        message: "Nobody called.".to_owned(),
        affected: None,
        account: None,
    }
}

pub fn message(words: &str) -> Receive {
    let asked = NewEnquiry { message: words.to_owned(), ..complaint() };
    Receive { once: asked.once("page"), asked, network: "192.0.2.7".to_owned() }
}

impl Desk {
    /// A desk on each engine, with a complaint that nobody looks after yet.
    pub async fn both() -> Vec<Desk> {
        let mut desks = Vec::new();
        for database in both_engines().await {
            let noon = Timestamp::parse_london("2026-11-23 12:00").expect("a time");
            let (app, _) = for_tests::app(database, Clock::still(noon));
            app.database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    for (id, name) in [("casey", "Casey Worker"), ("sam", "Sam Ford")] {
                        let email = format!("{id}@carepost.example");
                        crate::sign_in::store::add_case_worker(tx, id, name, &email, "", noon).await?;
                    }
                    Ok(())
                }))
                .await
                .expect("case workers");
            receive(&app, message("Nobody called.")).await.expect("received");
            let (enquiry,): (String,) =
                app.database.one("SELECT id FROM enquiries", &[]).await.expect("there");
            desks.push(Desk { app, enquiry });
        }
        desks
    }

    pub fn permit<D: IsDeed>(&self, case_worker: &str) -> Permit<D> {
        let who = Who::CaseWorker { id: case_worker.to_owned() };
        permit(&who, Subject::Enquiry { id: self.enquiry.clone() }).expect("allowed")
    }

    /// How many letters of a name there are, and entries that say `action`.
    pub async fn count(&self, letter: &str, action: &str) -> (i64, i64) {
        self.app
            .database
            .one(
                "SELECT (SELECT COUNT(*) FROM letters WHERE name = $1),
                        (SELECT COUNT(*) FROM audit_entries WHERE action = $2)",
                &[&letter, &action],
            )
            .await
            .expect("counted")
    }
}
