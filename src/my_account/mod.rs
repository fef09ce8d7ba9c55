//! The account holder's own pages: activating an account, signing in, shared mailboxes, mail programs
//! and security.
//!
//! A person gets a link by email and a code by text message, chooses a password, accepts the policy,
//! and is done. Opening the link changes nothing, so a program that tries links cannot use it up; the
//! button behind it does. The steps are derived from what has been done ([`next`]), never skipped,
//! and hang on the browser that typed the code: the link alone opens nothing in another one.
//!
//! Whoever signs in shows the password and a code of their authenticator app, or one of the recovery
//! codes they wrote down. An app is bound only by somebody who has just activated, or has shown the
//! password and a second thing: the mobile that was given for them where there is no app yet, else a
//! code (`docs/decisions/0011-account-holders-sign-in.md`). Mail programs never get the password; each
//! has an app password of its own.
//!
//! What is deliberately not here: a forgotten password, and changing contacts.

pub mod letters;
pub mod mail_settings;
pub mod moves;
pub mod pages;
pub mod store;

use crate::clock::Timestamp;
use crate::settings::Secret;

/// A step of activation that a page asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Code,
    Password,
    Policy,
}

impl Step {
    pub fn path(self) -> &'static str {
        match self {
            Step::Code => "/activate/code",
            Step::Password => "/activate/password",
            Step::Policy => "/activate/policy",
        }
    }
}

/// How far somebody has come with one link in one browser, once the code was right.
#[derive(Clone, Debug)]
pub struct Activation {
    pub confirmed_at: Timestamp,
    /// Chosen and not in force yet.
    pub password_hash: Option<Secret<String>>,
}

/// The step that comes next.
pub fn next(activation: Option<&Activation>) -> Step {
    match activation {
        None => Step::Code,
        Some(Activation { password_hash: None, .. }) => Step::Password,
        Some(Activation { password_hash: Some(_), .. }) => Step::Policy,
    }
}

/// Whether a step may be opened: the next one, or the password again before the policy.
pub fn can_visit(activation: Option<&Activation>, step: Step) -> bool {
    let next = next(activation);
    step == next || (step == Step::Password && next == Step::Policy)
}

/// Where an activation link leads, below the service's own address.
pub fn activation_path(token: &str) -> String {
    format!("/activate/{token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_step_is_skipped() {
        let confirmed = Activation { confirmed_at: Timestamp::from_milliseconds(1), password_hash: None };
        let chosen = Activation { password_hash: Some(Secret::new("hash".to_owned())), ..confirmed.clone() };
        let check = |activation: Option<&Activation>, expect: &[Step]| {
            let open: Vec<Step> = [Step::Code, Step::Password, Step::Policy]
                .into_iter()
                .filter(|step| can_visit(activation, *step))
                .collect();
            assert_eq!(open, expect, "{activation:?}");
            assert!(open.contains(&next(activation)));
        };
        check(None, &[Step::Code]);
        check(Some(&confirmed), &[Step::Password]);
        check(Some(&chosen), &[Step::Password, Step::Policy]);
    }
}
