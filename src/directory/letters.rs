//! The letters of the directory, in plain words. None carries a password.

use super::{Access, Account, SharedMailbox};
use crate::clock::Timestamp;
use crate::letter::{LINK_MARK, Letter, Letterhead};

/// "Activate your account", to the personal address. `site` is where the person works, in words.
pub fn activation(from: &Letterhead, at: Timestamp, account: &Account, site: &str, link: &str) -> Letter {
    let hours = from.activation_hours;
    from.email(
        at,
        "activation",
        account.personal_email.as_str(),
        format!("Activate your {} account", from.service),
        &[
            &format!("Hello {}", account.full_name()),
            &format!("You have a secure email account for your work at {site}. Your new address is {}", account.address),
            &format!("Activate it here: {LINK_MARK}"),
            &format!(
                "Have your mobile phone with you ({}). We will send a code to it by text message, and you will choose your own password. It takes about 5 minutes.",
                account.mobile.masked()
            ),
            &format!(
                "The link works for {hours} hours. If it has stopped working, get a new one: {}/activate",
                from.public_address
            ),
            "We never send passwords and never ask you for yours. If you did not expect this email, tell our helpdesk.",
        ],
    )
    .about(&account.id)
    .carrying("ActivationLink", link)
}

/// "You cannot activate your account yet", to somebody who asked for a link.
pub fn activation_waits(from: &Letterhead, at: Timestamp, account: &Account, until: Timestamp) -> Letter {
    from.email(
        at,
        "activation waits",
        account.personal_email.as_str(),
        format!("You can activate your {} account soon", from.service),
        &[
            &format!("Hello {}", account.full_name()),
            &format!("You can activate your account from {}. We will email you the link then.", until.in_words()),
            "We wait so that your site can tell us if somebody registered it without its knowledge. Your site can shorten the wait with the link in the email that we sent to the address CQC has for it.",
        ],
    )
    .about(&account.id)
}

/// "You can use another shared mailbox", to somebody who has an account already.
pub fn access_given(
    from: &Letterhead,
    at: Timestamp,
    address: &str,
    mailbox: &SharedMailbox,
    site: &str,
) -> Letter {
    from.email(
        at,
        "access given",
        address,
        format!("You can now use the shared mailbox of {site}"),
        &[
            &format!(
                "You can now use the shared mailbox {} of {site}, with the account you have already.",
                mailbox.address
            ),
            "There is nothing you need to do. If you do not work there, tell our helpdesk.",
        ],
    )
    .about(&mailbox.id)
}

/// "Nobody has read …", to an owner's personal address: whoever does not read the shared mailbox may
/// not read their own. Says how many and never what.
pub fn unread(
    from: &Letterhead,
    at: Timestamp,
    (first_name, email): (&str, &str),
    (site, address): (&str, &str),
    count: u64,
    days: u16,
) -> Letter {
    let messages = if count == 1 { "1 message".to_owned() } else { format!("{count} messages") };
    let waits = if count == 1 { "has" } else { "have" };
    from.email(
        at,
        "unread mail",
        email,
        format!("Unread mail at {site}"),
        &[
            &format!("Hello {first_name}"),
            &format!("{messages} in the shared mailbox of {site} ({address}) {waits} been unread for more than {days} working days."),
            "Another health or care organisation may be waiting for an answer. Open the mailbox now, or ask somebody who can.",
            "You get this because you are an owner of the mailbox. If nobody can look after it, tell our helpdesk.",
        ],
    )
}

/// Where somebody reads letters about their work: in their own mailbox while they can open it, else
/// at the personal address.
fn reads_at(account: &Account) -> &str {
    if account.state.may_sign_in() { &account.address } else { account.personal_email.as_str() }
}

/// "Your access to a shared mailbox has changed".
pub fn access_changed(
    from: &Letterhead,
    at: Timestamp,
    account: &Account,
    mailbox: &SharedMailbox,
    site: &str,
    access: Option<Access>,
) -> Letter {
    let words = match access {
        Some(Access::Owner) => format!(
            "You are now an owner of the shared mailbox {} of {site}. You read and send its mail as before, and you tell our helpdesk when somebody joins, leaves or is away for long.",
            mailbox.address
        ),
        Some(Access::Member) => format!(
            "You are now a member of the shared mailbox {} of {site}. You read and send its mail as before. Its owners tell our helpdesk when somebody joins or leaves.",
            mailbox.address
        ),
        None => format!(
            "You can no longer open the shared mailbox {} of {site}. Your own account stays as it is.",
            mailbox.address
        ),
    };
    from.email(
        at,
        "access changed",
        reads_at(account),
        format!("Your access to the shared mailbox of {site} has changed"),
        &[
            &format!("Hello {}", account.full_name()),
            &words,
            "If you think this is wrong, ask an owner of the shared mailbox or our helpdesk.",
        ],
    )
    .about(&account.id)
}

/// "You can use another shared mailbox", to somebody who was given access by the central team.
pub fn access_given_to(
    from: &Letterhead,
    at: Timestamp,
    account: &Account,
    mailbox: &SharedMailbox,
    site: &str,
) -> Letter {
    Letter { about: account.id.clone(), ..access_given(from, at, reads_at(account), mailbox, site) }
}

/// "Your account is disabled", to the personal address: the mailbox cannot be opened any more.
pub fn disabled(from: &Letterhead, at: Timestamp, account: &Account, until: Timestamp) -> Letter {
    from.email(
        at,
        "account disabled",
        account.personal_email.as_str(),
        format!("Your {} account is disabled", from.service),
        &[
            &format!("Hello {}", account.full_name()),
            &format!(
                "Your account {} is disabled since {}, because we were told that you are away for long. You cannot sign in and your mail programs cannot open it. Mail to you is refused, and its sender is told. Nothing you have is deleted.",
                account.address,
                at.in_words()
            ),
            &format!(
                "When you are back, ask an owner of your shared mailbox to tell our helpdesk. Your account can stay disabled until {}.",
                until.day()
            ),
            "If you are not away, call our helpdesk.",
        ],
    )
    .about(&account.id)
}

/// "Your account is enabled again".
pub fn enabled(from: &Letterhead, at: Timestamp, account: &Account) -> Letter {
    from.email(
        at,
        "account enabled",
        account.personal_email.as_str(),
        format!("Your {} account is enabled again", from.service),
        &[
            &format!("Hello {}", account.full_name()),
            &format!(
                "Your account {} works again since {}. Sign in with your password and your authenticator app: {}/sign-in",
                account.address,
                at.in_words(),
                from.public_address
            ),
            "Your mail programs work again, too. If you did not expect this, call our helpdesk now.",
        ],
    )
    .about(&account.id)
}

/// "Your account is closed for now", to the personal address.
pub fn frozen(from: &Letterhead, at: Timestamp, account: &Account) -> Letter {
    from.email(
        at,
        "account frozen",
        account.personal_email.as_str(),
        format!("Your {} account is closed for now", from.service),
        &[
            &format!("Hello {}", account.full_name()),
            &format!(
                "We closed your account {} on {} to keep it safe, because somebody told us that something may be wrong. Nobody can sign in, read its email or send from it. An activation link does not work either.",
                account.address,
                at.in_words()
            ),
            "Nothing is deleted. Email sent to you now is tried again by its sender for some days.",
            &format!(
                "Two members of our team check what happened before they open it again. If you can help, contact our helpdesk: {}. We never ask for passwords or codes.",
                from.helpdesk
            ),
        ],
    )
    .about(&account.id)
}

/// "Your account is open again", to the personal address.
pub fn unfrozen(from: &Letterhead, at: Timestamp, account: &Account) -> Letter {
    from.email(
        at,
        "account unfrozen",
        account.personal_email.as_str(),
        format!("Your {} account is as it was before", from.service),
        &[
            &format!("Hello {}", account.full_name()),
            &format!(
                "On {} we finished our check of your account {}. It is as it was before we closed it.",
                at.in_words(),
                account.address
            ),
            "If you had not activated it yet, we will send you a new link.",
            "If you did not expect this, call our helpdesk.",
        ],
    )
    .about(&account.id)
}

/// "You were signed out and your mail programs stopped", after a lost phone or a suspected break-in.
pub fn signed_out_and_revoked(from: &Letterhead, at: Timestamp, account: &Account) -> Letter {
    from.email(
        at,
        "taken out",
        account.personal_email.as_str(),
        format!("Your {} account was signed out everywhere", from.service),
        &[
            &format!("Hello {}", account.full_name()),
            &format!(
                "On {} the central team signed your account {} out in every browser and revoked all its app passwords, because a phone or computer was lost or somebody else may have got in.",
                at.in_words(),
                account.address
            ),
            &format!(
                "Your mail programs have stopped. Sign in at {}/sign-in, replace your authenticator app if it was on what you lost, and make new app passwords.",
                from.public_address
            ),
            "If you did not ask for this, call our helpdesk.",
        ],
    )
    .about(&account.id)
}
