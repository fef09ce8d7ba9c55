//! The account holder's own pages. So far: activating an account.
//!
//! A person gets a link by email and a code by text message, chooses a password, accepts the policy,
//! and is done. Opening the link changes nothing, so a program that tries links cannot use it up; the
//! button behind it does. The steps are derived from what has been done ([`next`]), never skipped,
//! and hang on the browser that typed the code: the link alone opens nothing in another one.
//!
//! What is deliberately not here: signing in, a forgotten password, and changing contacts.

pub mod letters;
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

/// What is wrong with a code before it is tried, in words; nothing when it can be tried. A slip of
/// the finger must not cost one of the few tries.
pub fn code_problem(typed: &str) -> Option<&'static str> {
    let digits: Vec<char> =
        typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').collect();
    if digits.is_empty() {
        Some("Enter the code from the text message")
    } else if digits.len() != 6 || !digits.iter().all(char::is_ascii_digit) {
        Some("Code must be 6 digits, like 123456")
    } else {
        None
    }
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

    #[test]
    fn a_slip_of_the_finger_is_not_a_try() {
        assert_eq!(code_problem(" "), Some("Enter the code from the text message"));
        for typed in ["12345", "1234567", "12345x", "١٢٣٤٥٦"] {
            assert_eq!(code_problem(typed), Some("Code must be 6 digits, like 123456"), "{typed}");
        }
        for typed in ["123456", "123 456", "123-456"] {
            assert_eq!(code_problem(typed), None, "{typed}");
        }
    }
}
