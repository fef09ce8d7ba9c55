//! The letters of the directory, in plain words. None carries a password.

use super::{Account, SharedMailbox};
use crate::clock::Timestamp;
use crate::letter::{LINK_MARK, Letter};
use crate::settings::Settings;

/// What letters need to know of the service.
#[derive(Clone, Debug)]
pub struct From {
    pub service: String,
    pub domain: String,
    pub public_address: String,
    pub helpdesk: String,
    pub activation_hours: u16,
}

impl From {
    pub fn of(settings: &Settings) -> Self {
        From {
            service: settings.service_name.clone(),
            domain: settings.mail_domain.clone(),
            public_address: settings.public_address.clone(),
            helpdesk: format!("{} or {}", settings.helpdesk_email, settings.helpdesk_telephone),
            activation_hours: settings.activation_hours,
        }
    }

    /// An email with the service and the helpdesk at its end.
    pub fn email(
        &self,
        at: Timestamp,
        name: &'static str,
        to: &str,
        subject: String,
        paragraphs: &[&str],
    ) -> Letter {
        let body = format!("{}\n\n{}\nNeed help? {}\n", paragraphs.join("\n\n"), self.service, self.helpdesk);
        Letter::email(at, &self.domain, name, to, subject, body)
    }
}

/// "Activate your account", to the personal address. `site` is where the person works, in words.
pub fn activation(from: &From, at: Timestamp, account: &Account, site: &str, link: &str) -> Letter {
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

/// "You can use another shared mailbox", to somebody who has an account already.
pub fn access_given(
    from: &From,
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
    from: &From,
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
