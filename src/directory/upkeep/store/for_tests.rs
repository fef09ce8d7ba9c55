//! A site that has joined, for the tests of this folder.

use super::{
    Comparison, Listed, ask_for_comparison, compare, list_differences, newest_comparison, watch_unread,
};
use crate::app::App;
use crate::app::for_tests::app;
use crate::audit::Actor;
use crate::clock::{Clock, Span, Timestamp};
use crate::database::for_tests::both_engines;
use crate::database::{Error, Reads, transaction};
use crate::directory::store::for_tests::open_in;
use crate::directory::tests::{new_site, person};
use crate::directory::{Access, provision};
use crate::letter::store::list_newest;
use crate::mail::fake::FakeEngine;
use crate::outbox::{self, Work};

/// A Thursday.
pub(super) const NOON: Timestamp = Timestamp::from_milliseconds(43_200_000);

/// A site with two owners and a member, all active, whose mailboxes the engine holds.
pub(super) struct Home {
    pub(super) app: App,
    pub(super) engine: FakeEngine,
    pub(super) site: String,
    pub(super) mailbox: String,
    /// Asha Patel and Bo Li, the owners, and Cy Fox, the member.
    pub(super) people: [String; 3],
}

pub(super) async fn homes() -> Vec<Home> {
    let mut homes = Vec::new();
    for database in both_engines().await {
        let (app, engine) = app(database, Clock::still(NOON));
        let new = new_site(
            "VM195",
            vec![
                person("Asha", "Patel", 1, Access::Owner),
                person("Bo", "Li", 2, Access::Owner),
                person("Cy", "Fox", 3, Access::Member),
            ],
        );
        let opened = open_in(&app.database, new).await.expect("written").expect("opened");
        change(&app, "UPDATE accounts SET state = 'Active'").await;
        let home = Home {
            app,
            engine,
            site: opened.site_id,
            mailbox: opened.shared_mailbox_id,
            people: opened.accounts.try_into().expect("three accounts"),
        };
        home.does_all_work().await;
        assert_eq!(home.engine.mailboxes().len(), 4);
        homes.push(home);
    }
    homes
}

/// Changes rows by hand, as only a test may.
pub(super) async fn change(app: &App, sql: &'static str) -> u64 {
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| { tx.run(sql, &[]).await }))
        .await
        .expect("the statement runs")
}

impl Home {
    /// Does the work of this file and of provisioning until none is due.
    pub(super) async fn does_all_work(&self) {
        loop {
            let some = outbox::store::take(&self.app.database, self.app.clock.now()).await.expect("taken");
            if some.is_empty() {
                return;
            }
            for taken in some {
                let outcome = if let Work::ProvisionSharedMailbox { shared_mailbox } = &taken.work {
                    provision::shared_mailbox(&self.app, &taken, shared_mailbox).await
                } else if let Work::ProvisionAccount { account } = &taken.work {
                    provision::account(&self.app, &taken, account).await
                } else if taken.work == Work::CompareMail {
                    compare(&self.app, &taken).await
                } else if taken.work == Work::WatchUnread {
                    watch_unread(&self.app, &taken).await
                } else {
                    continue;
                };
                if let Err(why) = outcome {
                    let (now, took) = (self.app.clock.now(), Span::seconds(1));
                    outbox::store::not_done(&self.app.database, now, took, &taken, &why)
                        .await
                        .expect("noted");
                }
            }
        }
    }

    pub(super) async fn asks(&self) -> bool {
        let now = self.app.clock.now();
        let asked = self
            .app
            .database
            .write::<_, Error, _>(transaction!(async move |tx| {
                ask_for_comparison(tx, now, &Actor::Operator).await
            }))
            .await;
        asked.expect("written")
    }

    /// Compares, does what follows, and answers what was found.
    pub(super) async fn compares(&self) -> Vec<Listed> {
        self.app.clock.advance(Span::minutes(1));
        assert!(self.asks().await);
        self.does_all_work().await;
        list_differences(&self.app.database).await.expect("listed")
    }

    pub(super) async fn newest(&self) -> Comparison {
        newest_comparison(&self.app.database).await.expect("read").expect("one")
    }

    /// Counts unread mail, and answers to whom letters of it have gone.
    pub(super) async fn counts(&self) -> Vec<String> {
        let now = self.app.clock.now();
        self.app
            .database
            .write::<_, Error, _>(transaction!(async move |tx| {
                outbox::store::queue(tx, now, now, &Work::WatchUnread).await
            }))
            .await
            .expect("queued");
        self.does_all_work().await;
        let letters = list_newest(&self.app.database, "").await.expect("listed");
        let mut told: Vec<String> = letters
            .into_iter()
            .filter(|letter| letter.name == "unread mail")
            .map(|letter| letter.recipient)
            .collect();
        told.sort();
        told
    }

    pub(super) async fn entries(&self, action: &str) -> Vec<(String, String)> {
        self.app
            .database
            .all("SELECT subject, detail FROM audit_entries WHERE action = $1 ORDER BY at, id", &[&action])
            .await
            .expect("listed")
    }

    pub(super) async fn count_work(&self, kind: &str) -> i64 {
        let (count,): (i64,) = self
            .app
            .database
            .one("SELECT COUNT(*) FROM outbox WHERE kind = $1", &[&kind])
            .await
            .expect("counted");
        count
    }
}
