//! The second thing an account holder shows beside the password: a code of the authenticator app, or
//! one of the recovery codes.

use super::app_code;
use super::recovery::RecoveryCode;
use super::secrets::Purpose;
use super::store::{self, Authenticator};
use crate::clock::Timestamp;
use crate::database::{Error, Tx};
use crate::settings::SecretKey;

/// A factor that looks right and has not been used up yet.
#[derive(Clone, Debug)]
pub enum Factor {
    /// A step of the app's clock.
    App { authenticator: String, step: i64 },
    /// A recovery code; whether it is one of theirs is found out when it is used.
    Recovery { hash: String },
}

impl Factor {
    /// Reads a code of the app that is in force.
    pub fn of_app(key: &SecretKey, app: &Authenticator, typed: &str, now: Timestamp) -> Option<Self> {
        let step = app_code::step_of(key, Purpose::AccountApp, &app.id, typed, now)?;
        Some(Factor::App { authenticator: app.id.clone(), step })
    }

    /// Reads either kind of code; recovery codes are the longer ones.
    pub fn of_either(key: &SecretKey, app: &Authenticator, typed: &str, now: Timestamp) -> Option<Self> {
        match RecoveryCode::parse(typed) {
            Some(code) => Some(Factor::Recovery { hash: code.hash() }),
            None => Self::of_app(key, app, typed, now),
        }
    }

    /// Uses it up; false where it was used before, or is none of this account's.
    pub async fn use_up(&self, tx: &mut Tx, account: &str, now: Timestamp) -> Result<bool, Error> {
        match self {
            Factor::App { authenticator, step } => {
                store::use_authenticator_step(tx, authenticator, *step).await
            }
            Factor::Recovery { hash } => store::use_recovery_code(tx, account, hash, now).await,
        }
    }

    /// Why it was not taken, in words.
    pub fn refused_words(&self) -> &'static str {
        match self {
            Factor::App { .. } => "This code has been used already. Wait until your app shows the next one",
            Factor::Recovery { .. } => {
                "This recovery code does not work. Each code works once, and new codes replace old ones"
            }
        }
    }
}
