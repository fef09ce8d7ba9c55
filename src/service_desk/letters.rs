//! What is sent about an enquiry: to the team, and to whoever wrote.

use super::{Enquiry, EnquiryKind, path};
use crate::clock::Timestamp;
use crate::letter::{Letter, Letterhead};

/// An enquiry on its way to the team that answers it.
pub fn to_team(from: &Letterhead, at: Timestamp, enquiry: &Enquiry, team: &str) -> Letter {
    let given = |text: &str| if text.is_empty() { "not given".to_owned() } else { text.to_owned() };
    let mut paragraphs = vec![
        format!("Reference {}", enquiry.reference),
        format!("From {} ({}), {}", enquiry.name, enquiry.email, given(&enquiry.organisation)),
        format!("Telephone: {}", given(&enquiry.telephone)),
        who_it_is(enquiry).to_owned(),
        enquiry.message.clone(),
    ];
    if let Some(affected) = &enquiry.affected {
        if affected.no_call {
            paragraphs.push("They cannot be called. Write to them.".to_owned());
        }
        paragraphs.push(format!("People affected: {}", affected.people));
        paragraphs.push(format!("Their addresses: {}", given(&affected.addresses)));
        paragraphs.push(format!("The error message: {}", given(&affected.saw)));
        paragraphs.push(format!("What else may help: {}", given(&affected.more)));
    }
    paragraphs.push(format!(
        "It is due by {}. Answer it in case work: {}{}",
        enquiry.due_at.in_words(),
        from.public_address,
        path(&enquiry.id)
    ));
    let paragraphs: Vec<&str> = paragraphs.iter().map(String::as_str).collect();
    from.email(at, "enquiry to the team", team, enquiry.subject.clone(), &paragraphs).about(&enquiry.id)
}

/// Whether we know that it is them.
fn who_it_is(enquiry: &Enquiry) -> &'static str {
    if enquiry.account.is_some() {
        "They were signed in to their account when they wrote."
    } else {
        "They were not signed in. Check who they are before you change anything."
    }
}

/// "We have received your message." Nothing that was typed is in it: whoever reads at the address may
/// not be who wrote.
pub fn received(from: &Letterhead, at: Timestamp, enquiry: &Enquiry) -> Letter {
    let due = enquiry.due_at.in_words();
    let (subject, next) = match enquiry.kind {
        EnquiryKind::Hospice | EnquiryKind::Feedback => {
            ("message", format!("Our feedback team will answer by {due}."))
        }
        EnquiryKind::SelfManagement | EnquiryKind::Recovery | EnquiryKind::Support => {
            ("message", format!("Our team will answer by {due}."))
        }
        EnquiryKind::Complaint => (
            "complaint",
            format!(
                "We are sorry that you had reason to complain. By {due} you will hear who looks into it and when you get an answer."
            ),
        ),
    };
    from.email(
        at,
        "enquiry received",
        enquiry.email.as_str(),
        format!("We have received your {subject} {}", enquiry.reference),
        &[
            &format!("Your reference is {}.", enquiry.reference),
            &next,
            "If you did not write to us, you need do nothing.",
        ],
    )
    .about(&enquiry.id)
}

/// Tells somebody who complained that a person looks into it.
pub fn complaint_acknowledged(from: &Letterhead, at: Timestamp, enquiry: &Enquiry, by: &str) -> Letter {
    from.email(
        at,
        "complaint acknowledged",
        enquiry.email.as_str(),
        format!("We are looking into your complaint {}", enquiry.reference),
        &[
            &format!("{by} of our team looks into your complaint {}.", enquiry.reference),
            &format!("You get an answer by {}. If we need to know more, we call or email you.", enquiry.due_at.in_words()),
            "If you are not content with the answer, tell us so, with your reference and why. It then goes to a manager.",
        ],
    )
    .about(&enquiry.id)
}

/// The team's answer to an enquiry.
pub fn answered(from: &Letterhead, at: Timestamp, enquiry: &Enquiry, answer: &str) -> Letter {
    from.email(
        at,
        "enquiry answered",
        enquiry.email.as_str(),
        format!("Our answer to your message {}", enquiry.reference),
        &[
            answer,
            &format!(
                "If this does not settle it, answer this email or call us, with the reference {}.",
                enquiry.reference
            ),
        ],
    )
    .about(&enquiry.id)
}
