//! The letters of activation and of every change to how somebody signs in, in plain words. They go to
//! the personal address, where somebody who broke into the mailbox does not see them first.

use crate::clock::Timestamp;
use crate::directory::Account;
use crate::letter::{CODE_MARK, Letter, Letterhead};
use crate::sign_in::secrets::Purpose;

/// The code that shows somebody holds the mobile that was given for them.
pub fn code(
    from: &Letterhead,
    at: Timestamp,
    account: &Account,
    minutes: u16,
    purpose: Purpose,
    id: &str,
) -> Letter {
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
    .carrying(purpose.stored(), id)
}

/// "Your account is active", to the personal address, so that somebody who did not do it hears of it.
pub fn activated(from: &Letterhead, at: Timestamp, account: &Account) -> Letter {
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

/// What changed in how somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    AppSetUp,
    AppReplaced,
    RecoveryCodesMade,
    RecoveryCodeUsed { left: i64 },
    SignedOutEverywhere,
}

impl Changed {
    /// What the letter is called, its subject, and what happened.
    fn words(self, from: &Letterhead) -> (&'static str, String, String) {
        let service = &from.service;
        match self {
            Changed::AppSetUp => (
                "authenticator app set up",
                format!("An authenticator app was set up for your {service} account"),
                "An authenticator app was set up. You need its code each time you sign in.".to_owned(),
            ),
            Changed::AppReplaced => (
                "authenticator app replaced",
                format!("The authenticator app of your {service} account was replaced"),
                "Another authenticator app was set up. The one before no longer works, and every other browser was signed out.".to_owned(),
            ),
            Changed::RecoveryCodesMade => (
                "recovery codes made",
                format!("New recovery codes for your {service} account"),
                "New recovery codes were made. Codes from before no longer work.".to_owned(),
            ),
            Changed::RecoveryCodeUsed { left } => (
                "recovery code used",
                format!("A recovery code of your {service} account was used"),
                match left {
                    0 => "Somebody signed in, or changed how you sign in, with your last recovery code. Make new ones on your account's security page.".to_owned(),
                    1 => "Somebody signed in, or changed how you sign in, with one of your recovery codes. 1 code is left.".to_owned(),
                    left => format!("Somebody signed in, or changed how you sign in, with one of your recovery codes. {left} codes are left."),
                },
            ),
            Changed::SignedOutEverywhere => (
                "signed out everywhere",
                format!("Your {service} account was signed out everywhere"),
                "Every browser that was signed in to your account was signed out. Your mail programs still work.".to_owned(),
            ),
        }
    }
}

/// Something changed in how somebody signs in.
pub fn changed(from: &Letterhead, at: Timestamp, account: &Account, what: Changed) -> Letter {
    let (name, subject, happened) = what.words(from);
    about_security(from, at, account, name, subject, &happened)
}

/// A mail program got a password of its own.
pub fn app_password_made(from: &Letterhead, at: Timestamp, account: &Account, program: &str) -> Letter {
    about_security(
        from,
        at,
        account,
        "app password made",
        format!("A new app password for your {} account", from.service),
        &format!(
            "An app password called “{program}” was made. A mail program can open your mailbox with it."
        ),
    )
}

fn about_security(
    from: &Letterhead,
    at: Timestamp,
    account: &Account,
    name: &'static str,
    subject: String,
    happened: &str,
) -> Letter {
    from.email(
        at,
        name,
        account.personal_email.as_str(),
        subject,
        &[
            &format!("Hello {}", account.full_name()),
            &format!("{happened} This was on {}, for your account {}.", at.in_words(), account.address),
            "If this was you, there is nothing you need to do. If it was not you, call our helpdesk now.",
        ],
    )
    .about(&account.id)
}
