//! The service looks at itself, and keeps the messages on top of every page up to date.
//!
//! A check gives a [`ComponentFinding`] for the component it speaks of; add yours to `look_at_all`.
//! Where several speak of one component, people see the worst.

use super::store::{self, Backlog};
use super::{Component, ComponentFinding, Health, PATH, Said, Source};
use crate::app::App;
use crate::clock::Span;
use crate::database::{Error, transaction};
use crate::mail::EngineError;
use crate::outbox::store::{list_blocked, stuck_lanes};
use crate::outbox::{Kind, Lane};
use crate::web::notices::Notice;
use std::time::Duration;

/// Work that waits for longer than this is late: what failed once is tried again after a minute, and
/// after five.
const LATE_AFTER: Span = Span::minutes(15);
/// From this many late letters on their way out is blocked and not one mailbox of somebody else's.
const LATE_LETTERS_MIN: i64 = 3;
/// How long the mail engine may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

const MAIL_SILENT: &str = "Our mail server does not answer. Email may be late. We are looking into it.";
const LETTERS_LATE: &str =
    "Codes and links that we send may be late. Please wait before you ask for another.";
const MAILBOXES_LATE: &str = "New accounts and mailboxes take longer than they should.";
const CHECKS_LATE: &str = "Decisions on registrations take longer than they should.";

/// What the backlog says of the components.
fn of_backlog(backlog: Backlog) -> [ComponentFinding; 3] {
    let late = |component, is_late: bool, words| {
        if is_late {
            ComponentFinding { component, health: Health::Problems, words }
        } else {
            ComponentFinding::working(component)
        }
    };
    let no_letter_leaves = backlog.late_letters >= LATE_LETTERS_MIN && backlog.sent_lately == 0;
    let letters = if no_letter_leaves {
        ComponentFinding { component: Component::Letters, health: Health::NotWorking, words: LETTERS_LATE }
    } else {
        late(Component::Letters, backlog.late_letters >= LATE_LETTERS_MIN * 4, LETTERS_LATE)
    };
    [
        letters,
        late(Component::Accounts, backlog.late_mailboxes > 0, MAILBOXES_LATE),
        late(Component::Checks, backlog.late_checks > 0, CHECKS_LATE),
    ]
}

/// What a lane that has due work and does not move says of the component that it is for.
fn of_stuck_lane(lane: Lane) -> ComponentFinding {
    let (component, health, words) = match lane {
        Lane::LettersWithCodes => (Component::Letters, Health::NotWorking, LETTERS_LATE),
        Lane::Letters => (Component::Letters, Health::Problems, LETTERS_LATE),
        Lane::Checks => (Component::Checks, Health::Problems, CHECKS_LATE),
        Lane::Mailboxes | Lane::Upkeep | Lane::Bulk => {
            (Component::Accounts, Health::Problems, MAILBOXES_LATE)
        }
    };
    ComponentFinding { component, health, words }
}

/// What work says that something outside stands in the way of.
fn of_blocked(kind: Kind) -> Option<ComponentFinding> {
    (kind == Kind::SendLetter).then_some(ComponentFinding {
        component: Component::Letters,
        health: Health::NotWorking,
        words: LETTERS_LATE,
    })
}

/// Whether the mail engine answers.
async fn of_mail(app: &App) -> ComponentFinding {
    let silent = |_| Err(EngineError::Later("no answer in time".to_owned()));
    match tokio::time::timeout(ANSWER_LIMIT, app.mail.answers()).await.unwrap_or_else(silent) {
        Ok(()) => ComponentFinding::working(Component::Mail),
        Err(error) => {
            tracing::warn!(?error, "the mail servers do not take mail");
            ComponentFinding { component: Component::Mail, health: Health::NotWorking, words: MAIL_SILENT }
        }
    }
}

/// Every check there is.
///
/// # Errors
/// What the database answered: then nobody can tell.
async fn look_at_all(app: &App) -> Result<Vec<ComponentFinding>, Error> {
    let (mut found, now) = (vec![of_mail(app).await], app.clock.now());
    found.extend(of_backlog(store::backlog(&app.database, now, LATE_AFTER).await?));
    found.extend(
        list_blocked(&app.database).await?.into_iter().filter_map(|blocked| of_blocked(blocked.kind)),
    );
    found.extend(stuck_lanes(&app.database, now).await?.into_iter().map(of_stuck_lane));
    Ok(found)
}

/// The worst that was found of each component that anything was found of.
fn worst_of_each(found: Vec<ComponentFinding>) -> Vec<ComponentFinding> {
    let of = |component| {
        // The first of the worst: `max_by_key` would take the last.
        found
            .iter()
            .rev()
            .filter(|finding| finding.component == component)
            .max_by_key(|finding| finding.health)
    };
    Component::ALL.into_iter().filter_map(of).copied().collect()
}

/// Looks at every component and notes what has changed. Where nothing can be written, that is what is
/// wrong, and this node says so on its pages by itself.
pub async fn look(app: &App) -> Result<(), Error> {
    let looked = look_and_note(app).await;
    match &looked {
        Ok(()) => app.notices.set_own(None),
        Err(_) => app.notices.set_own(Some(Notice {
            title: "We cannot save anything at the moment".to_owned(),
            words: "You can read pages. Please wait before you send anything. We are looking into it."
                .to_owned(),
            href: PATH,
            from: app.clock.now(),
            until: None,
        })),
    }
    looked
}

async fn look_and_note(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    let all = worst_of_each(look_at_all(app).await?);
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            store::looked(tx, now).await?;
            for found in all {
                let before = store::said(tx, found.component, Source::Check).await?;
                if before.health != found.health || before.words != found.words {
                    store::say(tx, now, &Said::by_check(found, now), before.since).await?;
                }
            }
            Ok(())
        }))
        .await?;
    refresh(app).await
}

/// Reads what is known of the service and puts the messages on top of every page of this node.
///
/// # Errors
/// What the database answered; the messages then stay as they are.
pub async fn refresh(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    let board = store::board(&app.database, now).await?;
    app.notices.set(board.notices(now));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::for_tests;
    use crate::clock::{Clock, Timestamp};
    use crate::database::for_tests::both_engines;

    #[test]
    fn findings_of_one_component_count_as_the_worst() {
        let finding = |health, words| ComponentFinding { component: Component::Letters, health, words };
        let slow = finding(Health::Problems, "slow");
        let found = vec![
            ComponentFinding::working(Component::Letters),
            slow,
            finding(Health::Problems, "slow as well"),
            ComponentFinding::working(Component::Mail),
        ];
        let worst = worst_of_each(found);
        assert_eq!(worst, [ComponentFinding::working(Component::Mail), slow]);
        let stopped = finding(Health::NotWorking, "stopped");
        assert_eq!(worst_of_each(vec![slow, stopped]), [stopped]);
    }

    #[test]
    fn letters_work_where_one_of_them_cannot_be_delivered() {
        let health = |late_letters, sent_lately| {
            of_backlog(Backlog { late_letters, sent_lately, ..Backlog::default() })[0].health
        };
        assert_eq!(health(0, 0), Health::Working);
        assert_eq!(health(2, 0), Health::Working);
        assert_eq!(health(3, 0), Health::NotWorking);
        assert_eq!(health(3, 1), Health::Working);
        assert_eq!(health(12, 1), Health::Problems);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn codes_that_nobody_hands_over_are_told_after_two_minutes() {
        for database in both_engines().await {
            let clock = Clock::still(Timestamp::from_milliseconds(10_000_000_000));
            let (app, _) = for_tests::app(database, clock);
            let now = app.clock.now();
            app.database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    let work = crate::outbox::Work::SendLetter { letter: "l".to_owned(), waited_for: true };
                    crate::outbox::store::queue(tx, now, now, &work).await
                }))
                .await
                .expect("queued");
            let titles = async |after: Span| {
                app.clock.advance(after);
                look(&app).await.expect("looked");
                app.notices.at(app.clock.now()).into_iter().map(|notice| notice.title).collect::<Vec<_>>()
            };
            assert_eq!(titles(Span::seconds(119)).await, [""; 0]);
            assert_eq!(
                titles(Span::seconds(1)).await,
                ["Emails and text messages with codes and links: does not work"],
                "{}",
                app.database.engine()
            );
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn mail_that_does_not_answer_is_told_and_told_again_when_it_does() {
        for database in both_engines().await {
            let clock = Clock::still(Timestamp::from_milliseconds(10_000_000_000));
            let (app, engine) = for_tests::app(database, clock);
            look(&app).await.expect("looked");
            assert_eq!(app.notices.at(app.clock.now()), []);
            engine.set_down(true);
            app.clock.advance(Span::minutes(1));
            look(&app).await.expect("looked");
            look(&app).await.expect("looked");
            let shown = app.notices.at(app.clock.now());
            assert_eq!(shown.len(), 1, "{shown:?}");
            assert!(shown[0].title.contains("does not work"), "{shown:?}");
            engine.set_down(false);
            app.clock.advance(Span::minutes(1));
            look(&app).await.expect("looked");
            assert_eq!(app.notices.at(app.clock.now()), []);
            let changes = store::changes(&app.database, app.clock.now(), &crate::database::page::Seek::First)
                .await
                .expect("read")
                .rows;
            assert_eq!(changes.len(), 2, "down and up again: {changes:?}");
        }
    }
}
