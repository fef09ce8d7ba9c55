//! The second thing somebody shows beside the password: a code of the authenticator app, or one of the
//! recovery codes.

use super::app_code;
use super::codes::{NOT_SIX_DIGITS, SixDigits, six_digits};
use super::recovery::RecoveryCode;
use super::secrets::Purpose;
use super::store::{self, Authenticator};
use crate::clock::Timestamp;
use crate::database::{Error, Tx};
use crate::settings::SecretKey;

/// Which code a page asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorAsked {
    App,
    Recovery,
    /// Recovery codes are the longer ones.
    Either,
}

/// A factor that looks right and has not been used up yet.
#[derive(Clone, Debug)]
pub enum Factor {
    /// A step of the app's clock.
    App { authenticator: String, step: i64 },
    /// A recovery code; whether it is one of theirs is found out when it is used.
    Recovery { hash: String },
}

/// Why a code was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorProblem {
    Missing(FactorAsked),
    NotSixDigits,
    NotRecoveryCode,
    Wrong(FactorAsked),
    /// A code of the app that was used before.
    AppCodeUsed,
    /// A recovery code that is none of theirs, or was used before.
    NoSuchRecoveryCode,
}

impl FactorProblem {
    pub fn words(self) -> &'static str {
        match self {
            FactorProblem::Missing(FactorAsked::App) => "Enter the code from your authenticator app",
            FactorProblem::Missing(FactorAsked::Recovery) => "Enter one of your recovery codes",
            FactorProblem::Missing(FactorAsked::Either) => {
                "Enter the code that your app shows now, or a recovery code"
            }
            FactorProblem::NotSixDigits => NOT_SIX_DIGITS,
            FactorProblem::NotRecoveryCode => {
                "A recovery code has 16 letters and digits. Check each of them against your paper"
            }
            FactorProblem::Wrong(FactorAsked::App | FactorAsked::Recovery) => {
                "The code is not right. Enter the 6 digits that your app shows now"
            }
            FactorProblem::Wrong(FactorAsked::Either) => {
                "The code is not right. Enter the 6 digits that your app shows now, or a recovery code"
            }
            FactorProblem::AppCodeUsed => {
                "This code has been used already. Wait until your app shows the next one"
            }
            FactorProblem::NoSuchRecoveryCode => {
                "This recovery code does not work. Each code works once, and new codes replace old ones"
            }
        }
    }
}

impl FactorAsked {
    /// What is wrong with what was typed before it is tried: a slip of the finger must not cost one of
    /// the few tries.
    pub fn slip(self, typed: &str) -> Option<FactorProblem> {
        match self {
            FactorAsked::App => match six_digits(typed) {
                SixDigits::Yes => None,
                SixDigits::Nothing => Some(FactorProblem::Missing(self)),
                SixDigits::No => Some(FactorProblem::NotSixDigits),
            },
            FactorAsked::Recovery if typed.is_empty() => Some(FactorProblem::Missing(self)),
            FactorAsked::Recovery if RecoveryCode::parse(typed).is_none() => {
                Some(FactorProblem::NotRecoveryCode)
            }
            FactorAsked::Either if typed.is_empty() => Some(FactorProblem::Missing(self)),
            FactorAsked::Recovery | FactorAsked::Either => None,
        }
    }

    /// Reads a code that has been counted as a try.
    ///
    /// # Errors
    /// That it is not right.
    pub fn read(
        self,
        key: &SecretKey,
        app: &Authenticator,
        typed: &str,
        now: Timestamp,
    ) -> Result<Factor, FactorProblem> {
        let of_app = || {
            let step = app_code::step_of(key, Purpose::AccountApp, &app.id, typed, now)?;
            Some(Factor::App { authenticator: app.id.clone(), step })
        };
        let written = || RecoveryCode::parse(typed).map(|code| Factor::Recovery { hash: code.hash() });
        let factor = match self {
            FactorAsked::App => of_app(),
            FactorAsked::Recovery => written(),
            FactorAsked::Either => written().or_else(of_app),
        };
        factor.ok_or(FactorProblem::Wrong(self))
    }
}

impl Factor {
    /// Uses it up.
    pub async fn use_up(
        &self,
        tx: &mut Tx,
        account: &str,
        now: Timestamp,
    ) -> Result<Result<(), FactorProblem>, Error> {
        Ok(match self {
            Factor::App { authenticator, step } => {
                if store::use_authenticator_step(tx, authenticator, *step).await? {
                    Ok(())
                } else {
                    Err(FactorProblem::AppCodeUsed)
                }
            }
            Factor::Recovery { hash } => {
                if store::use_recovery_code(tx, account, hash, now).await? {
                    Ok(())
                } else {
                    Err(FactorProblem::NoSuchRecoveryCode)
                }
            }
        })
    }
}

impl Factor {
    /// Whether it was used up at `since` or later: by another press of the same button.
    pub async fn was_just_used(&self, tx: &Tx, account: &str, since: Timestamp) -> Result<bool, Error> {
        match self {
            Factor::App { authenticator, step } => {
                Ok(store::last_step_used(tx, authenticator).await? == Some(*step))
            }
            Factor::Recovery { hash } => store::recovery_code_used_since(tx, account, hash, since).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_with_a_slip_of_the_finger_are_not_tried() {
        let check = |asked: FactorAsked, typed: &str, expect: Option<FactorProblem>| {
            assert_eq!(asked.slip(typed), expect, "{asked:?} {typed:?}");
        };
        check(FactorAsked::App, "", Some(FactorProblem::Missing(FactorAsked::App)));
        check(FactorAsked::App, "12", Some(FactorProblem::NotSixDigits));
        check(FactorAsked::App, "123 456", None);
        check(FactorAsked::Recovery, "", Some(FactorProblem::Missing(FactorAsked::Recovery)));
        check(FactorAsked::Recovery, "123456", Some(FactorProblem::NotRecoveryCode));
        check(FactorAsked::Recovery, &RecoveryCode::new().shown(), None);
        check(FactorAsked::Either, "", Some(FactorProblem::Missing(FactorAsked::Either)));
        check(FactorAsked::Either, "123456", None);
    }
}
