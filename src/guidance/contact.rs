//! What people can write to us about: on the contact page for help, on the feedback page for what
//! they think of the service. Each subject says what may help at once, and which team reads it.

use crate::service_desk::EnquiryKind;

/// The page on which a subject is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Contact,
    Feedback,
}

impl Door {
    pub fn path(self) -> &'static str {
        match self {
            Door::Contact => "/contact",
            Door::Feedback => "/feedback",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Door::Contact => "Contact support",
            Door::Feedback => "Give feedback",
        }
    }

    pub fn question(self) -> &'static str {
        match self {
            Door::Contact => "What do you need help with?",
            Door::Feedback => "What is your feedback about?",
        }
    }

    /// What is said where nothing was chosen.
    pub fn none_chosen(self) -> &'static str {
        match self {
            Door::Contact => "Select what you need help with",
            Door::Feedback => "Select what your feedback is about",
        }
    }
}

/// A page that may help at once: address and words.
pub type Offer = (&'static str, &'static str);

/// What somebody writes about.
#[derive(Debug)]
pub struct Subject {
    pub door: Door,
    /// Its part of the address.
    pub slug: &'static str,
    pub kind: EnquiryKind,
    /// As people choose it.
    pub in_words: &'static str,
    /// What stands under the answer, where it helps to choose.
    pub hint: &'static str,
    /// The subject of the email to the team.
    pub line: &'static str,
    /// What does it without waiting for us, or tells how; the quickest first.
    pub offers: &'static [Offer],
    /// Whether somebody should call in place of writing, because every minute counts.
    pub urgent: bool,
    /// What the field for the message is called, and what is said where it is empty.
    pub message_label: &'static str,
    pub message_missing: &'static str,
    pub organisation_label: &'static str,
}

/// Help with the service.
const SUPPORT: Subject = Subject {
    door: Door::Contact,
    slug: "",
    kind: EnquiryKind::Support,
    in_words: "",
    hint: "",
    line: "",
    offers: &[],
    urgent: false,
    message_label: "What happened, and what did you try?",
    message_missing: "Enter what happened",
    organisation_label: "Name and postcode, or ODS code, of your site",
};

/// What somebody thinks of the service.
const FEEDBACK: Subject = Subject {
    door: Door::Feedback,
    kind: EnquiryKind::Feedback,
    organisation_label: "Name of your site or organisation (optional)",
    ..SUPPORT
};

/// Every subject, in the order in which it is offered.
pub static SUBJECTS: [Subject; 15] = [
    Subject {
        slug: "sign-in",
        in_words: "I cannot sign in, or my phone is lost",
        line: "Support: signing in",
        offers: &[
            ("/sign-in", "Sign in with a recovery code in place of your phone"),
            ("/support/forgotten-password", "Forgotten password or lost phone"),
            ("/support/second-factors", "The code from your phone"),
            ("/support/restore-an-account", "Get an account back that was not used"),
        ],
        urgent: true,
        ..SUPPORT
    },
    Subject {
        slug: "activation",
        in_words: "I cannot activate my account",
        line: "Support: activating an account",
        offers: &[
            ("/activate", "Get a new activation link"),
            ("/support/activate-your-account", "Activate your account, step by step"),
        ],
        ..SUPPORT
    },
    Subject {
        slug: "registration",
        in_words: "A registration",
        line: "Support: a registration",
        offers: &[
            ("/registration", "See how a registration is doing"),
            ("/register/return", "Continue a registration"),
            ("/support/find-your-codes", "Find your codes"),
            ("/support/dspt", "The DSPT"),
            ("/support/after-you-register", "What happens after you register"),
        ],
        ..SUPPORT
    },
    Subject {
        slug: "people",
        in_words: "Somebody joins, leaves or is away",
        line: "Support: joiners, leavers and people who are away",
        offers: &[
            ("/support/joiners-and-leavers", "Joiners and leavers"),
            ("/support/owners-and-members", "Owners and members of the shared mailbox"),
            ("/support/long-leave", "Long leave"),
            ("/support/more-accounts", "More accounts"),
        ],
        ..SUPPORT
    },
    Subject {
        slug: "shared-mailbox",
        in_words: "The shared mailbox of my site",
        line: "Support: a shared mailbox",
        offers: &[
            ("/my-account", "See which shared mailboxes you can use"),
            ("/support/owners-and-members#if-nobody-can-open-the-mailbox", "If nobody can open the mailbox"),
            ("/support/shared-mailbox", "The shared mailbox"),
        ],
        ..SUPPORT
    },
    Subject {
        slug: "email",
        in_words: "Email that did not arrive or cannot be sent",
        line: "Support: email that does not arrive or cannot be sent",
        offers: &[
            ("/service-status", "See whether something is wrong with the service"),
            ("/support/sending-securely", "Send securely"),
            ("/support/shared-mailbox", "The shared mailbox"),
        ],
        ..SUPPORT
    },
    Subject {
        slug: "mail-program",
        in_words: "Setting up a phone or computer",
        line: "Support: setting up a phone or computer",
        offers: &[
            ("/my-account/mail-programs", "Get an app password for a phone or computer"),
            ("/support/set-up-outlook", "Set up Outlook"),
            ("/support/set-up-iphone", "Set up an iPhone or iPad"),
            ("/support/set-up-android", "Set up an Android phone"),
            ("/support/set-up-thunderbird", "Set up Thunderbird"),
        ],
        ..SUPPORT
    },
    Subject {
        slug: "security",
        in_words: "A strange email, or something sent by mistake",
        line: "Support: a strange email or a mistake",
        offers: &[
            ("/support/strange-email-and-mistakes", "Strange emails and mistakes: what to do first"),
            ("/my-account/security", "Sign out everywhere, or change your app"),
        ],
        urgent: true,
        ..SUPPORT
    },
    Subject {
        slug: "something-else",
        in_words: "Something else",
        line: "Support: something else",
        offers: &[("/support", "Look through help and support")],
        ..SUPPORT
    },
    Subject {
        slug: "complaint",
        kind: EnquiryKind::Complaint,
        in_words: "A complaint",
        hint: "You are not content with what we did, or did not do",
        line: "Complaint",
        message_label: "What happened, and what should we do about it?",
        message_missing: "Enter what happened",
        ..FEEDBACK
    },
    Subject {
        slug: "hospice",
        kind: EnquiryKind::Hospice,
        in_words: "A hospice wants to join",
        // Set by the service's joining rules, letter for letter.
        line: EnquiryKind::Hospice.subject(),
        message_label: "What should we know?",
        message_missing: "Enter what we should know",
        organisation_label: "Name and postcode of the hospice",
        ..FEEDBACK
    },
    Subject {
        slug: "suggestion",
        in_words: "An idea that would make the service better",
        line: "Feedback: an idea",
        message_label: "What is your idea?",
        message_missing: "Enter your idea",
        ..FEEDBACK
    },
    Subject {
        slug: "these-pages",
        in_words: "Something on these pages is wrong or hard to follow",
        line: "Feedback: these pages",
        message_label: "Which page is it, and what is wrong?",
        message_missing: "Enter which page it is, and what is wrong",
        ..FEEDBACK
    },
    Subject {
        slug: "accessibility",
        in_words: "I cannot use a page",
        hint: "For example with a screen reader, by keyboard, or on a small screen",
        line: "Feedback: accessibility",
        message_label: "Which page is it, what do you use, and what happens?",
        message_missing: "Enter which page it is, and what happens",
        ..FEEDBACK
    },
    Subject {
        slug: "praise",
        in_words: "Something that went well",
        line: "Feedback: something that went well",
        message_label: "What went well?",
        message_missing: "Enter what went well",
        ..FEEDBACK
    },
];

impl Subject {
    pub fn of(door: Door, slug: &str) -> Option<&'static Self> {
        Self::offered_at(door).find(|subject| subject.slug == slug)
    }

    pub fn offered_at(door: Door) -> impl Iterator<Item = &'static Subject> {
        SUBJECTS.iter().filter(move |subject| subject.door == door)
    }

    /// The page with the form.
    pub fn form_path(&self) -> String {
        match self.door {
            Door::Contact => format!("/contact/{}/write", self.slug),
            Door::Feedback => format!("/feedback/{}", self.slug),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guidance::Library;
    use crate::settings::Settings;
    use std::collections::BTreeSet;

    #[test]
    fn every_subject_is_offered_once_and_has_all_its_words() {
        let slugs: BTreeSet<_> = SUBJECTS.iter().map(|subject| subject.slug).collect();
        let lines: BTreeSet<_> = SUBJECTS.iter().map(|subject| subject.line).collect();
        assert_eq!((slugs.len(), lines.len()), (SUBJECTS.len(), SUBJECTS.len()));
        for subject in &SUBJECTS {
            let other = if subject.door == Door::Contact { Door::Feedback } else { Door::Contact };
            assert!(Subject::of(subject.door, subject.slug).is_some(), "{subject:?}");
            assert!(Subject::of(other, subject.slug).is_none(), "{subject:?}");
            for words in [subject.slug, subject.in_words, subject.line, subject.message_label] {
                assert!(!words.is_empty(), "{subject:?}");
            }
        }
        assert!(Subject::of(Door::Contact, "nothing").is_none());
    }

    #[test]
    fn whoever_needs_help_is_shown_pages_that_exist() {
        let library = Library::open(&Settings::defaults().expect("defaults")).expect("the words are right");
        for subject in Subject::offered_at(Door::Contact) {
            assert!(!subject.offers.is_empty(), "{subject:?}");
            for (href, _) in subject.offers {
                let slug = href.strip_prefix("/support/").map(|rest| rest.split('#').next().unwrap_or(""));
                assert!(slug.is_none_or(|slug| library.find(slug).is_some()), "{subject:?} offers {href}");
            }
        }
    }

    #[test]
    fn the_hospice_query_carries_its_subject_letter_for_letter() {
        let hospice = Subject::of(Door::Feedback, "hospice").expect("offered");
        assert_eq!(hospice.line, "Hospice NHSmail Application Query");
        assert_eq!(hospice.kind, EnquiryKind::Hospice);
    }
}
