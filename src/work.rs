//! Who does each kind of background work, and the workers that take it.
//!
//! Every lane has a keeper, which takes a piece as one of its workers gets free and never waits for a batch.
//! Whatever a piece waits for, it is stopped at its deadline. A transaction that is under way then goes on to
//! its end, and changes nothing where the piece has been taken by somebody else.

use crate::app::App;
use crate::clock::Span;
use crate::database::{Error, transaction};
use crate::directory::upkeep;
use crate::letter::SendError;
use crate::outbox::store::{Taken, nodes};
use crate::outbox::{self, Lane, Movement, Work, WorkError};
use crate::schedule::Schedule;
use crate::sign_in::secrets;
use crate::{casework, directory, letter, my_account, registration};
use futures_util::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How often a lane is looked into when nothing was queued in it on this node: another node may have.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long work under way may go on when the service stops; what is not done then is given back.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Does one piece of work.
async fn run(app: &App, taken: &Taken) -> Result<(), WorkError> {
    match &taken.work {
        Work::RunChecks { registration } => {
            casework::moves::run_checks(app, casework::moves::of_service(registration)?, taken).await
        }
        Work::Decide { registration } => {
            casework::moves::decide(app, casework::moves::of_service(registration)?, taken).await
        }
        Work::FollowSite { site } => casework::moves::follow_site(app, taken, site).await,
        Work::SendLetter { letter, .. } => send_letter(app, taken, letter).await,
        Work::ProvisionSharedMailbox { shared_mailbox } => {
            directory::provision::shared_mailbox(app, taken, shared_mailbox).await
        }
        Work::ProvisionAccount { account } => directory::provision::account(app, taken, account).await,
        Work::SendActivationLink { asked } => {
            my_account::moves::send_activation_link(app, taken, asked).await
        }
        Work::SendReturnCode { code, email } => {
            registration::moves::send_return_code(app, taken, code, email).await
        }
        Work::CompareMail => upkeep::store::compare(app, taken).await,
        Work::WatchUnread => upkeep::store::watch_unread(app, taken).await,
    }
}

async fn send_letter(app: &App, taken: &Taken, id: &str) -> Result<(), WorkError> {
    let Some(written) = letter::store::find(&app.database, id).await? else {
        return Err(WorkError::Never("there is no such letter".to_owned()));
    };
    if written.sent_at.is_none() {
        let (code, link) = secrets::of_letter(app, &written);
        let body = written.filled(&code, &link);
        app.letters.send(&written, body).await.map_err(|error| match error {
            SendError::Later(why) => WorkError::Later(why),
            SendError::Never(why) => WorkError::Never(why),
            SendError::Relay(why) => WorkError::Blocked(why),
        })?;
    }
    let (taken, now) = (taken.clone(), app.clock.now());
    app.database
        .write::<_, WorkError, _>(transaction!(async move |tx| {
            letter::store::mark_sent(tx, now, &written.id).await?;
            outbox::store::done(tx, now, &taken).await?;
            Ok(())
        }))
        .await
}

/// Does everything that is due now, in every lane, and answers how many pieces were taken: for commands and
/// tests, which do all work and are through. What follows from it is due the next time.
///
/// # Errors
/// What the database answered when it was asked for work.
pub async fn do_due(app: &App) -> Result<usize, Error> {
    let taken = outbox::store::take_all(&app.database, &app.node, app.clock.now()).await?;
    let count = taken.len();
    let mut doing = JoinSet::new();
    for taken in taken {
        let app = app.clone();
        doing.spawn(async move { do_one(&app, &taken).await });
    }
    // A panic is contained in `do_one`; a task that cannot be joined was cut off at shutdown.
    while doing.join_next().await.is_some() {}
    Ok(count)
}

async fn do_one(app: &App, taken: &Taken) {
    let deadline = taken.work.kind().facts().deadline;
    let milliseconds = u64::try_from(deadline.as_milliseconds()).unwrap_or(0);
    do_one_until(app, taken, Duration::from_millis(milliseconds)).await;
}

async fn do_one_until(app: &App, taken: &Taken, deadline: Duration) {
    let started = Instant::now();
    let attempt = tokio::time::timeout(deadline, AssertUnwindSafe(run(app, taken)).catch_unwind());
    let outcome = match attempt.await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(WorkError::Later("the work panicked".to_owned())),
        Err(_) => Err(WorkError::Later(format!("it was stopped after {} seconds", deadline.as_secs_f32()))),
    };
    let took = Span::milliseconds(i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX));
    let kind = taken.work.kind().stored();
    match outcome {
        Ok(()) => {
            app.figures.worked(kind, "done");
            // Work that ended itself inside its own transaction is done already.
            if matches!(outbox::store::is_held(&app.database, taken).await, Ok(false)) {
                return;
            }
            let (now, finished) = (app.clock.now(), taken.clone());
            let marked = app
                .database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    outbox::store::done(tx, now, &finished).await
                }))
                .await;
            if let Err(error) = marked {
                tracing::warn!(work = %taken.id, kind, %error, "work was done and could not be marked so; it is done again");
            }
        }
        Err(why) => {
            let (word, reason) = match &why {
                WorkError::Later(reason) => ("later", reason),
                WorkError::Never(reason) => ("never", reason),
                WorkError::Blocked(reason) => ("blocked", reason),
            };
            app.figures.worked(kind, word);
            tracing::warn!(work = %taken.id, kind, attempt = taken.attempts, outcome = word, %reason, "work was not done");
            if let Err(error) =
                outbox::store::not_done(&app.database, app.clock.now(), took, taken, &why).await
            {
                tracing::error!(work = %taken.id, kind, %error, "a failed attempt could not be recorded");
            }
        }
    }
}

/// Works until `stop`: what is queued, what is due, what the clock asks for. Then takes nothing more, lets what
/// is under way end for a while, and gives back the rest, so that another node can take it at once.
pub async fn work_until_stopped(app: App, stop: impl Future<Output = ()>) {
    work_until(app, stop, STOP_LIMIT).await;
}

async fn work_until(app: App, stop: impl Future<Output = ()>, limit: Duration) {
    let movement = Arc::new(Movement::new(app.clock.now()));
    // A node that has not said that it lives would have its work taken over.
    while let Err(error) = nodes::beat(&app.database, &app.node, app.clock.now(), &movement).await {
        tracing::error!(%error, "this node could not say that it works");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let (stopping, stopped) = watch::channel(false);
    let (mut schedule, mut keepers) = (JoinSet::new(), JoinSet::new());
    schedule.spawn(Schedule::new(&app, &movement).keep());
    for lane in Lane::ALL {
        keepers.spawn(keep_lane(app.clone(), lane, Arc::clone(&movement), stopped.clone()));
    }
    stop.await;
    // There is a receiver in every keeper.
    let _ = stopping.send(true);
    let all_ended = async { while keepers.join_next().await.is_some() {} };
    if tokio::time::timeout(limit, all_ended).await.is_err() {
        // Each keeper takes its workers with it.
        keepers.shutdown().await;
    }
    schedule.shutdown().await;
    match nodes::leave(&app.database, &app.node, app.clock.now()).await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "work that was not done was given back"),
        Err(error) => tracing::warn!(%error, "work could not be given back; it is taken over soon"),
    }
}

/// Says that this program lives while it does work for a moment, as a command does; see [`do_due`]. It ends
/// when it is dropped.
pub async fn join_for_a_moment(app: &App) -> Result<JoinSet<()>, Error> {
    let movement = Movement::new(app.clock.now());
    nodes::beat(&app.database, &app.node, app.clock.now(), &movement).await?;
    let (app, mut beating) = (app.clone(), JoinSet::new());
    beating.spawn(async move {
        let every = Duration::from_millis(nodes::BEATS_EVERY.as_milliseconds().unsigned_abs());
        loop {
            tokio::time::sleep(every).await;
            if let Err(error) = nodes::beat(&app.database, &app.node, app.clock.now(), &movement).await {
                tracing::warn!(%error, "this program could not say that it works");
            }
        }
    });
    Ok(beating)
}

/// Takes the work of one lane, a piece as a worker gets free.
async fn keep_lane(app: App, lane: Lane, movement: Arc<Movement>, mut stopped: watch::Receiver<bool>) {
    let at_once = lane.at_once(&app.settings);
    let mut doing = JoinSet::new();
    while !*stopped.borrow() {
        while doing.try_join_next().is_some() {}
        let free = at_once.saturating_sub(doing.len());
        if free == 0 {
            tokio::select! {
                _ = doing.join_next() => {}
                _ = stopped.changed() => {}
            }
            continue;
        }
        match outbox::store::take_in(&app.database, &app.node, lane, app.clock.now(), free).await {
            Ok(taken) if taken.is_empty() => {
                let queued = tokio::time::timeout(LOOK_EVERY, app.database.signalled(lane.channel()));
                tokio::select! {
                    _ = queued => {}
                    // What was equal to work under way can be taken when that has ended.
                    Some(_) = doing.join_next(), if !doing.is_empty() => {}
                    _ = stopped.changed() => {}
                }
            }
            Ok(taken) => {
                movement.moved(lane, app.clock.now());
                for taken in taken {
                    let (app, movement) = (app.clone(), Arc::clone(&movement));
                    doing.spawn(async move {
                        do_one(&app, &taken).await;
                        movement.moved(lane, app.clock.now());
                    });
                }
            }
            Err(error) => {
                tracing::error!(lane = lane.stored(), %error, "work could not be taken");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
    while doing.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Outside;
    use crate::clock::{Clock, Timestamp};
    use crate::database::for_tests::both_engines;
    use crate::database::{Database, Reads};
    use crate::letter::{Letter, Transport};
    use crate::mail::fake::FakeEngine;
    use crate::settings::{Secret, Settings};
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    const NOON: Timestamp = Timestamp::from_milliseconds(1_800_000_000_000);
    /// What does not come true in this time never does.
    const SOON: Duration = Duration::from_secs(20);

    /// A mail server that takes connections and never says a word.
    async fn silent_server() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push(stream);
            }
        });
        address
    }

    /// A node whose letters go to a mail server, or stay where they are.
    fn node(database: &Database, clock: &Clock, smtp_server: Option<&str>) -> App {
        let mut settings = Settings::defaults().expect("defaults");
        settings.smtp_server = smtp_server.map(str::to_owned);
        settings.smtp_security = "none".to_owned();
        let letters = Transport::open(&settings).expect("a transport");
        let mail = Arc::new(FakeEngine::default());
        let outside = Outside { live: Vec::new(), mail, letters, demo: false };
        App::new(database.clone(), settings, clock.clone(), Secret::new([7; 32]), outside)
    }

    async fn writes_letters(app: &App, count: usize) {
        let now = app.clock.now();
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                for number in 0..count {
                    let to = format!("amy{number}@oakhouse.example");
                    let (subject, body) = ("Hello".to_owned(), "Hello".to_owned());
                    let letter = Letter::email(now, "carepost.example", "test", &to, subject, body);
                    outbox::store::write_letter(tx, now, &letter).await?;
                }
                Ok(())
            }))
            .await
            .expect("written");
    }

    async fn queues(app: &App, work: Work) {
        let now = app.clock.now();
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                outbox::store::queue(tx, now, now, &work).await
            }))
            .await
            .expect("queued");
    }

    async fn count(app: &App, kind: &str, state: &str) -> i64 {
        let (count,): (i64,) = app
            .database
            .one("SELECT COUNT(*) FROM outbox WHERE kind = $1 AND state = $2", &[&kind, &state])
            .await
            .expect("counted");
        count
    }

    async fn becomes(app: &App, kind: &str, state: &str, expect: i64) {
        let begun = Instant::now();
        while count(app, kind, state).await != expect {
            let rows: Vec<(String, String, i64)> = app
                .database
                .all("SELECT kind, state, COUNT(*) FROM outbox GROUP BY kind, state", &[])
                .await
                .expect("counted");
            assert!(begun.elapsed() < SOON, "{expect} {kind} never became {state}: {rows:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn works(app: &App) -> (JoinHandle<()>, tokio::sync::oneshot::Sender<()>) {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let stopping = async move {
            let _ = stopped.await;
        };
        (tokio::spawn(work_until(app.clone(), stopping, Duration::from_millis(300))), stop)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_piece_is_stopped_at_its_deadline_whatever_it_waits_for() {
        let server = silent_server().await;
        for database in both_engines().await {
            let app = node(&database, &Clock::still(NOON), Some(&server));
            writes_letters(&app, 1).await;
            let taken = outbox::store::take(&app.database, NOON).await.expect("taken").remove(0);
            let begun = Instant::now();
            do_one_until(&app, &taken, Duration::from_millis(200)).await;
            assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
            let (state, reason, attempts): (String, String, i64) =
                app.database.one("SELECT state, reason, attempts FROM outbox", &[]).await.expect("read");
            let expect = ("Waiting", "it was stopped after 0.2 seconds", 1);
            assert_eq!((state.as_str(), reason.as_str(), attempts), expect, "{}", database.engine());
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn work_that_hangs_holds_up_its_own_lane_and_no_other() {
        let server = silent_server().await;
        for database in both_engines().await {
            let app = node(&database, &Clock::still(NOON), Some(&server));
            writes_letters(&app, 20).await;
            let (working, stop) = works(&app);
            let at_once = i64::from(app.settings.letters_at_once);
            becomes(&app, "SendLetter", "Taken", at_once).await;
            // Every place of the lane is taken, and the rest waits. The others work.
            queues(&app, Work::RunChecks { registration: "gone".to_owned() }).await;
            queues(&app, Work::CompareMail).await;
            queues(&app, Work::SendActivationLink { asked: "nobody".to_owned() }).await;
            for kind in ["RunChecks", "SendActivationLink"] {
                becomes(&app, kind, "Done", 1).await;
            }
            // The schedule may have asked for a comparison, too.
            becomes(&app, "CompareMail", "Waiting", 0).await;
            becomes(&app, "CompareMail", "Taken", 0).await;
            assert!(count(&app, "CompareMail", "Done").await >= 1, "{}", database.engine());
            queues(&app, Work::SendLetter { letter: "code".to_owned(), waited_for: true }).await;
            becomes(&app, "SendLetter", "NeedsAttention", 1).await;
            assert_eq!(count(&app, "SendLetter", "Taken").await, at_once);
            assert_eq!(count(&app, "SendLetter", "Waiting").await, 20 - at_once);
            drop(stop);
            working.await.expect("no panic");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_node_that_is_told_to_stop_gives_back_what_it_cannot_end() {
        let server = silent_server().await;
        for database in both_engines().await {
            let clock = Clock::still(NOON);
            let app = node(&database, &clock, Some(&server));
            writes_letters(&app, 3).await;
            let (working, stop) = works(&app);
            becomes(&app, "SendLetter", "Taken", 3).await;
            let begun = Instant::now();
            drop(stop);
            working.await.expect("no panic");
            assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
            // Another node takes it at once, and it is its first attempt.
            let other = node(&database, &clock, None);
            assert!(do_due(&other).await.expect("worked") >= 3);
            let (most, done): (i64, i64) = app
                .database
                .one(
                    "SELECT MAX(attempts), COUNT(*) FROM outbox WHERE kind = 'SendLetter' AND state = 'Done'",
                    &[],
                )
                .await
                .expect("counted");
            assert_eq!((most, done), (1, 3), "{}", database.engine());
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_node_that_crashes_is_replaced_within_half_a_minute() {
        let server = silent_server().await;
        for database in both_engines().await {
            let clock = Clock::still(NOON);
            let crashes = node(&database, &clock, Some(&server));
            writes_letters(&crashes, 2).await;
            let (crashing, _stop) = works(&crashes);
            becomes(&crashes, "SendLetter", "Taken", 2).await;
            crashing.abort();
            let _ = crashing.await;
            let other = node(&database, &clock, None);
            let (working, stop) = works(&other);
            // Before its silence is long enough nobody knows that it is dead.
            clock.advance(Span::seconds(10));
            tokio::time::sleep(Duration::from_millis(400)).await;
            assert_eq!(count(&other, "SendLetter", "Taken").await, 2, "{}", database.engine());
            clock.advance(Span::seconds(15));
            becomes(&other, "SendLetter", "Done", 2).await;
            drop(stop);
            working.await.expect("no panic");
        }
    }
}
