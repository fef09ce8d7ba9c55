//! Codes sent by email or text: six digits, ten minutes, five tries, only the newest.

use super::limits::{self, Budget, UsedUp};
use super::secrets::{self, Purpose};
use super::store;
use crate::app::App;
use crate::clock::{Span, Timestamp};
use crate::database::{Error, Tx, transaction};

/// What became of asking for a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeRequest {
    /// A code was made; the identifier belongs into the letter that carries it.
    Made(String),
    /// Too many have been sent; says when one can be sent again.
    TooOften(UsedUp),
}

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    Right,
    Wrong,
    /// Expired, used, tried too often, or never sent: a new one is needed.
    Stale,
    /// Too many wrong tries today, whichever code.
    TooOften(UsedUp),
}

/// How codes of this service behave, from its settings.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub lasts: Span,
    pub tries_max: i64,
    pub an_hour_max: i64,
    pub wrong_a_day_max: i64,
    pub texts_an_hour_max: i64,
}

impl Rules {
    pub fn of(app: &App) -> Self {
        let settings = &app.settings;
        Rules {
            lasts: Span::minutes(i64::from(settings.code_minutes)),
            tries_max: i64::from(settings.code_tries_max),
            an_hour_max: i64::from(settings.codes_an_hour_max),
            wrong_a_day_max: i64::from(settings.wrong_tries_a_day_max),
            texts_an_hour_max: i64::from(settings.texts_an_hour_max),
        }
    }
}

/// Makes a code for one subject (a draft, an account) and one browser, to be sent to `recipient`.
pub async fn ask(
    tx: &mut Tx,
    rules: Rules,
    purpose: Purpose,
    subject: &str,
    browser: &str,
    recipient: &str,
    now: Timestamp,
) -> Result<CodeRequest, Error> {
    let mut budgets = vec![Budget::an_hour("codes to", recipient, rules.an_hour_max)];
    if purpose == Purpose::ActivationCode {
        budgets.push(Budget::an_hour("texts", "everybody", rules.texts_an_hour_max));
    }
    for budget in budgets {
        if let Err(used_up) = limits::take(tx, now, &budget).await? {
            return Ok(CodeRequest::TooOften(used_up));
        }
    }
    let id = store::add_code(tx, purpose, subject, browser, now, now.plus(rules.lasts)).await?;
    Ok(CodeRequest::Made(id))
}

/// Tries a code: counted in the database first, then compared, and used up if it is right.
pub async fn attempt(
    app: App,
    purpose: Purpose,
    subject: String,
    browser: String,
    typed: String,
) -> Result<Tried, Error> {
    let now = app.clock.now();
    let rules = Rules::of(&app);
    let database = app.database.clone();
    // The count is committed by itself: whatever happens next, this try has been spent.
    let counted = {
        let subject = subject.clone();
        database
            .write(transaction!(async move |tx| {
                store::count_try(tx, purpose, &subject, &browser, now, rules.tries_max).await
            }))
            .await?
    };
    let Some(id) = counted else { return Ok(Tried::Stale) };
    if secrets::is_code(&app.key, purpose, &id, &typed) {
        let used = database
            .write(transaction!(async move |tx| { store::use_code(tx, purpose, &id, now).await }))
            .await?;
        return Ok(if used { Tried::Right } else { Tried::Stale });
    }
    let budget = Budget::a_day(purpose.stored(), &subject, rules.wrong_a_day_max);
    let taken: Result<(), UsedUp> =
        database.write(transaction!(async move |tx| { limits::take(tx, now, &budget).await })).await?;
    Ok(match taken {
        Ok(()) => Tried::Wrong,
        Err(used_up) => Tried::TooOften(used_up),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::for_tests;
    use crate::clock::Clock;
    use crate::database::for_tests::both_engines;

    const NINE: Timestamp = Timestamp::from_milliseconds(1_790_000_000_000);

    async fn asked(app: &App, subject: &str, browser: &str) -> CodeRequest {
        let (rules, now) = (Rules::of(app), app.clock.now());
        let (subject, browser) = (subject.to_owned(), browser.to_owned());
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                ask(tx, rules, Purpose::EmailCode, &subject, &browser, "amy@oakhouse.example", now).await
            }))
            .await
            .expect("asked")
    }

    async fn made(app: &App, subject: &str, browser: &str) -> String {
        match asked(app, subject, browser).await {
            CodeRequest::Made(id) => secrets::code(&app.key, Purpose::EmailCode, &id),
            CodeRequest::TooOften(used_up) => panic!("{used_up:?}"),
        }
    }

    async fn tried(app: &App, subject: &str, browser: &str, typed: &str) -> Tried {
        let (subject, browser) = (subject.to_owned(), browser.to_owned());
        attempt(app.clone(), Purpose::EmailCode, subject, browser, typed.to_owned()).await.expect("tried")
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_code_works_once_for_its_subject_its_browser_and_its_time() {
        for database in both_engines().await {
            let (app, _) = for_tests::app(database, Clock::still(NINE));
            let code = made(&app, "draft", "browser").await;
            assert_eq!(tried(&app, "draft", "another browser", &code).await, Tried::Stale);
            assert_eq!(tried(&app, "another draft", "browser", &code).await, Tried::Stale);
            assert_eq!(tried(&app, "draft", "browser", &code).await, Tried::Right);
            assert_eq!(tried(&app, "draft", "browser", &code).await, Tried::Stale, "used");

            let old = made(&app, "draft", "browser").await;
            app.clock.advance(Span::seconds(1));
            let new = made(&app, "draft", "browser").await;
            assert_ne!(tried(&app, "draft", "browser", &old).await, Tried::Right, "only the newest works");
            app.clock.advance(Span::minutes(10));
            assert_eq!(tried(&app, "draft", "browser", &new).await, Tried::Stale, "expired");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_hundred_guesses_at_once_are_five_tries() {
        for database in both_engines().await {
            let (app, _) = for_tests::app(database, Clock::still(NINE));
            let code = made(&app, "draft", "browser").await;
            let guesses: Vec<_> = (0..100)
                .map(|_| {
                    let app = app.clone();
                    tokio::spawn(async move { tried(&app, "draft", "browser", "not a code").await })
                })
                .collect();
            let mut counted = 0;
            for guess in guesses {
                counted += usize::from(guess.await.expect("no panic") != Tried::Stale);
            }
            assert_eq!(counted, 5, "{}", app.database.engine());
            assert_eq!(
                tried(&app, "draft", "browser", &code).await,
                Tried::Stale,
                "the right one comes too late"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nobody_is_flooded_with_codes() {
        for database in both_engines().await {
            let (app, _) = for_tests::app(database, Clock::still(NINE));
            let asking: Vec<_> = (0..40)
                .map(|number| {
                    let app = app.clone();
                    tokio::spawn(async move { asked(&app, &format!("draft {number}"), "browser").await })
                })
                .collect();
            let mut sent = 0;
            for one in asking {
                sent += usize::from(matches!(one.await.expect("no panic"), CodeRequest::Made(_)));
            }
            assert_eq!(sent, 5, "{}", app.database.engine());
            app.clock.advance(Span::minutes(61));
            assert!(
                matches!(asked(&app, "draft", "browser").await, CodeRequest::Made(_)),
                "an hour later again"
            );
        }
    }
}
