//! Links that lead somewhere once: to the activation of an account, to stopping a registration.
//!
//! A link is made for one purpose, one subject and one recipient; a newer one for the same purpose and
//! subject replaces it. Opening a link uses nothing up; [`redeem`] does, in the transaction of what the
//! link leads to, and compares what it was made for.

use super::secrets::{Purpose, recipient_hash};
use super::store;
use crate::clock::{Span, Timestamp};
use crate::database::{Error, Reads, Tx};
use crate::settings::SecretKey;

/// What a link is for: compared whole when it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkFor {
    purpose: Purpose,
    subject: String,
    recipient: String,
}

impl LinkFor {
    /// A link about `subject` (the identifier of an account, a registration) sent to an address.
    pub fn new(key: &SecretKey, purpose: Purpose, subject: &str, recipient: &str) -> Self {
        LinkFor { purpose, subject: subject.to_owned(), recipient: recipient_hash(key, recipient) }
    }

    /// A link that is as good as when it was sent, whatever address is known today.
    pub fn as_sent(purpose: Purpose, link: &Link) -> Self {
        LinkFor { purpose, subject: link.subject.clone(), recipient: link.recipient.clone() }
    }

    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Keyed hash of where it is sent.
    pub fn recipient(&self) -> &str {
        &self.recipient
    }
}

/// A link as stored.
#[derive(Clone, Debug)]
pub struct Link {
    pub id: String,
    /// What it is about: an account or a registration.
    pub subject: String,
    /// Keyed hash of where it was sent.
    pub recipient: String,
    pub expires_at: Timestamp,
    /// Used, or replaced by a newer one.
    pub used: bool,
}

impl Link {
    pub fn works(&self, now: Timestamp) -> bool {
        !self.used && self.expires_at > now
    }
}

/// Makes a link; the identifier belongs into the letter that carries it. The one before for the same
/// purpose and subject stops working.
pub async fn make(tx: &mut Tx, link: &LinkFor, now: Timestamp, lasts: Span) -> Result<String, Error> {
    store::add_link(tx, link, now, now.plus(lasts)).await
}

/// The link with this identifier, whether it works or not.
pub async fn find(from: &impl Reads, purpose: Purpose, id: &str) -> Result<Option<Link>, Error> {
    store::link(from, purpose, id).await
}

/// Whether a link for exactly this was made at `since` or later and works.
pub async fn was_just_made(from: &impl Reads, link: &LinkFor, since: Timestamp) -> Result<bool, Error> {
    store::has_fresh_link(from, link, since).await
}

/// Uses a link up; false where it was made for something else, was used, replaced, or has run out.
pub async fn redeem(tx: &mut Tx, id: &str, link: &LinkFor, now: Timestamp) -> Result<bool, Error> {
    store::use_link(tx, id, link, now).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::for_tests;
    use crate::clock::Clock;
    use crate::database::for_tests::both_engines;
    use crate::database::transaction;

    const NOON: Timestamp = Timestamp::from_milliseconds(43_200_000);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn links_work_once_for_what_they_were_made_for_and_only_the_newest() {
        for database in both_engines().await {
            let (app, _) = for_tests::app(database, Clock::still(NOON));
            let key = app.key.clone();
            app.database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    let day = Span::days(1);
                    let of = |purpose, subject: &str, to: &str| LinkFor::new(&key, purpose, subject, to);
                    let link = of(Purpose::ActivationLink, "account", "asha@home.example");
                    let old = make(tx, &link, NOON, day).await?;
                    let new = make(tx, &link, NOON.plus(Span::minutes(1)), day).await?;
                    let found = find(tx, Purpose::ActivationLink, &old).await?.expect("kept");
                    assert!(found.used && !found.works(NOON));
                    assert!(find(tx, Purpose::StopLink, &new).await?.is_none(), "another purpose");
                    assert!(was_just_made(tx, &link, NOON).await?);
                    assert!(!was_just_made(tx, &link, NOON.plus(Span::minutes(2))).await?);

                    let later = NOON.plus(Span::minutes(2));
                    assert!(!redeem(tx, &old, &link, later).await?, "replaced");
                    for other in [
                        of(Purpose::StopLink, "account", "asha@home.example"),
                        of(Purpose::ActivationLink, "another", "asha@home.example"),
                        of(Purpose::ActivationLink, "account", "eve@home.example"),
                    ] {
                        assert!(!redeem(tx, &new, &other, later).await?, "{other:?}");
                    }
                    assert!(!redeem(tx, &new, &link, NOON.plus(Span::days(2))).await?, "too late");
                    let sent = find(tx, Purpose::ActivationLink, &new).await?.expect("kept");
                    assert_eq!(LinkFor::as_sent(Purpose::ActivationLink, &sent), link);
                    assert!(redeem(tx, &new, &link, later).await?);
                    assert!(!redeem(tx, &new, &link, later).await?, "used");
                    Ok(())
                }))
                .await
                .expect("written");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn links_made_at_once_leave_one_that_works() {
        for database in both_engines().await {
            let (app, _) = for_tests::app(database, Clock::still(NOON));
            let tasks: Vec<_> = (0..16)
                .map(|_| {
                    let app = app.clone();
                    tokio::spawn(async move {
                        let link = LinkFor::new(&app.key, Purpose::StopLink, "case", "site@home.example");
                        app.database
                            .write::<_, Error, _>(transaction!(async move |tx| {
                                make(tx, &link, NOON, Span::days(1)).await
                            }))
                            .await
                    })
                })
                .collect();
            for task in tasks {
                task.await.expect("no panic").expect("made");
            }
            let (left,): (i64,) = app
                .database
                .one("SELECT COUNT(*) FROM links WHERE used_at IS NULL", &[])
                .await
                .expect("counted");
            assert_eq!(left, 1, "{}", app.database.engine());
        }
    }
}
