//! Every kind of background work and who does it; the worker that takes it; and what is done by the
//! clock.

use crate::app::App;
use crate::clock::Span;
use crate::database::transaction;
use crate::directory::upkeep;
use crate::guidance::status;
use crate::letter::SendError;
use crate::outbox::store::Taken;
use crate::outbox::{self, Work, WorkError};
use crate::sign_in::secrets;
use crate::{audit, casework, directory, letter, my_account, registration, sign_in};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

/// How often work is looked for when nothing has rung.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often the audit chain is lengthened: its links follow their commits within a second.
const CHAIN_EVERY: Duration = Duration::from_millis(500);
/// How often what has run out is cleared away.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// How often the service looks at itself for its status page.
const LOOKS_AT_ITSELF_EVERY: Duration = Duration::from_secs(30);
/// How often the messages on top of every page are read again: what another node was told is on the
/// pages of this one after so long at most.
const REFRESH_EVERY: Duration = Duration::from_secs(5);
/// How long finished work stays for looking at.
const FINISHED_WORK_KEPT: Span = Span::days(30);

/// Does one piece of work.
async fn run(app: &App, taken: &Taken) -> Result<(), WorkError> {
    match &taken.work {
        Work::RunChecks { registration } => casework::verify::run_checks(app, taken, registration).await,
        Work::Decide { registration } => casework::decision::decide(app, taken, registration).await,
        Work::FollowSite { site } => casework::decision::follow_site(app, taken, site).await,
        Work::SendLetter { letter } => send_letter(app, taken, letter).await,
        Work::ProvisionSharedMailbox { shared_mailbox } => {
            directory::provision::shared_mailbox(app, taken, shared_mailbox).await
        }
        Work::ProvisionAccount { account } => directory::provision::account(app, taken, account).await,
        Work::SendActivationLink { asked } => {
            my_account::store::send_activation_link(app, taken, asked).await
        }
        Work::CompareMail { .. } => upkeep::store::compare(app, taken).await,
        Work::WatchUnread { .. } => upkeep::store::watch_unread(app, taken).await,
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

/// Does everything that is due now; answers how many pieces were taken.
///
/// # Errors
/// What the database answered when it was asked for work.
pub async fn do_due(app: &App) -> Result<usize, crate::database::Error> {
    let taken = outbox::store::take(&app.database, app.clock.now()).await?;
    let count = taken.len();
    let doing: Vec<_> = taken
        .into_iter()
        .map(|taken| {
            let app = app.clone();
            tokio::spawn(async move { do_one(&app, &taken).await })
        })
        .collect();
    for done in doing {
        // A panic is contained in `do_one`; a task that cannot be joined was cut off at shutdown.
        let _ = done.await;
    }
    Ok(count)
}

async fn do_one(app: &App, taken: &Taken) {
    let started = Instant::now();
    let outcome = AssertUnwindSafe(run(app, taken))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(WorkError::Later("the work panicked".to_owned())));
    let took = Span::milliseconds(i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX));
    let kind = taken.work.kind();
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
                .write::<_, crate::database::Error, _>(transaction!(async move |tx| {
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

/// Works until the program ends: what rings, what is due, what the clock asks for.
pub async fn work_until_stopped(app: App) {
    let chain = app.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(CHAIN_EVERY).await;
            if let Err(error) = audit::store::lengthen_chain(&chain.database).await {
                tracing::error!(%error, "the audit chain could not be lengthened");
            }
        }
    });
    let clearing = app.clone();
    tokio::spawn(async move {
        loop {
            if let Err(error) = clear_away(&clearing).await {
                tracing::error!(%error, "what has run out could not be cleared away");
            }
            tokio::time::sleep(TIDY_EVERY).await;
        }
    });
    let looking = app.clone();
    tokio::spawn(async move {
        loop {
            if let Err(error) = status::verify::look(&looking).await {
                tracing::error!(%error, "the service could not look at itself");
            }
            for _ in 0..LOOKS_AT_ITSELF_EVERY.as_secs() / REFRESH_EVERY.as_secs() {
                tokio::time::sleep(REFRESH_EVERY).await;
                if let Err(error) = status::verify::refresh(&looking).await {
                    tracing::warn!(%error, "the messages on top of every page could not be read");
                }
            }
        }
    });
    loop {
        match do_due(&app).await {
            Ok(0) => {
                let _ = tokio::time::timeout(LOOK_EVERY, app.database.signalled(outbox::QUEUED)).await;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "work could not be taken");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

/// Ends drafts nobody continued, forgets sessions, codes, budgets and old finished work, and queues the
/// upkeep that is due.
pub async fn clear_away(app: &App) -> Result<(), crate::database::Error> {
    let now = app.clock.now();
    registration::store::expire_drafts(&app.database, now).await?;
    sign_in::store::forget_old(&app.database, now).await?;
    my_account::store::forget_abandoned(&app.database, now).await?;
    outbox::store::forget_before(&app.database, now.minus(FINISHED_WORK_KEPT)).await?;
    upkeep::store::queue_due(app).await?;
    Ok(())
}
