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
use crate::{casework, directory, letter, my_account};
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
            my_account::store::send_activation_link(app, taken, asked).await
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
    let movement = Arc::new(Movement::new(app.clock.now()));
    // A node that has not said that it lives would have its work taken over.
    while let Err(error) = nodes::beat(&app.database, &app.node, app.clock.now(), &movement).await {
        tracing::error!(%error, "this node could not say that it works");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let (stopping, stopped) = watch::channel(false);
    let schedule = tokio::spawn(Schedule::new(&app, &movement).keep());
    let mut keepers = JoinSet::new();
    for lane in Lane::ALL {
        keepers.spawn(keep_lane(app.clone(), lane, Arc::clone(&movement), stopped.clone()));
    }
    stop.await;
    // There is a receiver in every keeper.
    let _ = stopping.send(true);
    let all_ended = async { while keepers.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_LIMIT, all_ended).await.is_err() {
        // Each keeper takes its workers with it.
        keepers.shutdown().await;
    }
    schedule.abort();
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
