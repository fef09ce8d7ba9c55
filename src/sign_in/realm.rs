//! Realms, those of case workers and of account holders: what tries to sign in are counted against, and
//! a password compared in the same time whether anybody is there or not.
//!
//! An unknown address, a wrong password and somebody who may not sign in any more get the same answer
//! for the same work. Tries are counted before they are judged. Nobody is ever locked out for good:
//! what is used up opens again within the hour, or within the day for codes.

use super::device;
use super::limits::{self, Budget, UsedUp};
use super::password;
use super::tries::{Allowance, Counted, Guess};
use crate::app::App;
use crate::clock::{Span, Timestamp};
use crate::database::{Error, transaction};

/// Passwords tried at one address from everywhere in an hour (NIST SP 800-63B-4 allows 100 in a row),
/// a fifth of them first tries.
const TRIES_AT_AN_ADDRESS_MAX: i64 = 100;
/// From one network: more than slips of the hand.
const TRIES_AT_AN_ADDRESS_FROM_A_NETWORK_MAX: i64 = 20;
/// Tries of one network that pass when others have used up the tries at an address.
const FIRST_PASSWORDS: i64 = 3;
/// Tries from one network in an hour: a whole office signing in on a Monday. A browser that is known is
/// not counted.
const TRIES_FROM_A_NETWORK_MAX: i64 = 200;
/// The same for account holders: the homes of a large organisation may share one way out.
const HOLDERS_TRIES_FROM_A_NETWORK_MAX: i64 = 1_000;
/// Codes of an app, or written down, tried in one browser in a day.
const CODES_IN_A_BROWSER_MAX: i64 = 20;
/// Tries of one browser that pass when others have used up those of the day.
const FIRST_CODES: i64 = 2;

/// Where somebody signs in. What is counted in one is not counted in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Realm {
    CaseWork,
    MyAccount,
}

impl Realm {
    /// As it stands in marks.
    pub fn stored(self) -> &'static str {
        match self {
            Realm::CaseWork => "case work",
            Realm::MyAccount => "my account",
        }
    }

    /// How many sign-ins one network is good for, at whatever addresses.
    fn of_network(self, network: &str) -> Budget {
        let most = match self {
            Realm::CaseWork => TRIES_FROM_A_NETWORK_MAX,
            Realm::MyAccount => HOLDERS_TRIES_FROM_A_NETWORK_MAX,
        };
        Budget::an_hour(&format!("{}: sign-ins from", self.stored()), network, most)
    }

    /// The guess that a password is.
    fn password_guess(self, app: &App, address: &str, network: &str, device: Option<&str>) -> Guess {
        let what = format!("{}: password", self.stored());
        let from_network = TRIES_AT_AN_ADDRESS_FROM_A_NETWORK_MAX;
        let allowance = Allowance::of(TRIES_AT_AN_ADDRESS_MAX, FIRST_PASSWORDS, from_network, Span::hours(1));
        Guess::at(app, &what, address, network, allowance).by_device(&what, device)
    }

    /// Counts a try with a password, and says when to come back where there were too many. `cookie` is
    /// what the browser is known by, if it is.
    pub async fn count_password(
        self,
        app: &App,
        now: Timestamp,
        address: &str,
        network: &str,
        cookie: Option<&str>,
    ) -> Result<Result<Counted, UsedUp>, Error> {
        let device = device::known(&app.key, self, address, cookie, now);
        let from_network = device.is_none().then(|| self.of_network(network));
        let guess = self.password_guess(app, address, network, device.as_deref());
        app.database
            .write(transaction!(async move |tx| {
                if let Some(budget) = from_network
                    && let Err(used_up) = limits::take(tx, now, &budget).await?
                {
                    return Ok(Err(used_up));
                }
                guess.count(tx, now).await
            }))
            .await
    }

    /// Counts a try with a code, of an app or written down, and says when to come back where there were
    /// too many. `browser` is the hash of the browser it was typed in.
    pub async fn count_code(
        self,
        app: &App,
        now: Timestamp,
        address: &str,
        browser: &str,
        cookie: Option<&str>,
    ) -> Result<Result<Counted, UsedUp>, Error> {
        let device = device::known(&app.key, self, address, cookie, now);
        let what = format!("{}: second code", self.stored());
        let most = i64::from(app.settings.wrong_tries_a_day_max);
        let allowance = Allowance::of(most, FIRST_CODES, CODES_IN_A_BROWSER_MAX, Span::days(1));
        let guess = Guess::at(app, &what, address, browser, allowance).by_device(&what, device.as_deref());
        app.database.write(transaction!(async move |tx| { guess.count(tx, now).await })).await
    }
}

/// What was counted was right.
pub async fn was_right(app: &App, counted: Counted) -> Result<(), Error> {
    app.database.write(transaction!(async move |tx| { counted.take_back(tx).await })).await
}

/// What was counted was wrong.
pub async fn was_wrong(app: &App, now: Timestamp, counted: Counted) -> Result<(), Error> {
    let in_app = app.clone();
    app.database.write(transaction!(async move |tx| { counted.was_wrong(&in_app, tx, now).await })).await
}

/// Whoever was found behind an address, if the password is theirs. The work is the same where nobody
/// was found.
///
/// # Errors
/// When the machine cannot hash.
pub async fn whose_password<T>(
    app: &App,
    found: Option<T>,
    hash: impl FnOnce(&T) -> String,
    typed: &str,
) -> Result<Option<T>, Error> {
    let hash = found.as_ref().map(hash);
    let is_right = password::verify(app, typed.to_owned(), hash).await.map_err(cannot_hash)?;
    Ok(found.filter(|_| is_right))
}

/// The fault of a machine that cannot hash a password.
pub fn cannot_hash(cause: String) -> Error {
    Error::Misused(format!("a password could not be hashed: {cause}"))
}
