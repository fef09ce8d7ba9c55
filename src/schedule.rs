//! Everything that happens at a time, in one table.
//!
//! What one node does for all is claimed in the database, an occurrence at a time: two nodes do it once, and a
//! node that was down does the newest occurrence it missed and not those before. What queues work does so in
//! the transaction of its claim. What each node does for itself is claimed nowhere. The moments come from
//! the clock that everything has, so a test that moves it sees them pass.

use crate::app::{App, LaneFigures};
use crate::clock::{Day, Span, Timestamp};
use crate::database::{BoxFuture, Error, transaction};
use crate::directory::upkeep;
use crate::outbox::store::{bulk, nodes};
use crate::outbox::{self, Lane, Movement, Work};
use crate::service_status;
use crate::{audit, letter, my_account, registration, sign_in};
use futures_util::FutureExt;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// How often the table is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// When something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// So often, counted from the beginning of 1970 UTC, so that all nodes mean the same moments.
    Every(Span),
    /// Once a day at a time of day in London. Where clocks go forward over it, it is as much later; where
    /// they go back over it, it is the first of the two.
    Daily { hour: i8, minute: i8 },
}

impl When {
    /// The newest occurrence at or before a moment.
    pub fn occurrence(self, now: Timestamp) -> Timestamp {
        match self {
            When::Every(span) => {
                let since = now.as_milliseconds().rem_euclid(span.as_milliseconds().max(1));
                now.minus(Span::milliseconds(since))
            }
            When::Daily { hour, minute } => {
                let of = |day: Day| day.at(hour, minute);
                let today = of(now.day());
                if today <= now { today } else { of(now.day().days_later(-1)) }
            }
        }
    }
}

/// What happens.
#[derive(Clone, Copy)]
enum Does {
    /// Queues work, once for all nodes.
    Queues(fn() -> Work),
    /// Runs on the node that claims the occurrence. A node that ends half way leaves the rest to the next.
    Once(fn(Context) -> BoxFuture<'static, Result<(), Error>>),
    /// Runs on every node, for itself or under a lock of its own.
    OnEachNode(fn(Context) -> BoxFuture<'static, Result<(), Error>>),
}

/// Something that happens at a time.
#[derive(Clone, Copy)]
pub struct Scheduled {
    /// As it is claimed and named in the log.
    pub name: &'static str,
    pub when: When,
    does: Does,
    /// After so long it is stopped, whatever it waits for, and runs again at its next occurrence.
    pub limit: Duration,
}

/// What whatever happens needs.
#[derive(Clone)]
struct Context {
    app: App,
    movement: Arc<Movement>,
    /// Lanes that were found stuck and said to be in the log.
    stuck: Arc<Mutex<BTreeSet<Lane>>>,
}

const fn every(span: Span, name: &'static str, does: Does) -> Scheduled {
    Scheduled { name, when: When::Every(span), does, limit: Duration::from_secs(60) }
}

const MINUTE: Span = Span::minutes(1);
const HOUR: Span = Span::hours(1);

/// The table.
pub const TABLE: &[Scheduled] = &[
    // Entries are in the log within a second of their commits. Whoever lengthens the log holds its lock.
    every(
        Span::milliseconds(500),
        "audit log",
        Does::OnEachNode(|c| {
            Box::pin(async move { audit::store::log::extend(&c.app.database).await.map(drop) })
        }),
    ),
    // One node signs, under a lock; each writes to its own file.
    every(
        audit::checkpoints::EVERY,
        "checkpoint of the audit log",
        Does::OnEachNode(|c| Box::pin(async move { audit::checkpoints::issue(&c.app).await })),
    ),
    Scheduled {
        name: "audit trail read as a whole",
        when: When::Daily { hour: 3, minute: 30 },
        does: Does::Once(|c| Box::pin(async move { audit::checkpoints::check(&c.app).await })),
        limit: Duration::from_secs(30 * 60),
    },
    Scheduled {
        name: "checkpoint sent to auditors",
        when: When::Daily { hour: 6, minute: 0 },
        does: Does::Once(|c| Box::pin(async move { service_status::moves::send_checkpoint(&c.app).await })),
        limit: Duration::from_secs(60),
    },
    every(
        nodes::BEATS_EVERY,
        "sign of life, and work of nodes that give none",
        Does::OnEachNode(|c| {
            Box::pin(async move {
                let (database, now) = (&c.app.database, c.app.clock.now());
                nodes::beat(database, &c.app.node, now, &c.movement).await?;
                nodes::take_over(database, now).await.map(drop)
            })
        }),
    ),
    every(
        MINUTE,
        "work that nobody knows",
        Does::Once(|c| {
            Box::pin(async move {
                outbox::store::park_unknown(&c.app.database, c.app.clock.now()).await.map(drop)
            })
        }),
    ),
    every(Span::seconds(10), "lanes", Does::OnEachNode(|c| Box::pin(look_at_lanes(c)))),
    every(
        Span::seconds(5),
        "progress of bulks",
        Does::OnEachNode(|c| {
            Box::pin(async move { bulk::count_up(&c.app.database, c.app.clock.now()).await })
        }),
    ),
    // What another node was told is on the pages of this one after so long at most.
    every(
        Span::seconds(5),
        "messages on every page",
        Does::OnEachNode(|c| Box::pin(async move { service_status::verify::refresh(&c.app).await })),
    ),
    every(
        Span::seconds(30),
        "the service looks at itself",
        Does::OnEachNode(|c| Box::pin(async move { service_status::verify::look(&c.app).await })),
    ),
    every(
        MINUTE,
        "drafts that nobody continued",
        Does::Once(|c| Box::pin(async move { registration::moves::expire_overdue(&c.app).await.map(drop) })),
    ),
    every(
        MINUTE,
        "sessions, codes and budgets",
        Does::Once(|c| {
            Box::pin(
                async move { sign_in::store::forget_old(&c.app.database, c.app.clock.now()).await.map(drop) },
            )
        }),
    ),
    every(
        MINUTE,
        "activations that nobody finished",
        Does::Once(|c| {
            Box::pin(async move {
                my_account::store::forget_abandoned(&c.app.database, c.app.clock.now()).await.map(drop)
            })
        }),
    ),
    // What is no longer needed goes, after the days that the settings say. Each in small transactions.
    every(
        HOUR,
        "finished work",
        Does::Once(|c| {
            Box::pin(async move {
                let before = days_ago(&c.app, c.app.settings.finished_work_days);
                outbox::store::forget_before(&c.app.database, before).await.map(drop)
            })
        }),
    ),
    every(
        HOUR,
        "registrations that ended long ago",
        Does::Once(|c| Box::pin(async move { registration::moves::forget_ended(&c.app).await.map(drop) })),
    ),
    every(
        HOUR,
        "texts of letters",
        Does::Once(|c| {
            Box::pin(async move {
                let before = days_ago(&c.app, c.app.settings.letter_text_days);
                letter::store::forget_bodies(&c.app.database, before).await.map(drop)
            })
        }),
    ),
    Scheduled {
        name: "directory and mail server compared",
        when: When::Daily { hour: 2, minute: 30 },
        does: Does::Queues(|| Work::CompareMail),
        limit: Duration::from_secs(60),
    },
    every(
        MINUTE,
        "a mail server that is being filled",
        Does::Once(|c| Box::pin(async move { upkeep::store::queue_while_filling(&c.app).await })),
    ),
    every(HOUR, "unread mail counted", Does::Queues(|| Work::WatchUnread)),
];

fn days_ago(app: &App, days: u16) -> Timestamp {
    app.clock.now().minus(Span::days(i64::from(days)))
}

/// Puts the depth and age of each lane into the figures, and says in the log, once, which does not move.
async fn look_at_lanes(context: Context) -> Result<(), Error> {
    let (app, now) = (&context.app, context.app.clock.now());
    let stuck: BTreeSet<Lane> = outbox::store::stuck_lanes(&app.database, now).await?.into_iter().collect();
    for depth in outbox::store::depths(&app.database, now).await? {
        let lane = depth.lane.stored();
        let oldest_seconds = depth.oldest_due_at.map_or(0, |at| now.since(at).as_seconds());
        let is_stuck = stuck.contains(&depth.lane);
        app.figures.lane(lane, LaneFigures { due: depth.due, oldest_seconds, taken: depth.taken, is_stuck });
        let was_stuck = lock(&context.stuck).contains(&depth.lane);
        match (was_stuck, is_stuck) {
            (false, true) => tracing::error!(
                lane,
                due = depth.due,
                taken = depth.taken,
                oldest_seconds,
                "a lane has due work and does not move"
            ),
            (true, false) => tracing::info!(lane, "the lane moves again"),
            (true, true) | (false, false) => {}
        }
    }
    *lock(&context.stuck) = stuck;
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does everything whose newest occurrence nobody has done, one after the other, as a node that has just started;
/// answers the names of what failed. For commands and tests.
pub async fn run_due(app: &App) -> Vec<&'static str> {
    Schedule::new(app, &Arc::new(Movement::new(app.clock.now()))).run_due().await
}

/// What this node knows of one line of the table.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// The occurrence it has done, or left to another node.
    occurrence: Option<Timestamp>,
    is_running: bool,
    has_failed: bool,
}

/// The table as one node works through it.
pub struct Schedule {
    context: Context,
    seen: Arc<Mutex<BTreeMap<&'static str, Seen>>>,
}

impl Schedule {
    pub fn new(app: &App, movement: &Arc<Movement>) -> Self {
        let (app, movement) = (app.clone(), Arc::clone(movement));
        Schedule { context: Context { app, movement, stuck: Arc::default() }, seen: Arc::default() }
    }

    /// Does what happens, when it happens, for ever. Nothing waits for anything else: each line runs by itself,
    /// and is not begun again before it has ended.
    pub async fn keep(self) {
        let mut running = JoinSet::new();
        loop {
            for line in self.due() {
                let (context, seen) = (self.context.clone(), Arc::clone(&self.seen));
                running.spawn(async move { happen(&context, &seen, line).await });
            }
            while running.try_join_next().is_some() {}
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Does everything that has become due since the last time, one after the other, and answers the names
    /// of what failed.
    pub async fn run_due(&self) -> Vec<&'static str> {
        let mut failed = Vec::new();
        for line in self.due() {
            if !happen(&self.context, &self.seen, line).await {
                failed.push(line.name);
            }
        }
        failed
    }

    /// Lines with an occurrence that this node has not seen; they count as running from now on.
    fn due(&self) -> Vec<&'static Scheduled> {
        let now = self.context.app.clock.now();
        let mut seen = lock(&self.seen);
        TABLE
            .iter()
            .filter(|line| {
                let seen = seen.entry(line.name).or_default();
                let is_due = !seen.is_running && seen.occurrence != Some(line.when.occurrence(now));
                seen.is_running |= is_due;
                is_due
            })
            .collect()
    }
}

/// Does one line's newest occurrence; false where it failed. The first failure in a row is in the log, and that
/// it works again.
async fn happen(
    context: &Context,
    seen: &Mutex<BTreeMap<&'static str, Seen>>,
    line: &'static Scheduled,
) -> bool {
    let occurrence = line.when.occurrence(context.app.clock.now());
    let doing = AssertUnwindSafe(occur(context.clone(), line, occurrence)).catch_unwind();
    let outcome = match tokio::time::timeout(line.limit, doing).await {
        Ok(Ok(outcome)) => outcome.map_err(|error| error.to_string()),
        Ok(Err(_)) => Err("it panicked".to_owned()),
        Err(_) => Err(format!("it was stopped after {} seconds", line.limit.as_secs())),
    };
    let mut seen = lock(seen);
    let seen = seen.entry(line.name).or_default();
    seen.is_running = false;
    seen.occurrence = Some(occurrence);
    match (&outcome, seen.has_failed) {
        (Err(error), false) => tracing::error!(what = line.name, %error, "what happens at a time did not"),
        (Err(error), true) => {
            tracing::debug!(what = line.name, %error, "what happens at a time did not again")
        }
        (Ok(()), true) => tracing::info!(what = line.name, "what happens at a time does so again"),
        (Ok(()), false) => {}
    }
    seen.has_failed = outcome.is_err();
    outcome.is_ok()
}

async fn occur(context: Context, line: &'static Scheduled, occurrence: Timestamp) -> Result<(), Error> {
    let (database, now) = (context.app.database.clone(), context.app.clock.now());
    let node = context.app.node.clone();
    match line.does {
        Does::OnEachNode(run) => run(context).await,
        Does::Once(run) => {
            let claimed = database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    outbox::store::claims::claim(tx, line.name, occurrence, &node, now).await
                }))
                .await?;
            if claimed { run(context).await } else { Ok(()) }
        }
        Does::Queues(work) => {
            database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    if outbox::store::claims::claim(tx, line.name, occurrence, &node, now).await? {
                        outbox::store::queue(tx, now, now, &work()).await?;
                    }
                    Ok(())
                }))
                .await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::for_tests;
    use crate::clock::Clock;
    use crate::database::for_tests::{both_engines, run};
    use crate::database::{Database, Reads};

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_london(text).expect(text)
    }

    #[test]
    fn a_daily_time_is_once_a_day_when_clocks_change() {
        let occurrence = |hour, minute, now: Timestamp| When::Daily { hour, minute }.occurrence(now);
        let check = |hour, minute, now: &str, expect: &str| {
            assert_eq!(occurrence(hour, minute, at(now)), at(expect), "{hour}:{minute:02} at {now}");
        };
        check(2, 30, "2026-03-02 09:00", "2026-03-02 02:30");
        check(2, 30, "2026-03-02 02:29", "2026-03-01 02:30");
        check(2, 30, "2026-03-02 02:30", "2026-03-02 02:30");
        check(0, 0, "2026-03-02 00:00", "2026-03-02 00:00");
        // British Summer Time begins: 1:00 to 1:59 are not there on 29 March.
        check(1, 30, "2026-03-29 00:59", "2026-03-28 01:30");
        check(1, 30, "2026-03-29 02:29", "2026-03-28 01:30");
        check(1, 30, "2026-03-29 02:30", "2026-03-29 02:30");
        check(2, 30, "2026-03-29 02:30", "2026-03-29 02:30");
        assert_eq!(at("2026-03-29 02:30").since(at("2026-03-28 02:30")), Span::hours(23));
        // It ends: 1:00 to 1:59 are there twice on 25 October, and the second are no occurrence.
        let first = at("2026-10-25 01:30");
        for later in [Span::milliseconds(0), Span::minutes(40), HOUR, Span::minutes(90), Span::hours(20)] {
            assert_eq!(occurrence(1, 30, first.plus(later)), first, "{later:?} later");
        }
        assert_eq!(occurrence(1, 30, at("2026-10-26 01:30")), at("2026-10-26 01:30"));
        assert_eq!(at("2026-10-26 01:30").since(first), Span::hours(25));
    }

    #[test]
    fn every_moment_of_a_year_has_an_occurrence_before_it_and_none_is_missed() {
        for when in [When::Every(Span::minutes(7)), When::Daily { hour: 1, minute: 30 }] {
            let (mut now, end) = (at("2026-01-01 00:00"), at("2027-01-01 00:00"));
            let (mut last, mut days) = (when.occurrence(now), 0);
            while now < end {
                now = now.plus(Span::minutes(11));
                let found = when.occurrence(now);
                assert!(found <= now && found >= last, "{when:?} at {}", now.rfc3339());
                assert_eq!(when.occurrence(found), found, "an occurrence is its own newest");
                days += u32::from(found > last);
                last = found;
            }
            if when == (When::Daily { hour: 1, minute: 30 }) {
                assert_eq!(days, 365);
            }
        }
    }

    #[test]
    fn each_line_has_a_name_of_its_own_and_an_end() {
        let names: BTreeSet<&str> = TABLE.iter().map(|line| line.name).collect();
        assert_eq!(names.len(), TABLE.len(), "a name is what is claimed");
        for line in TABLE {
            let limit = if matches!(line.when, When::Daily { .. }) { 30 * 60 } else { 60 };
            assert!(line.limit > Duration::ZERO && line.limit <= Duration::from_secs(limit), "{}", line.name);
        }
    }

    /// Two nodes on one database, with one clock.
    fn two_nodes(database: &Database, clock: &Clock) -> [(App, Schedule); 2] {
        [(), ()].map(|()| {
            let (app, _) = for_tests::app(database.clone(), clock.clone());
            let schedule = Schedule::new(&app, &Arc::new(Movement::new(clock.now())));
            (app, schedule)
        })
    }

    async fn count(database: &Database, kind: &str) -> i64 {
        let (count,): (i64,) =
            database.one("SELECT COUNT(*) FROM outbox WHERE kind = $1", &[&kind]).await.expect("counted");
        count
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_nodes_do_what_happens_at_a_time_once() {
        for database in both_engines().await {
            let clock = Clock::still(at("2026-11-23 09:00"));
            let [(_, one), (_, other)] = two_nodes(&database, &clock);
            let happens = async |what: &str| {
                let (first, second) = tokio::join!(one.run_due(), other.run_due());
                assert_eq!((first, second), (Vec::new(), Vec::new()), "{what}: {}", database.engine());
                // What was queued is done, so that the next is not the same.
                run(&database, "UPDATE outbox SET state = 'Done'").await;
                (count(&database, "CompareMail").await, count(&database, "WatchUnread").await)
            };
            assert_eq!(happens("the first start").await, (1, 1));
            assert_eq!(happens("the same moment").await, (1, 1));
            clock.advance(Span::minutes(59));
            assert_eq!(happens("within the hour").await, (1, 1));
            clock.advance(Span::minutes(1));
            assert_eq!(happens("the next hour").await, (1, 2));
            clock.set(at("2026-11-24 02:29"));
            assert_eq!(happens("before half past two").await, (1, 3));
            clock.advance(MINUTE);
            assert_eq!(happens("half past two").await, (2, 3));
            // Both were down for three days: the newest is done, and those between are not.
            clock.set(at("2026-11-27 12:00"));
            assert_eq!(happens("after three days").await, (3, 4));
            // The clock goes back by a quarter of an hour: nothing happens twice.
            clock.advance(Span::minutes(-15));
            assert_eq!(happens("a quarter back").await, (3, 4));
            clock.advance(Span::minutes(15));
            assert_eq!(happens("the same hour again").await, (3, 4));
            clock.advance(HOUR);
            assert_eq!(happens("on from there").await, (3, 5));
            // It was wrong by a year, and is put right.
            clock.advance(Span::days(365));
            assert_eq!(happens("a year too far").await, (4, 6));
            clock.advance(Span::days(-365));
            assert_eq!(happens("put right").await, (5, 7), "it does not wait for a year");
            assert_eq!(happens("and once").await, (5, 7));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_node_that_starts_later_repeats_nothing() {
        for database in both_engines().await {
            let clock = Clock::still(at("2026-11-23 09:00"));
            let [(app, one), _] = two_nodes(&database, &clock);
            assert_eq!(one.run_due().await, [""; 0]);
            run(&database, "UPDATE outbox SET state = 'Done'").await;
            assert_eq!(run_due(&app).await, [""; 0]);
            assert_eq!(count(&database, "CompareMail").await, 1);
            assert_eq!(count(&database, "WatchUnread").await, 1);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_fails_holds_up_nothing_else_and_comes_again() {
        for database in both_engines().await {
            let clock = Clock::still(at("2026-11-23 09:00"));
            let [(_, one), _] = two_nodes(&database, &clock);
            run(&database, "ALTER TABLE audit_waiting RENAME TO audit_waiting_elsewhere").await;
            // Noting what the service found of itself writes entries, which wait in that table.
            assert!(one.run_due().await.contains(&"audit log"), "{}", database.engine());
            assert_eq!(count(&database, "CompareMail").await, 1);
            run(&database, "ALTER TABLE audit_waiting_elsewhere RENAME TO audit_waiting").await;
            clock.advance(Span::seconds(1));
            assert_eq!(one.run_due().await, [""; 0]);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_lane_that_does_not_move_is_in_the_figures_until_it_does() {
        for database in both_engines().await {
            let clock = Clock::still(at("2026-11-23 09:00"));
            let [(app, one), _] = two_nodes(&database, &clock);
            let now = clock.now();
            database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    let work = Work::SendLetter { letter: "l".to_owned(), waited_for: true };
                    outbox::store::queue(tx, now, now, &work).await
                }))
                .await
                .expect("queued");
            let figures = async |after: Span| {
                clock.advance(after);
                assert_eq!(one.run_due().await, [""; 0]);
                let text = app.figures.text();
                let of = |name: &str| {
                    let start = format!("carepost_{name}{{lane=\"LettersWithCodes\"}} ");
                    let line = text.lines().find(|line| line.starts_with(&start)).expect("the figure");
                    line[start.len()..].to_owned()
                };
                ["lane_due", "lane_oldest_due_seconds", "lane_taken", "lane_stuck"].map(of)
            };
            assert_eq!(figures(Span::seconds(0)).await, ["1", "0", "0", "0"]);
            assert_eq!(figures(Span::seconds(110)).await, ["1", "110", "0", "0"]);
            assert_eq!(figures(Span::seconds(20)).await, ["1", "130", "0", "1"]);
            one.context.movement.moved(Lane::LettersWithCodes, clock.now());
            assert_eq!(figures(Span::seconds(10)).await, ["1", "140", "0", "0"], "it moves, if late");
        }
    }
}
