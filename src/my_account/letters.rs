//! The letters of activation, in plain words.

use crate::clock::Timestamp;
use crate::directory::Account;
use crate::directory::letters::From;
use crate::letter::{CODE_MARK, Letter};

/// The code that shows somebody holds the mobile that was given for them.
pub fn code(from: &From, at: Timestamp, account: &Account, minutes: u16, id: &str) -> Letter {
    Letter::text(
        at,
        &from.domain,
        "activation code",
        account.mobile.as_str(),
        format!(
            "{CODE_MARK} is your {} code. It works for {minutes} minutes. We never ask you for it by telephone or email.",
            from.service
        ),
    )
    .about(&account.id)
    .carrying("ActivationCode", id)
}

/// "Your account is active", to the personal address, so that somebody who did not do it hears of it.
pub fn activated(from: &From, at: Timestamp, account: &Account) -> Letter {
    from.email(
        at,
        "activated",
        account.personal_email.as_str(),
        format!("Your {} account is active", from.service),
        &[
            &format!("Hello {}", account.full_name()),
            &format!("Your account {} is active since {}.", account.address, at.in_words()),
            "If this was not you, call our helpdesk now.",
        ],
    )
    .about(&account.id)
}
