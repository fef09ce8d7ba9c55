//! What case workers do to sign in and out: a file a deed. Those of account holders stand in
//! `my_account`, which knows their accounts.

mod case_worker_gives_code;
mod case_worker_gives_password;
mod case_worker_signs_out;
#[cfg(test)]
mod tests;

pub use case_worker_gives_code::case_worker_gives_code;
pub use case_worker_gives_password::case_worker_gives_password;
pub use case_worker_signs_out::case_worker_signs_out;

use super::codes::CodeProblem;
use super::factor::FactorProblem;
use super::limits::{UsedUp, wait_in_words};
use crate::clock::Timestamp;
use crate::settings::Secret;

/// Address and password, as somebody typed them.
#[derive(Clone, Debug)]
pub struct PasswordOrder {
    /// In its one written form.
    pub address: String,
    pub password: Secret<String>,
    /// Where the request came from.
    pub network: String,
    /// The browser's secret.
    pub browser: Secret<String>,
    /// What the browser says it is known by ([`super::device`]).
    pub known_by: Option<String>,
}

/// A code, as somebody half way through signing in typed it.
#[derive(Clone, Debug)]
pub struct CodeOrder {
    pub typed: String,
    /// The browser's secret.
    pub browser: Secret<String>,
    /// What the browser says it is known by ([`super::device`]).
    pub known_by: Option<String>,
}

/// Why a step of signing in was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInRefusal {
    /// An unknown address, a wrong password and somebody who may not sign in look alike.
    NotRecognised,
    TooManyPasswords(UsedUp),
    Factor(FactorProblem),
    TooManyCodes(UsedUp),
    /// Of a code by text message.
    Code(CodeProblem),
    /// The step does not lead on any more: it was done elsewhere, or every session was ended. Whoever
    /// is here begins again.
    Over,
}

impl SignInRefusal {
    pub fn words(self, now: Timestamp) -> String {
        match self {
            SignInRefusal::NotRecognised => {
                "Check your email address and password. One of them is not right".to_owned()
            }
            SignInRefusal::TooManyPasswords(used_up) => {
                format!("Too many tries to sign in. Try again {}", wait_in_words(now, used_up.until))
            }
            SignInRefusal::Factor(problem) => problem.words().to_owned(),
            SignInRefusal::TooManyCodes(used_up) => {
                format!("Too many codes were tried. Try again {}", wait_in_words(now, used_up.until))
            }
            SignInRefusal::Code(problem) => problem.words(now),
            SignInRefusal::Over => "This step is over. Sign in again".to_owned(),
        }
    }

    /// Whether the person can only wait.
    pub fn is_too_often(self) -> bool {
        match self {
            SignInRefusal::TooManyPasswords(_) | SignInRefusal::TooManyCodes(_) => true,
            SignInRefusal::Code(problem) => problem.is_too_often(),
            SignInRefusal::NotRecognised | SignInRefusal::Factor(_) | SignInRefusal::Over => false,
        }
    }
}
