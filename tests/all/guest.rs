//! Somebody whose browser keeps its cookie and shows no window.

use crate::harness::{Got, Harness};
use axum::http::header;
use carepost::database::{Error, Reads, transaction};
use carepost::sign_in::session::SessionKind;
use carepost::{letter, work};

pub struct Guest<'h> {
    harness: &'h Harness,
    pub browser: String,
}

impl<'h> Guest<'h> {
    pub fn new(harness: &'h Harness) -> Self {
        Guest { harness, browser: Harness::browser() }
    }

    /// Somebody who may do more already.
    pub async fn with(harness: &'h Harness, kind: SessionKind, subject: &str) -> Self {
        let guest = Guest::new(harness);
        harness.begins(&guest.browser, kind, subject).await;
        guest
    }

    fn keep_cookie(&mut self, got: &Got) {
        for cookie in got.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("text");
            if let Some(secret) = cookie.strip_prefix("__Host-carepost=") {
                secret.split(['.', ';']).next().unwrap_or("").clone_into(&mut self.browser);
            }
        }
    }

    pub async fn get(&mut self, path: &str) -> Got {
        let got = self.harness.get(path, &self.browser).await;
        self.keep_cookie(&got);
        got
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Got {
        let got = self.harness.post(path, &self.browser, fields).await;
        self.keep_cookie(&got);
        got
    }

    /// Sends a form that must lead on; answers where to.
    pub async fn passes(&mut self, path: &str, fields: &[(&str, &str)]) -> String {
        let got = self.post(path, fields).await;
        assert_eq!(got.status, 303, "{path} with {fields:?}: {}", got.body);
        got.location
    }
}

/// Does all work that is due, and what follows from it.
pub async fn does_all_work(harness: &Harness) {
    for _ in 0..100 {
        if work::do_due(&harness.app).await.expect("work can be taken") == 0 {
            return;
        }
    }
    panic!("there is always more work");
}

/// The code and the path of the link in the newest letter of a name to somebody.
pub async fn letter(harness: &Harness, to: &str, name: &str) -> (String, String) {
    let letters = letter::store::list_newest(&harness.app.database, to).await.expect("letters");
    let names: Vec<_> = letters.iter().map(|letter| letter.name.clone()).collect();
    let found = letters.iter().find(|letter| letter.name == name);
    let found = found.unwrap_or_else(|| panic!("{to} has no letter “{name}”, only {names:?}"));
    let (code, link) = carepost::sign_in::secrets::of_letter(&harness.app, found);
    (code, link.strip_prefix(&harness.app.settings.public_address).unwrap_or("").to_owned())
}

/// Changes rows by hand, as only a test may.
pub async fn run(harness: &Harness, sql: &'static str) {
    harness
        .app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| { tx.run(sql, &[]).await }))
        .await
        .expect("the statement runs");
}

/// How much room a SQLite database has: the writer's connection refuses a page more, exactly as it
/// does when the disk is full.
pub async fn room(harness: &Harness, pragma: &'static str) {
    harness
        .app
        .database
        .write::<(i64,), Error, _>(transaction!(async move |tx| { tx.one(pragma, &[]).await }))
        .await
        .expect("the room is set");
}

pub const NO_ROOM: &str = "PRAGMA max_page_count = 1";
pub const ROOM: &str = "PRAGMA max_page_count = 1000000";
