//! Guesses at something secret (a code, a contact ID, a password), and how many there may be.
//!
//! Each guess is counted before it is judged, in the database, so that many at once on many nodes are
//! counted exactly. What is counted is not only who guesses, who can be many, but what is guessed at:
//! the **target** (a mailbox that codes go to, the contact ID of a site, an account).
//!
//! A limit on a target alone lets any stranger use it up and shut out whoever is right. So a target has
//! two allowances:
//!
//! - a **general** one, from which everybody takes;
//! - when that is used up, a **separate** one, from which each asker (a draft, a network) takes no more
//!   than their first few guesses. Whoever has been guessing has had those; somebody who comes and is
//!   right passes.
//!
//! The sum of both bounds what all strangers together can try. A browser that has been signed in fully
//! before ([`super::device`]) has an allowance of its own for its own account, from which nobody else
//! takes. Whoever was right gets back what was counted.
//!
//! Whoever is refused is refused before anything is compared: after "too many" the answer says nothing
//! about what was typed.
//!
//! Over all targets together there is a breaker. More wrong guesses in an hour than
//! `wrong_guesses_an_hour_max` are an attack: it is alarmed, and until the hour is over nobody takes
//! from a general allowance; first guesses and known browsers still pass.
//!
//! `docs/decisions/0032-guesses-are-counted-by-target.md` has the arithmetic.

use super::limits::{Budget, UsedUp};
use super::store;
use crate::app::App;
use crate::clock::{Span, Timestamp};
use crate::database::{Error, Reads, Tx};

/// The breaker's count. No target and no person is in its name.
const EVERYBODY: &str = "wrong guesses of everybody";
const BREAKER_WINDOW: Span = Span::hours(1);

/// How many guesses there may be at one target in a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub window: Span,
    /// By everybody together.
    pub general: i64,
    /// Beyond that, by everybody together, from their first guesses.
    pub separate: i64,
    /// How many guesses of one asker are their first.
    pub first: i64,
    /// By one asker.
    pub asker: i64,
}

impl Allowance {
    /// `most` in all, a fifth of it set apart.
    pub fn of(most: i64, first: i64, asker: i64, window: Span) -> Self {
        let separate = most / 5;
        Allowance { window, general: most - separate, separate, first, asker }
    }
}

/// What a browser may try that has been signed in before, for its own account: more than slips of the
/// hand, and a guess at a six-digit code in 50,000 where such a browser is stolen.
const KNOWN_DEVICE: (i64, Span) = (20, Span::hours(24));

/// One guess: at what, and by whom.
#[derive(Clone, Debug)]
pub struct Guess {
    allowance: Allowance,
    general: Budget,
    separate: Budget,
    asker: Budget,
    device: Option<Budget>,
    breaker_most: i64,
}

impl Guess {
    /// A guess at `target`, of the kind that `what` names, by `asker`. No name stands in the table as it is.
    pub fn at(app: &App, what: &str, target: &str, asker: &str, allowance: Allowance) -> Self {
        let budget = |which: &str, of: &str, most| {
            Budget::of(&format!("guesses, {which}: {what}"), of, most, allowance.window)
        };
        Guess {
            allowance,
            general: budget("general", target, allowance.general),
            separate: budget("separate", target, allowance.separate),
            asker: budget("asker", &format!("{asker} {target}"), allowance.asker),
            device: None,
            breaker_most: i64::from(app.settings.wrong_guesses_an_hour_max),
        }
    }

    /// The same by a browser that is known for the target.
    #[must_use]
    pub fn by_device(mut self, what: &str, device: Option<&str>) -> Self {
        let (most, window) = KNOWN_DEVICE;
        self.device =
            device.map(|device| Budget::of(&format!("guesses, known device: {what}"), device, most, window));
        self
    }

    /// Counts it, and says when to come back where it may not be judged.
    ///
    /// # Errors
    /// What the database answered.
    pub async fn count(&self, tx: &mut Tx, now: Timestamp) -> Result<Result<Counted, UsedUp>, Error> {
        let mut counted = Counted { taken: Vec::new() };
        if let Some(device) = &self.device
            && counted.take(tx, now, device).await?.is_ok()
        {
            return Ok(Ok(counted));
        }
        // One order for all, so that nobody waits for a lock that waits for theirs. An asker's count goes
        // on while they are refused; a target's does not, or refused guesses would shut out others.
        let (begun, by_asker) = store::use_budget(tx, now, &self.asker.name, self.asker.window).await?;
        counted.taken.push(self.asker.name.clone());
        if by_asker > self.asker.most {
            return Ok(Err(UsedUp { until: begun.plus(self.asker.window) }));
        }
        let mut used_up = UsedUp { until: now.plus(BREAKER_WINDOW) };
        if !is_tripped(tx, now, self.breaker_most).await? {
            match counted.take(tx, now, &self.general).await? {
                Ok(()) => return Ok(Ok(counted)),
                Err(until) => used_up = until,
            }
        }
        if by_asker <= self.allowance.first && counted.take(tx, now, &self.separate).await?.is_ok() {
            return Ok(Ok(counted));
        }
        Ok(Err(used_up))
    }
}

/// A guess that was counted and may be judged.
#[derive(Clone, Debug)]
#[must_use = "whether it was right decides what becomes of the count"]
pub struct Counted {
    taken: Vec<String>,
}

impl Counted {
    /// Takes one; what is not there is not counted.
    async fn take(
        &mut self,
        tx: &mut Tx,
        now: Timestamp,
        budget: &Budget,
    ) -> Result<Result<(), UsedUp>, Error> {
        let (begun, used) = store::use_budget(tx, now, &budget.name, budget.window).await?;
        if used > budget.most {
            store::give_back(tx, &budget.name).await?;
            return Ok(Err(UsedUp { until: begun.plus(budget.window) }));
        }
        self.taken.push(budget.name.clone());
        Ok(Ok(()))
    }

    /// It was right, or there was nothing to compare it with: it is as if it had not been counted.
    ///
    /// # Errors
    /// What the database answered.
    pub async fn take_back(self, tx: &mut Tx) -> Result<(), Error> {
        for name in self.taken {
            store::give_back(tx, &name).await?;
        }
        Ok(())
    }

    /// It was wrong.
    ///
    /// # Errors
    /// What the database answered.
    pub async fn was_wrong(self, app: &App, tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
        let (_, wrong) = store::use_budget(tx, now, EVERYBODY, BREAKER_WINDOW).await?;
        app.figures.wrong_guess();
        if wrong == i64::from(app.settings.wrong_guesses_an_hour_max) + 1 {
            tracing::error!(
                wrong,
                "more wrong codes, contact IDs and passwords in an hour than people type: somebody is guessing"
            );
        }
        Ok(())
    }
}

async fn is_tripped(from: &impl Reads, now: Timestamp, most: i64) -> Result<bool, Error> {
    let used = store::read_budget(from, EVERYBODY).await?;
    Ok(used.is_some_and(|(begun, used)| used > most && begun.plus(BREAKER_WINDOW) > now))
}

/// An attack on the whole service that goes on, or was over less than a day ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attack {
    pub since: Timestamp,
    /// Wrong guesses in that hour.
    pub wrong: i64,
    /// Whether the breaker is tripped now.
    pub goes_on: bool,
}

/// The attack that the breaker tells of, for the page of what needs attention.
///
/// # Errors
/// What the database answered.
pub async fn attack(app: &App) -> Result<Option<Attack>, Error> {
    let (now, most) = (app.clock.now(), i64::from(app.settings.wrong_guesses_an_hour_max));
    let used = store::read_budget(&app.database, EVERYBODY).await?;
    Ok(used
        .filter(|(begun, used)| *used > most && begun.plus(Span::days(1)) > now)
        .map(|(since, wrong)| Attack { since, wrong, goes_on: since.plus(BREAKER_WINDOW) > now }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::for_tests;
    use crate::clock::Clock;
    use crate::database::for_tests::both_engines;
    use crate::database::transaction;

    const NINE: Timestamp = Timestamp::from_milliseconds(1_790_000_000_000);

    fn guess(app: &App, asker: &str) -> Guess {
        let allowance = Allowance::of(50, 2, 30, Span::days(1));
        Guess::at(app, "codes", "office@oak.example", asker, allowance)
    }

    /// Whether a guess was judged; a wrong one stays counted.
    async fn judged(app: &App, guess: Guess, is_right: bool) -> bool {
        let (in_app, now) = (app.clone(), app.clock.now());
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                match guess.count(tx, now).await? {
                    Err(_) => Ok(false),
                    Ok(counted) if is_right => counted.take_back(tx).await.map(|()| true),
                    Ok(counted) => counted.was_wrong(&in_app, tx, now).await.map(|()| true),
                }
            }))
            .await
            .expect("counted")
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn guesses_of_strangers_end_and_whoever_comes_and_is_right_passes() {
        for database in both_engines().await {
            let (app, _) = for_tests::app(database, Clock::still(NINE));
            let guesses: Vec<_> = (0..300)
                .map(|number| {
                    let (app, asker) = (app.clone(), format!("draft {}", number % 4));
                    tokio::spawn(async move { judged(&app, guess(&app, &asker), false).await })
                })
                .collect();
            let mut all = 0;
            for one in guesses {
                all += usize::from(one.await.expect("no panic"));
            }
            assert!((40..=48).contains(&all), "{all} on {}", app.database.engine());
            assert!(!judged(&app, guess(&app, "draft 1"), true).await, "refused, right or wrong");
            assert!(judged(&app, guess(&app, "of somebody honest"), true).await);

            // Whatever strangers do, they are bounded.
            for number in 0..100 {
                all += usize::from(judged(&app, guess(&app, &format!("fresh {number}")), false).await);
            }
            assert!(all <= 50, "{all}");
            app.clock.advance(Span::days(1));
            assert!(judged(&app, guess(&app, "draft 1"), true).await, "another day");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn guesses_that_are_right_use_nothing_up() {
        for database in both_engines().await {
            let (app, _) = for_tests::app(database, Clock::still(NINE));
            for number in 0..120 {
                assert!(judged(&app, guess(&app, "a head office"), true).await, "{number}");
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn guesses_from_known_devices_are_their_own() {
        for database in both_engines().await {
            let (app, _) = for_tests::app(database, Clock::still(NINE));
            for number in 0..200 {
                let _ = judged(&app, guess(&app, &format!("stranger {number}")), false).await;
            }
            assert!(!judged(&app, guess(&app, "one more"), true).await, "everything is used up");
            let known = |device| guess(&app, "one more").by_device("codes", Some(device));
            assert!(judged(&app, known("at the front desk"), true).await);
            let mut tries = 0;
            for _ in 0..100 {
                tries += i64::from(judged(&app, known("stolen"), false).await);
            }
            assert_eq!(tries, KNOWN_DEVICE.0, "bounded as well");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn guesses_at_many_targets_trip_the_breaker_and_first_ones_still_pass() {
        for database in both_engines().await {
            let (app, _) = for_tests::app(database, Clock::still(NINE));
            let most = i64::from(app.settings.wrong_guesses_an_hour_max);
            let allowance = Allowance::of(50, 2, 30, Span::days(1));
            let at =
                |target: i64, asker: &str| Guess::at(&app, "codes", &target.to_string(), asker, allowance);
            // A botnet: few guesses at each of many targets.
            let count = most;
            app.database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    store::use_budget(tx, NINE, EVERYBODY, BREAKER_WINDOW).await?;
                    tx.run("UPDATE budgets SET used = $1 WHERE name = $2", &[&count, &EVERYBODY]).await
                }))
                .await
                .expect("written");
            assert_eq!(attack(&app).await.expect("read"), None);
            assert!(judged(&app, at(1, "a"), false).await, "the one that trips it");
            let found = attack(&app).await.expect("read");
            assert_eq!(found, Some(Attack { since: NINE, wrong: most + 1, goes_on: true }));
            assert!(judged(&app, at(2, "a"), false).await);
            assert!(judged(&app, at(2, "a"), false).await);
            assert!(!judged(&app, at(2, "a"), true).await, "no more than the first");
            assert!(judged(&app, at(2, "somebody honest"), true).await);
            app.clock.advance(Span::hours(1));
            assert!(judged(&app, at(2, "a"), true).await, "the hour is over");
            assert_eq!(attack(&app).await.expect("read").map(|attack| attack.goes_on), Some(false));
        }
    }

    #[tokio::test]
    async fn guesses_name_nobody() {
        let (app, _) = for_tests::app(crate::database::for_tests::sqlite().await, Clock::still(NINE));
        let guess = guess(&app, "192.0.2.7").by_device("codes", Some("device"));
        for budget in [&guess.general, &guess.separate, &guess.asker].into_iter().chain(&guess.device) {
            assert!(!budget.name.contains("oak") && !budget.name.contains("192"), "{}", budget.name);
        }
    }
}
