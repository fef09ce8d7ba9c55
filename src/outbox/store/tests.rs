use super::*;
use crate::clock::Span;
use crate::database::Reads;
use crate::database::for_tests::{both_engines, run, sqlite};
use crate::outbox::{Movement, STUCK_AFTER, WorkError};

const NOON: Timestamp = Timestamp::from_milliseconds(1_000_000_000);

fn letter(name: &str) -> Work {
    Work::SendLetter { letter: name.to_owned(), waited_for: false }
}

fn account(name: &str) -> Work {
    Work::ProvisionAccount { account: name.to_owned() }
}

async fn queues(database: &Database, due_at: Timestamp, works: Vec<Work>) {
    database
        .write::<_, Error, _>(transaction!(async move |tx| { queue_many(tx, NOON, due_at, &works).await }))
        .await
        .expect("queued");
}

async fn finishes(database: &Database, now: Timestamp, taken: &Taken) -> bool {
    let taken = taken.clone();
    database
        .write::<_, Error, _>(transaction!(async move |tx| { done(tx, now, &taken).await }))
        .await
        .expect("written")
}

async fn takes(database: &Database, lane: Lane, now: Timestamp) -> Vec<Taken> {
    take_in(database, "one", lane, now, 100).await.expect("taken")
}

async fn fails(database: &Database, now: Timestamp, taken: &Taken) {
    let why = WorkError::Later("not now".to_owned());
    not_done(database, now, Span::seconds(1), taken, &why).await.expect("recorded");
}

/// Rows by state and lane.
async fn rows(database: &Database) -> Vec<(String, String, i64)> {
    database
        .all("SELECT state, lane, COUNT(*) FROM outbox GROUP BY state, lane ORDER BY state, lane", &[])
        .await
        .expect("counted")
}

fn row(state: &str, lane: &str, count: i64) -> (String, String, i64) {
    (state.to_owned(), lane.to_owned(), count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_of_two_nodes_take_everything_once() {
    for database in both_engines().await {
        let mut works: Vec<Work> = (0..200).map(|number| letter(&number.to_string())).collect();
        works.extend((0..100).map(|number| account(&number.to_string())));
        queues(&database, NOON, works).await;
        let workers: Vec<_> = [("one", 1), ("one", 3), ("other", 1), ("other", 8)]
            .into_iter()
            .map(|(node, at_most)| {
                let database = database.clone();
                tokio::spawn(async move {
                    let mut taken = Vec::new();
                    loop {
                        let mut none = true;
                        for lane in [Lane::Letters, Lane::Mailboxes] {
                            let some = take_in(&database, node, lane, NOON, at_most).await.expect("taken");
                            assert!(some.len() <= at_most, "a worker takes no more than it can begin");
                            assert!(some.iter().all(|taken| taken.lane == lane));
                            none &= some.is_empty();
                            taken.extend(some.into_iter().map(|taken| taken.id));
                        }
                        if none && next_due(&database).await.expect("read").is_none() {
                            return taken;
                        }
                    }
                })
            })
            .collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.await.expect("no panic"));
        }
        assert_eq!(all.len(), 300, "{}", database.engine());
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 300, "none twice");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_is_taken_in_its_lane_the_oldest_first() {
    for database in both_engines().await {
        let later = NOON.plus(Span::seconds(1));
        queues(&database, later, vec![letter("second")]).await;
        queues(&database, NOON, vec![letter("first"), account("a")]).await;
        queues(&database, later.plus(Span::seconds(1)), vec![letter("not due")]).await;
        let code = Work::SendLetter { letter: "code".to_owned(), waited_for: true };
        queues(&database, NOON, vec![code.clone(), Work::CompareMail]).await;
        let found = async |lane| {
            takes(&database, lane, later).await.into_iter().map(|taken| taken.work).collect::<Vec<_>>()
        };
        assert_eq!(found(Lane::LettersWithCodes).await, [code]);
        assert_eq!(found(Lane::Letters).await, [letter("first"), letter("second")]);
        assert_eq!(found(Lane::Mailboxes).await, [account("a")]);
        assert_eq!(found(Lane::Upkeep).await, [Work::CompareMail]);
        assert_eq!(found(Lane::Checks).await, []);
        assert_eq!(found(Lane::Bulk).await, []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_work_waits_once_and_is_done_again_when_it_was_queued_meanwhile() {
    for database in both_engines().await {
        let late = NOON.plus(Span::hours(1));
        queues(&database, late, vec![account("a"), account("a"), account("b")]).await;
        queues(&database, NOON, vec![account("a")]).await;
        assert_eq!(rows(&database).await, [row("Waiting", "Mailboxes", 2)], "{}", database.engine());
        let taken = takes(&database, Lane::Mailboxes, NOON).await;
        assert_eq!(taken.len(), 1, "the earlier time counts, for this one alone");

        // What changes while it is done may not have been seen by it.
        queues(&database, NOON, vec![account("a")]).await;
        queues(&database, NOON, vec![account("a")]).await;
        let waiting = [row("Taken", "Mailboxes", 1), row("Waiting", "Mailboxes", 2)];
        assert_eq!(rows(&database).await, waiting);
        assert_eq!(takes(&database, Lane::Mailboxes, NOON).await, [], "not while it is under way");
        assert!(finishes(&database, NOON, &taken[0]).await);
        let again = takes(&database, Lane::Mailboxes, NOON).await;
        assert_eq!(again.iter().map(|taken| &taken.work).collect::<Vec<_>>(), [&account("a")]);
        assert_ne!(again[0].id, taken[0].id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_failed_joins_equal_work_that_was_queued_meanwhile() {
    for database in both_engines().await {
        queues(&database, NOON, vec![account("a")]).await;
        let taken = takes(&database, Lane::Mailboxes, NOON).await.remove(0);
        queues(&database, NOON, vec![account("a")]).await;
        fails(&database, NOON, &taken).await;
        assert_eq!(rows(&database).await, [row("Done", "Mailboxes", 1), row("Waiting", "Mailboxes", 1)]);
        let next = takes(&database, Lane::Mailboxes, NOON).await.remove(0);
        assert_eq!(next.attempts, 1, "what is new is tried at once");

        // One that waits to be tried again is tried at once when it is asked for anew, and no second waits.
        fails(&database, NOON, &next).await;
        assert_eq!(takes(&database, Lane::Mailboxes, NOON).await, []);
        queues(&database, NOON, vec![account("a")]).await;
        let third = takes(&database, Lane::Mailboxes, NOON).await.remove(0);
        assert_eq!((third.id.as_str(), third.attempts), (next.id.as_str(), 2), "its tries go on");

        // The same for what a person lets try again.
        let never = WorkError::Never("no".to_owned());
        not_done(&database, NOON, Span::seconds(1), &third, &never).await.expect("recorded");
        queues(&database, NOON, vec![account("a")]).await;
        let id = third.id.clone();
        let again = database
            .write::<_, Error, _>(transaction!(async move |tx| { try_again(tx, NOON, &id).await }))
            .await
            .expect("written");
        assert!(again);
        assert_eq!(rows(&database).await, [row("Done", "Mailboxes", 2), row("Waiting", "Mailboxes", 1)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_queue_the_same_at_once_leave_one() {
    for database in both_engines().await {
        let tasks: Vec<_> = (0..16)
            .map(|place| {
                let database = database.clone();
                tokio::spawn(async move {
                    // In different orders.
                    let mut works: Vec<Work> = (0..8).map(|name| account(&name.to_string())).collect();
                    works.rotate_left(place % 8);
                    queues(&database, NOON, works).await;
                    for taken in takes(&database, Lane::Mailboxes, NOON).await {
                        fails(&database, NOON, &taken).await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
        let (waiting, attention) = count_unfinished(&database).await.expect("counted");
        assert_eq!((waiting, attention), (8, 0), "{}", database.engine());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_are_queued_by_few_statements() {
    for database in both_engines().await {
        let works: Vec<Work> = (0..1_234).map(|number| account(&number.to_string())).collect();
        queues(&database, NOON, works.clone()).await;
        queues(&database, NOON, works).await;
        assert_eq!(rows(&database).await, [row("Waiting", "Mailboxes", 1_234)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_of_a_dead_worker_is_due_again_and_the_late_one_cannot_finish_it() {
    for database in both_engines().await {
        queues(&database, NOON, vec![letter("l")]).await;
        let first = takes(&database, Lane::Letters, NOON).await.remove(0);
        let later = NOON.plus(Lane::Letters.lease());
        assert!(take(&database, later.minus(Span::seconds(1))).await.expect("leased").is_empty());
        let second = take(&database, later).await.expect("taken again").remove(0);
        assert_eq!((second.id.clone(), second.attempts), (first.id.clone(), 2));
        assert!(!finishes(&database, later, &first).await, "late");
        fails(&database, later, &first).await;
        assert!(is_held(&database, &second).await.expect("read"), "a late failure is nobody's");
        assert!(finishes(&database, later, &second).await, "in time");
        assert_eq!(count_unfinished(&database).await.expect("read"), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_of_a_node_that_died_is_taken_over_within_half_a_minute() {
    for database in both_engines().await {
        let movement = Movement::new(NOON);
        let beats =
            async |node: &str, now| nodes::beat(&database, node, now, &movement).await.expect("beats");
        beats("dies", NOON).await;
        beats("lives", NOON).await;
        queues(&database, NOON, vec![letter("one"), letter("other")]).await;
        let lost = take_in(&database, "dies", Lane::Letters, NOON, 1).await.expect("taken");
        let kept = take_in(&database, "lives", Lane::Letters, NOON, 1).await.expect("taken");
        assert_eq!((lost.len(), kept.len()), (1, 1));
        let mut now = NOON;
        let mut released = 0;
        while now < NOON.plus(Span::seconds(30)) {
            now = now.plus(nodes::BEATS_EVERY);
            beats("lives", now).await;
            released += nodes::take_over(&database, now).await.expect("looked");
            let is_late = now >= NOON.plus(nodes::DEAD_AFTER);
            assert_eq!(released, u64::from(is_late), "at {now:?} on {}", database.engine());
        }
        let again = take_in(&database, "lives", Lane::Letters, now, 10).await.expect("taken");
        assert_eq!(again.iter().map(|taken| &taken.id).collect::<Vec<_>>(), [&lost[0].id]);
        assert!(!finishes(&database, now, &lost[0]).await, "should it wake up again");
        assert!(is_held(&database, &kept[0]).await.expect("read"), "whoever lives is left alone");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_gives_back_what_it_has_not_finished() {
    for database in both_engines().await {
        nodes::beat(&database, "one", NOON, &Movement::new(NOON)).await.expect("beats");
        queues(&database, NOON, vec![letter("l"), account("a")]).await;
        takes(&database, Lane::Letters, NOON).await;
        takes(&database, Lane::Mailboxes, NOON).await;
        // Equal work that waits stands for what is given back.
        queues(&database, NOON, vec![account("a")]).await;
        assert_eq!(nodes::leave(&database, "other", NOON).await.expect("left"), 0);
        assert_eq!(nodes::leave(&database, "one", NOON).await.expect("left"), 2);
        let again = take(&database, NOON).await.expect("taken at once");
        assert_eq!(again.len(), 2);
        assert!(again.iter().all(|taken| taken.attempts == 1), "it was no attempt: {again:?}");
        let left: Vec<(String,)> = database.all("SELECT id FROM outbox_nodes", &[]).await.expect("read");
        assert_eq!(left, []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_never_work_waits_for_a_person() {
    for database in both_engines().await {
        queues(&database, NOON, vec![letter("l")]).await;
        let taken = takes(&database, Lane::Letters, NOON).await.remove(0);
        let why = WorkError::Never("the address is refused".to_owned());
        not_done(&database, NOON, Span::seconds(1), &taken, &why).await.expect("recorded");
        let shown = list_needing_attention(&database).await.expect("listed");
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].reason, "the address is refused");
        let id = shown[0].id.clone();
        let again = database
            .write::<_, Error, _>(transaction!(async move |tx| { try_again(tx, NOON, &id).await }))
            .await
            .expect("written");
        assert!(again);
        assert_eq!(takes(&database, Lane::Letters, NOON).await[0].attempts, 1, "all its tries are before it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_cannot_be_read_is_parked_and_stops_nothing() {
    for database in both_engines().await {
        queues(&database, NOON, vec![letter("a"), letter("b"), letter("c")]).await;
        run(&database, "UPDATE outbox SET work = '{\"SendLetter\":' WHERE subject = 'a'").await;
        run(&database, "UPDATE outbox SET work = '{\"SendLetter\":{}}' WHERE subject = 'b'").await;
        let taken = takes(&database, Lane::Letters, NOON).await;
        assert_eq!(taken.iter().map(|taken| taken.work.subject()).collect::<Vec<_>>(), ["c"]);
        assert_eq!(takes(&database, Lane::Letters, NOON).await, []);
        let shown = list_needing_attention(&database).await.expect("listed");
        assert_eq!(shown.len(), 2, "{}", database.engine());
        for line in &shown {
            assert!(line.reason.starts_with("It cannot be read: "), "{}", line.reason);
            assert!(
                matches!(&line.work, Parked::Unreadable { kind, .. } if kind == "SendLetter"),
                "{line:?}"
            );
            assert_eq!(line.work.in_words(), "Send a letter");
        }
        // Once it has been mended, it is done.
        let id = shown[0].id.clone();
        run(&database, "UPDATE outbox SET work = '{\"SendLetter\":{\"letter\":\"x\"}}'").await;
        database
            .write::<_, Error, _>(transaction!(async move |tx| { try_again(tx, NOON, &id).await }))
            .await
            .expect("written");
        assert_eq!(takes(&database, Lane::Letters, NOON).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_of_a_newer_version_is_left_to_it_for_a_while_and_then_shown() {
    for database in both_engines().await {
        run(
            &database,
            "INSERT INTO outbox (id, lane, kind, work_key, work, subject, state, queued_at, due_at)
             VALUES ('k', 'Letters', 'SendPigeon', 'SendPigeon p', '{\"SendPigeon\":{}}', 'p', 'Waiting', 1, 1000000000),
                    ('l', 'Express', 'SendLetter', 'SendLetter x', '{\"SendLetter\":{\"letter\":\"x\"}}', 'x', 'Waiting', 1, 1000000000)",
        )
        .await;
        queues(&database, NOON, vec![letter("known")]).await;
        let taken = take(&database, NOON).await.expect("taken");
        assert_eq!(taken.iter().map(|taken| taken.work.subject()).collect::<Vec<_>>(), ["known"]);
        assert_eq!(park_unknown(&database, NOON.plus(Span::minutes(9))).await.expect("looked"), 0);
        assert_eq!(list_needing_attention(&database).await.expect("listed").len(), 0);
        let late = NOON.plus(Span::minutes(10));
        assert_eq!(park_unknown(&database, late).await.expect("looked"), 2, "{}", database.engine());
        let shown = list_needing_attention(&database).await.expect("listed");
        let words: Vec<String> = shown.iter().map(|line| line.work.in_words()).collect();
        assert_eq!(words, ["Work that this version does not know: SendPigeon", "Send a letter"]);
        assert!(shown.iter().all(|line| line.reason.contains("A newer version has queued it")));
        // Tried again, it is left for as long once more.
        database
            .write::<_, Error, _>(transaction!(async move |tx| { try_again(tx, late, "k").await }))
            .await
            .expect("written");
        assert_eq!(park_unknown(&database, late.plus(Span::minutes(9))).await.expect("looked"), 0);
        assert_eq!(park_unknown(&database, late.plus(Span::minutes(10))).await.expect("looked"), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_is_stuck_when_work_is_due_and_nobody_moves_it() {
    for database in both_engines().await {
        let movement = Movement::new(NOON);
        nodes::beat(&database, "one", NOON, &movement).await.expect("beats");
        queues(&database, NOON, vec![letter("a"), account("a")]).await;
        let late = NOON.plus(STUCK_AFTER);
        let stuck = async |now| stuck_lanes(&database, now).await.expect("looked");
        assert_eq!(stuck(late.minus(Span::seconds(1))).await, []);
        assert_eq!(stuck(late).await, [Lane::Letters, Lane::Mailboxes]);
        movement.moved(Lane::Letters, late);
        nodes::beat(&database, "other", late, &movement).await.expect("beats");
        assert_eq!(stuck(late).await, [Lane::Mailboxes], "any node that moves it moves it");
        // What waits for equal work under way is not stuck.
        takes(&database, Lane::Mailboxes, NOON).await;
        queues(&database, NOON, vec![account("a")]).await;
        assert_eq!(stuck(late).await, []);
        let depth = depths(&database, late).await.expect("counted");
        let of = |lane| *depth.iter().find(|depth| depth.lane == lane).expect("every lane is there");
        let expect = Depth { lane: Lane::Mailboxes, due: 1, oldest_due_at: Some(NOON), taken: 1 };
        assert_eq!(of(Lane::Mailboxes), expect);
        assert_eq!(of(Lane::Bulk), Depth { lane: Lane::Bulk, due: 0, oldest_due_at: None, taken: 0 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_is_done_in_its_own_lane_and_counted() {
    for database in both_engines().await {
        let id = database
            .write::<_, Error, _>(transaction!(async move |tx| {
                // One that somebody waits for anyway stays where it is.
                queue(tx, NOON, NOON, &account("0")).await?;
                let id = bulk::begin(tx, NOON, "repair", "mail").await?;
                let works: Vec<Work> = (0..5).map(|number| account(&number.to_string())).collect();
                bulk::queue(tx, NOON, &id, &works).await?;
                // And one of the bulk that somebody begins to wait for leaves it.
                queue(tx, NOON, NOON, &account("4")).await?;
                Ok(id)
            }))
            .await
            .expect("written");
        assert_eq!(rows(&database).await, [row("Waiting", "Bulk", 3), row("Waiting", "Mailboxes", 2)]);
        let progress = async |now| {
            bulk::count_up(&database, now).await.expect("counted");
            let found = bulk::newest(&database, "repair").await.expect("read").expect("there");
            (found.total, found.done, found.failed, found.finished_at, found.result)
        };
        assert_eq!(progress(NOON).await, (4, 0, 0, None, String::new()));
        let taken = takes(&database, Lane::Bulk, NOON).await;
        assert!(finishes(&database, NOON, &taken[0]).await);
        let never = WorkError::Never("no".to_owned());
        not_done(&database, NOON, Span::seconds(1), &taken[1], &never).await.expect("recorded");
        assert!(finishes(&database, NOON, &taken[2]).await);
        for taken in takes(&database, Lane::Mailboxes, NOON).await {
            assert!(finishes(&database, NOON, &taken).await);
        }
        assert_eq!(progress(NOON).await, (4, 3, 1, None, String::new()), "more may come");
        let later = NOON.plus(Span::minutes(1));
        database
            .write::<_, Error, _>(transaction!(async move |tx| { bulk::all_queued(tx, NOON, &id).await }))
            .await
            .expect("written");
        assert_eq!(progress(later).await, (4, 3, 1, Some(later), "1 could not be done".to_owned()));
        assert_eq!(progress(later.plus(Span::minutes(1))).await.3, Some(later), "it ends once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_that_counts_by_itself_and_one_that_was_interrupted_end() {
    for database in both_engines().await {
        let steps = database
            .write::<_, Error, _>(transaction!(async move |tx| {
                let lost = bulk::begin(tx, NOON, "upload", "file 1").await?;
                bulk::advance(tx, &lost, 10, 3, 0).await?;
                let steps = bulk::begin(tx, NOON.plus(Span::seconds(1)), "upload", "file 2").await?;
                bulk::advance(tx, &steps, 2, 0, 0).await?;
                bulk::advance(tx, &steps, 0, 1, 1).await?;
                Ok(steps)
            }))
            .await
            .expect("written");
        bulk::count_up(&database, NOON).await.expect("counted");
        database
            .write::<_, Error, _>(transaction!(async move |tx| {
                bulk::finish(tx, NOON, &steps, "1 of 2 lines taken").await
            }))
            .await
            .expect("written");
        let listed = bulk::list(&database).await.expect("listed");
        let seen: Vec<_> = listed
            .iter()
            .map(|one| (one.subject.as_str(), one.total, one.done, one.failed, one.result.as_str()))
            .collect();
        assert_eq!(
            seen,
            [("file 2", 2, 1, 1, "1 of 2 lines taken"), ("file 1", 10, 3, 0, "it was interrupted")],
            "{}",
            database.engine()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finished_work_is_forgotten_after_a_while_and_nothing_else() {
    for database in both_engines().await {
        let works: Vec<Work> = (0..1_100).map(|number| letter(&number.to_string())).collect();
        queues(&database, NOON, works).await;
        let late = NOON.plus(Span::days(30));
        for (taken, place) in
            take_in(&database, "one", Lane::Letters, NOON, 1_100).await.expect("taken").into_iter().zip(0..)
        {
            match place {
                0 => fails(&database, NOON, &taken).await,
                1 => {
                    let never = WorkError::Never("no".to_owned());
                    not_done(&database, NOON, Span::seconds(1), &taken, &never).await.expect("recorded");
                }
                2 => assert!(finishes(&database, late, &taken).await, "a late one"),
                _ => {}
            }
        }
        run(&database, "UPDATE outbox SET state = 'Done', finished_at = 1000000001 WHERE state = 'Taken'")
            .await;
        assert_eq!(forget_before(&database, NOON).await.expect("forgotten"), 0);
        assert_eq!(forget_before(&database, late).await.expect("forgotten"), 1_097);
        let left =
            [row("Done", "Letters", 1), row("NeedsAttention", "Letters", 1), row("Waiting", "Letters", 1)];
        assert_eq!(rows(&database).await, left, "{}", database.engine());
    }
}

mod model {
    //! Whatever is queued, taken, done, put off, given back and left lying in whatever order: nothing is lost,
    //! nothing equal waits twice or is under way twice, and what was queued is begun at least once after it was.

    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Queue { name: u8, in_bulk: bool },
        Take { node: bool, at_most: usize },
        Done,
        Later,
        NodeLeaves { node: bool },
        NodeDies { node: bool },
        TimePasses { seconds: i64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..4_u8, any::<bool>()).prop_map(|(name, in_bulk)| Step::Queue { name, in_bulk }),
            4 => (any::<bool>(), 1..4_usize).prop_map(|(node, at_most)| Step::Take { node, at_most }),
            3 => Just(Step::Done),
            2 => Just(Step::Later),
            1 => any::<bool>().prop_map(|node| Step::NodeLeaves { node }),
            1 => any::<bool>().prop_map(|node| Step::NodeDies { node }),
            1 => (1..400_i64).prop_map(|seconds| Step::TimePasses { seconds }),
        ]
    }

    struct Run<'a> {
        database: &'a Database,
        now: Timestamp,
        held: Vec<Taken>,
        /// By name: whether it was queued and has not been begun since.
        owed: BTreeMap<String, bool>,
    }

    impl Run<'_> {
        async fn takes(&mut self, node: &str, at_most: usize) -> usize {
            let mut count = 0;
            for lane in [Lane::Mailboxes, Lane::Bulk] {
                for taken in take_in(self.database, node, lane, self.now, at_most).await.expect("taken") {
                    self.owed.insert(taken.work.subject().to_owned(), false);
                    self.held.push(taken);
                    count += 1;
                }
            }
            count
        }

        async fn does(&mut self, step: Step) {
            let node = |is_one: bool| if is_one { "one" } else { "other" };
            match step {
                Step::Queue { name, in_bulk } => {
                    let (now, work) = (self.now, account(&name.to_string()));
                    self.owed.insert(name.to_string(), true);
                    self.database
                        .write::<_, Error, _>(transaction!(async move |tx| {
                            if in_bulk {
                                bulk::queue(tx, now, "b", &[work]).await
                            } else {
                                queue(tx, now, now, &work).await
                            }
                        }))
                        .await
                        .expect("queued");
                }
                Step::Take { node: is_one, at_most } => {
                    self.takes(node(is_one), at_most).await;
                }
                Step::Done => {
                    if let Some(taken) = self.held.pop() {
                        finishes(self.database, self.now, &taken).await;
                    }
                }
                Step::Later => {
                    if let Some(taken) = self.held.pop() {
                        fails(self.database, self.now, &taken).await;
                    }
                }
                Step::NodeLeaves { node: is_one } => {
                    nodes::leave(self.database, node(is_one), self.now).await.expect("left");
                }
                Step::NodeDies { node: is_one } => {
                    self.now = self.now.plus(nodes::DEAD_AFTER);
                    let movement = Movement::new(self.now);
                    nodes::beat(self.database, node(!is_one), self.now, &movement).await.expect("beats");
                    nodes::take_over(self.database, self.now).await.expect("looked");
                }
                Step::TimePasses { seconds } => {
                    self.now = self.now.plus(Span::seconds(seconds));
                    nodes::release_overdue(self.database, self.now).await.expect("looked");
                }
            }
            let twice: Vec<(String, String)> = self
                .database
                .all(
                    "SELECT work_key, state FROM outbox WHERE state IN ('Waiting', 'Taken')
                      GROUP BY work_key, state HAVING COUNT(*) > 1",
                    &[],
                )
                .await
                .expect("read");
            assert_eq!(twice, [], "after {step:?} on {}", self.database.engine());
        }

        /// Does everything until nothing is left.
        async fn ends(&mut self) {
            for _ in 0..100 {
                self.now = self.now.plus(Span::hours(7));
                nodes::release_overdue(self.database, self.now).await.expect("looked");
                self.takes("last", 10).await;
                while let Some(taken) = self.held.pop() {
                    finishes(self.database, self.now, &taken).await;
                }
                if count_unfinished(self.database).await.expect("counted") == (0, 0) {
                    return;
                }
            }
            panic!("something never ends: {:?}", rows(self.database).await);
        }
    }

    async fn holds(database: &Database, steps: &[Step]) {
        run(database, "DELETE FROM outbox_attempts").await;
        run(database, "DELETE FROM outbox").await;
        let mut run = Run { database, now: NOON, held: Vec::new(), owed: BTreeMap::new() };
        for step in steps {
            run.does(*step).await;
        }
        run.ends().await;
        let owed: Vec<&String> = run.owed.iter().filter(|(_, owed)| **owed).map(|(name, _)| name).collect();
        assert!(owed.is_empty(), "queued and never begun since: {owed:?} on {}", database.engine());
    }

    #[test]
    fn whatever_happens_nothing_is_lost_and_nothing_equal_is_under_way_twice() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runs");
        let engines = runtime.block_on(both_engines());
        let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
        proptest!(config, |(steps in proptest::collection::vec(step(), 1..40))| {
            for database in &engines {
                runtime.block_on(holds(database, &steps));
            }
        });
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_order_that_once_went_wrong_holds() {
        // Taken, queued again, put off, given back: each way for work to wait again beside equal work.
        let database = sqlite().await;
        let queue = Step::Queue { name: 1, in_bulk: false };
        let take = Step::Take { node: true, at_most: 3 };
        for put_back in [
            Step::Later,
            Step::NodeLeaves { node: true },
            Step::NodeDies { node: true },
            Step::TimePasses { seconds: 399 },
        ] {
            holds(&database, &[queue, take, queue, put_back, take, queue, put_back]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_is_blocked_is_tried_until_it_goes_through_and_alarms_once() {
    for database in both_engines().await {
        queues(&database, NOON, (0..5).map(|number| letter(&number.to_string())).collect()).await;
        let why = WorkError::Blocked("the mail server refused a connection: 535".to_owned());
        let mut now = NOON;
        // Four days, in which other work would have been parked for a person.
        for _ in 0..400 {
            for taken in takes(&database, Lane::Letters, now).await {
                not_done(&database, now, Span::seconds(1), &taken, &why).await.expect("recorded");
            }
            now = now.plus(Span::minutes(15));
        }
        assert_eq!(rows(&database).await, [row("Waiting", "Letters", 5)], "{}", database.engine());
        let alarms = list_blocked(&database).await.expect("read");
        let expect = Blocked {
            kind: Kind::SendLetter,
            waiting: 5,
            since: NOON,
            reason: "the mail server refused a connection: 535".to_owned(),
        };
        assert_eq!(alarms, [expect], "one for all");
        assert!(list_needing_attention(&database).await.expect("read").is_empty());
        for taken in takes(&database, Lane::Letters, now).await {
            assert!(finishes(&database, now, &taken).await);
        }
        assert_eq!(list_blocked(&database).await.expect("read"), [], "over");
    }
}
