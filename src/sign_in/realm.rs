//! Realms, those of case workers and of account holders: what tries to sign in are counted against, and
//! a password compared in the same time whether anybody is there or not.
//!
//! An unknown address, a wrong password and somebody who may not sign in any more get the same answer
//! for the same work. Tries are counted before they are judged. Nobody is ever locked out for good:
//! what is used up opens again within the hour, or within the day for codes.

use super::limits::{self, Budget, UsedUp};
use super::password;
use crate::app::App;
use crate::clock::Timestamp;
use crate::database::{Error, transaction};

/// Tries at one address from one network in an hour: more than slips of the hand, and a stranger
/// elsewhere who uses them up stands in nobody's way.
const TRIES_AT_AN_ADDRESS_FROM_A_NETWORK_MAX: i64 = 20;
/// Tries at one address from everywhere in an hour (NIST SP 800-63B-4 allows 100 in a row).
const TRIES_AT_AN_ADDRESS_MAX: i64 = 100;
/// Tries from one network in an hour: a whole office signing in on a Monday.
const TRIES_FROM_A_NETWORK_MAX: i64 = 200;
/// The same for account holders: the homes of a large organisation may share one way out.
const HOLDERS_TRIES_FROM_A_NETWORK_MAX: i64 = 1_000;
/// Codes tried for one person in an hour; at this rate guessing one takes years.
const CODES_AN_HOUR_MAX: i64 = 20;

/// Where somebody signs in. What is counted in one is not counted in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Realm {
    CaseWork,
    MyAccount,
}

impl Realm {
    /// What a sign-in is counted against, the narrowest first.
    fn budgets(self, address: &str, network: &str) -> Vec<Budget> {
        let (which, from_network) = match self {
            Realm::CaseWork => ("case work", TRIES_FROM_A_NETWORK_MAX),
            Realm::MyAccount => ("my account", HOLDERS_TRIES_FROM_A_NETWORK_MAX),
        };
        vec![
            Budget::an_hour(
                &format!("{which}: sign-ins from a network to"),
                &format!("{network} {address}"),
                TRIES_AT_AN_ADDRESS_FROM_A_NETWORK_MAX,
            ),
            Budget::an_hour(&format!("{which}: sign-ins from"), network, from_network),
            Budget::an_hour(&format!("{which}: sign-ins to"), address, TRIES_AT_AN_ADDRESS_MAX),
        ]
    }

    /// Counts a try with a password, and says when to come back where there were too many.
    pub async fn count_password(
        self,
        app: &App,
        now: Timestamp,
        address: &str,
        network: &str,
    ) -> Result<Result<(), UsedUp>, Error> {
        take(app, now, self.budgets(address, network)).await
    }
}

/// Counts a try with a code, of an app or written down, and says when to come back where there were
/// too many.
pub async fn count_code(app: &App, now: Timestamp, person: &str) -> Result<Result<(), UsedUp>, Error> {
    let a_day = i64::from(app.settings.wrong_tries_a_day_max);
    let budgets = vec![
        Budget::an_hour("app codes of", person, CODES_AN_HOUR_MAX),
        Budget::a_day("app codes in a day of", person, a_day),
    ];
    take(app, now, budgets).await
}

/// Takes one from each budget, or says when to come back.
async fn take(app: &App, now: Timestamp, budgets: Vec<Budget>) -> Result<Result<(), UsedUp>, Error> {
    app.database
        .write(transaction!(async move |tx| {
            for budget in budgets {
                if let Err(used_up) = limits::take(tx, now, &budget).await? {
                    return Ok(Err(used_up));
                }
            }
            Ok(Ok(()))
        }))
        .await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_names_no_address_and_no_network() {
        for realm in [Realm::CaseWork, Realm::MyAccount] {
            let counted = realm.budgets("casey@carepost.example", "192.0.2.7");
            assert_eq!(counted.len(), 3);
            for budget in &counted {
                assert!(!budget.name.contains("casey") && !budget.name.contains("192"), "{}", budget.name);
            }
            let elsewhere = realm.budgets("casey@carepost.example", "198.51.100.9");
            assert_ne!(counted[0].name, elsewhere[0].name, "a stranger uses up their own tries");
            assert_eq!(counted[2].name, elsewhere[2].name);
        }
        let one = Realm::CaseWork.budgets("a", "b");
        let other = Realm::MyAccount.budgets("a", "b");
        assert!(one.iter().zip(&other).all(|(one, other)| one.name != other.name));
    }
}
