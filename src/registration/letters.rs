//! The letters of a registration, in plain words.

use super::reasons::Reason;
use super::{Draft, Registration};
use crate::clock::Timestamp;
use crate::contact::Email;
use crate::letter::{CODE_MARK, LINK_MARK, Letter, Letterhead};

fn status_page(from: &Letterhead, case: &Registration) -> String {
    format!("{}/registration/{}", from.public_address, case.reference)
}

/// The code that shows a registrant reads their email.
pub fn email_code(from: &Letterhead, at: Timestamp, to: &Email, registration: &str, code: &str) -> Letter {
    from.email(
        at,
        "email code",
        to.as_str(),
        format!("Your {} code", from.service),
        &[
            &format!("Your code is {CODE_MARK}"),
            &format!(
                "It works for {} minutes. Type it into the page you asked for it on.",
                from.code_minutes
            ),
            "We never ask for this code by telephone or email. If you did not ask for it, do nothing.",
        ],
    )
    .about(registration)
    .carrying("EmailCode", code)
}

/// The passcode to the address a register holds for a site.
pub fn site_code(from: &Letterhead, at: Timestamp, to: &Email, draft: &Draft, code: &str) -> Letter {
    from.email(
        at,
        "site code",
        to.as_str(),
        format!("Code to register {} for secure email", draft.site_name()),
        &[
            &format!("Somebody is registering {} for secure email and asked us to send a code to this address.", draft.site_name()),
            &format!("The code is {CODE_MARK}"),
            &format!("It works for {} minutes. Give it only to the person in your organisation who is registering the site.", from.code_minutes),
            "If nobody at your site is doing this, do not pass the code on, and tell us.",
        ],
    )
    .about(&draft.id)
    .carrying("SiteCode", code)
}

/// "We have received your registration."
pub fn received(from: &Letterhead, at: Timestamp, case: &Registration) -> Letter {
    let due = case.due_at.in_words();
    from.email(
        at,
        "registration received",
        case.answers.email.as_str(),
        format!("We have received your registration {}", case.reference),
        &[
            &format!("Your reference is {}. We have received the registration of {}.", case.reference, case.site_name()),
            "We are checking it against the registers of CQC, ODS and the DSPT. Most registrations are decided within minutes.",
            &format!("You will hear from us by {due} at the latest."),
            &format!("See how it is doing: {}", status_page(from, case)),
        ],
    )
    .about(&case.id)
}

/// Tells the contact a register holds for the site, with a way to stop it.
pub fn notice_to_site(
    from: &Letterhead,
    at: Timestamp,
    case: &Registration,
    to: &Email,
    link: &str,
) -> Letter {
    from.email(
        at,
        "notice to the site",
        to.as_str(),
        format!("{} is being registered for secure email", case.site_name()),
        &[
            &format!(
                "Somebody has registered {} for secure email with us. The reference is {}. We are telling you because CQC gave us this address for the site.",
                case.site_name(),
                case.reference
            ),
            &format!("Tell us whether it was you or your colleagues: {LINK_MARK}"),
            "If it was, say so there, and your colleagues can begin at once. If it was not, stop it there at any time, and we close everything.",
            "We never ask for passwords or codes by telephone or email.",
        ],
    )
    .about(&case.id)
    .carrying("StopLink", link)
}

/// "Approved": what happens next.
pub fn approved(
    from: &Letterhead,
    at: Timestamp,
    case: &Registration,
    address: &str,
    activates_at: Option<Timestamp>,
) -> Letter {
    let when = match activates_at {
        Some(at) => waits_words(at),
        None => "They can do this as soon as the accounts are set up.".to_owned(),
    };
    from.email(
        at,
        "registration approved",
        case.answers.email.as_str(),
        format!("{} can use secure email", case.site_name()),
        &[
            &format!("We have approved registration {} for {}.", case.reference, case.site_name()),
            &format!("The shared mailbox of the site is {address}."),
            "Each person you named gets an email with a link to activate their account, and a code by text message when they use it. The accounts are set up in about an hour.",
            &when,
            "The site is live when its first owner has activated their account.",
        ],
    )
    .about(&case.id)
}

/// Why accounts cannot be activated yet, for the registrant.
pub fn waits_words(until: Timestamp) -> String {
    format!(
        "They can activate from {}. We wait because you used a CQC contact ID, which other people may know: the contact that CQC has for the site can tell us if it was not them. If that contact confirms with the link in our email to them, the links are sent at once.",
        until.in_words()
    )
}

/// The words of "declined", shown to the case worker before it is sent.
pub fn declined_words(reason: Reason, more: &str) -> Vec<String> {
    let mut words = vec![reason.words().to_owned()];
    if !more.is_empty() {
        words.push(more.to_owned());
    }
    words.push(format!("What to do: {}", reason.fix()));
    words
}

/// "Declined", with the reason and its fix.
pub fn declined(from: &Letterhead, at: Timestamp, case: &Registration, reason: Reason, more: &str) -> Letter {
    let mut paragraphs = vec![format!(
        "We could not approve registration {} for {} (reason {}).",
        case.reference,
        case.site_name(),
        reason.code()
    )];
    paragraphs.extend(declined_words(reason, more));
    paragraphs.push(format!("When that is done you can register again: {}/register", from.public_address));
    let paragraphs: Vec<&str> = paragraphs.iter().map(String::as_str).collect();
    from.email(
        at,
        "registration declined",
        case.answers.email.as_str(),
        format!("Your registration {} was not approved", case.reference),
        &paragraphs,
    )
    .about(&case.id)
}

/// A question of a case worker.
pub fn more_information(from: &Letterhead, at: Timestamp, case: &Registration, question: &str) -> Letter {
    from.email(
        at,
        "more information asked",
        case.answers.email.as_str(),
        format!("We need more information about registration {}", case.reference),
        &[
            &format!("To decide registration {} for {}, we need to know:", case.reference, case.site_name()),
            question,
            &format!("Please answer here: {}", status_page(from, case)),
        ],
    )
    .about(&case.id)
}

/// The site said "this was not us".
pub fn stopped(from: &Letterhead, at: Timestamp, case: &Registration) -> Letter {
    from.email(
        at,
        "registration stopped",
        case.answers.email.as_str(),
        format!("Registration {} was stopped", case.reference),
        &[
            &format!(
                "The contact that CQC gave us for {} told us that registration {} was not theirs. We have stopped it. Nothing was set up.",
                case.site_name(),
                case.reference
            ),
            "If that is a misunderstanding, speak to your colleagues at the site and call our helpdesk.",
        ],
    )
    .about(&case.id)
}

/// The site said "this was not us" after it had joined.
pub fn site_frozen(from: &Letterhead, at: Timestamp, case: &Registration) -> Letter {
    from.email(
        at,
        "site frozen",
        case.answers.email.as_str(),
        format!("The accounts of {} are closed for now", case.site_name()),
        &[
            &format!(
                "The contact that CQC has for {} told us that registration {} was not theirs. We have closed the shared mailbox and all accounts of the site. Nothing is deleted.",
                case.site_name(),
                case.reference
            ),
            &format!("Two members of our team check what happened before they open them again. If this is a misunderstanding, speak to your colleagues at the site and contact our helpdesk: {}.", from.helpdesk),
        ],
    )
    .about(&case.id)
}

/// Tells the helpdesk that a site said "this was not us", so that somebody looks today.
pub fn not_us(from: &Letterhead, at: Timestamp, case: &Registration, to: &str, freeze: &str) -> Letter {
    from.email(
        at,
        "urgent: not us",
        to,
        format!("Urgent: {} says that a registration was not theirs", case.site_name()),
        &[
            &format!(
                "The contact that CQC has for {} used the link “This was not us” for registration {}. The site is frozen.",
                case.site_name(),
                case.reference
            ),
            "Call the site on the number that CQC publishes, and find out who registered it.",
            &format!("Two case workers together can lift the freeze: {}/casework/frozen/{freeze}", from.public_address),
        ],
    )
    .about(&case.id)
}

/// "Your site is live."
pub fn live(from: &Letterhead, at: Timestamp, case: &Registration) -> Letter {
    from.email(
        at,
        "registration live",
        case.answers.email.as_str(),
        format!("{} is live on secure email", case.site_name()),
        &[
            &format!("The first owner has activated their account, so {} can now send and receive secure email.", case.site_name()),
            &format!(
                "Please remind the others to activate theirs. An account that nobody activates within {} days can become inactive.",
                from.activation_days
            ),
        ],
    )
    .about(&case.id)
}
