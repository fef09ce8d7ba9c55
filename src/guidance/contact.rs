//! What people can write to us about: on the contact page for help, on the feedback page for what
//! they think of the service. Each subject says what may help at once, and which team reads it.

use crate::registration::enquiry::Kind;

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

/// What somebody writes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    SignIn,
    Activation,
    Registration,
    People,
    SharedMailbox,
    Email,
    MailProgram,
    Security,
    Other,
    Hospice,
    Suggestion,
    Words,
    Accessibility,
    Praise,
    Complaint,
}

/// A page that may help at once: address and words.
pub type Offer = (&'static str, &'static str);

impl Subject {
    /// In the order in which they are offered.
    pub const ALL: [Subject; 15] = [
        Subject::SignIn,
        Subject::Activation,
        Subject::Registration,
        Subject::People,
        Subject::SharedMailbox,
        Subject::Email,
        Subject::MailProgram,
        Subject::Security,
        Subject::Other,
        Subject::Complaint,
        Subject::Hospice,
        Subject::Suggestion,
        Subject::Words,
        Subject::Accessibility,
        Subject::Praise,
    ];

    pub fn door(self) -> Door {
        match self {
            Subject::SignIn
            | Subject::Activation
            | Subject::Registration
            | Subject::People
            | Subject::SharedMailbox
            | Subject::Email
            | Subject::MailProgram
            | Subject::Security
            | Subject::Other => Door::Contact,
            Subject::Hospice
            | Subject::Suggestion
            | Subject::Words
            | Subject::Accessibility
            | Subject::Praise
            | Subject::Complaint => Door::Feedback,
        }
    }

    pub fn slug(self) -> &'static str {
        match self {
            Subject::SignIn => "sign-in",
            Subject::Activation => "activation",
            Subject::Registration => "registration",
            Subject::People => "people",
            Subject::SharedMailbox => "shared-mailbox",
            Subject::Email => "email",
            Subject::MailProgram => "mail-program",
            Subject::Security => "security",
            Subject::Other => "something-else",
            Subject::Hospice => "hospice",
            Subject::Suggestion => "suggestion",
            Subject::Words => "these-pages",
            Subject::Accessibility => "accessibility",
            Subject::Praise => "praise",
            Subject::Complaint => "complaint",
        }
    }

    pub fn of(door: Door, slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subject| subject.door() == door && subject.slug() == slug)
    }

    pub fn offered_at(door: Door) -> impl Iterator<Item = Subject> {
        Self::ALL.into_iter().filter(move |subject| subject.door() == door)
    }

    /// As people choose it.
    pub fn in_words(self) -> &'static str {
        match self {
            Subject::SignIn => "I cannot sign in, or my phone is lost",
            Subject::Activation => "I cannot activate my account",
            Subject::Registration => "A registration",
            Subject::People => "Somebody joins, leaves or is away",
            Subject::SharedMailbox => "The shared mailbox of my site",
            Subject::Email => "Email that did not arrive or cannot be sent",
            Subject::MailProgram => "Setting up a phone or computer",
            Subject::Security => "A strange email, or something sent by mistake",
            Subject::Other => "Something else",
            Subject::Hospice => "A hospice wants to join",
            Subject::Suggestion => "An idea that would make the service better",
            Subject::Words => "Something on these pages is wrong or hard to follow",
            Subject::Accessibility => "I cannot use a page",
            Subject::Praise => "Something that went well",
            Subject::Complaint => "A complaint",
        }
    }

    /// What stands under the answer, where it helps to choose.
    pub fn hint(self) -> &'static str {
        match self {
            Subject::Accessibility => "For example with a screen reader, by keyboard, or on a small screen",
            Subject::Complaint => "You are not content with what we did, or did not do",
            Subject::SignIn
            | Subject::Activation
            | Subject::Registration
            | Subject::People
            | Subject::SharedMailbox
            | Subject::Email
            | Subject::MailProgram
            | Subject::Security
            | Subject::Other
            | Subject::Hospice
            | Subject::Suggestion
            | Subject::Words
            | Subject::Praise => "",
        }
    }

    /// The subject of the email to the team. That of the hospice query is set by the joining rules.
    pub fn line(self) -> &'static str {
        match self {
            Subject::SignIn => "Support: signing in",
            Subject::Activation => "Support: activating an account",
            Subject::Registration => "Support: a registration",
            Subject::People => "Support: joiners, leavers and people who are away",
            Subject::SharedMailbox => "Support: a shared mailbox",
            Subject::Email => "Support: email that does not arrive or cannot be sent",
            Subject::MailProgram => "Support: setting up a phone or computer",
            Subject::Security => "Support: a strange email or a mistake",
            Subject::Other => "Support: something else",
            Subject::Hospice => Kind::Hospice.subject(),
            Subject::Suggestion => "Feedback: an idea",
            Subject::Words => "Feedback: these pages",
            Subject::Accessibility => "Feedback: accessibility",
            Subject::Praise => "Feedback: something that went well",
            Subject::Complaint => "Complaint",
        }
    }

    pub fn kind(self) -> Kind {
        match self {
            Subject::Hospice => Kind::Hospice,
            Subject::Complaint => Kind::Complaint,
            Subject::Suggestion | Subject::Words | Subject::Accessibility | Subject::Praise => Kind::Feedback,
            Subject::SignIn
            | Subject::Activation
            | Subject::Registration
            | Subject::People
            | Subject::SharedMailbox
            | Subject::Email
            | Subject::MailProgram
            | Subject::Security
            | Subject::Other => Kind::Support,
        }
    }

    /// What does it without waiting for us, or tells how; the quickest first.
    pub fn offers(self) -> &'static [Offer] {
        match self {
            Subject::SignIn => &[
                ("/sign-in", "Sign in with a recovery code in place of your phone"),
                ("/support/forgotten-password", "Forgotten password or lost phone"),
                ("/support/second-factors", "The code from your phone"),
                ("/support/restore-an-account", "Get an account back that was not used"),
            ],
            Subject::Activation => &[
                ("/activate", "Get a new activation link"),
                ("/support/activate-your-account", "Activate your account, step by step"),
            ],
            Subject::Registration => &[
                ("/registration", "See how a registration is doing"),
                ("/register/return", "Continue a registration"),
                ("/support/find-your-codes", "Find your codes"),
                ("/support/dspt", "The DSPT"),
                ("/support/after-you-register", "What happens after you register"),
            ],
            Subject::People => &[
                ("/support/joiners-and-leavers", "Joiners and leavers"),
                ("/support/owners-and-members", "Owners and members of the shared mailbox"),
                ("/support/long-leave", "Long leave"),
                ("/support/more-accounts", "More accounts"),
            ],
            Subject::SharedMailbox => &[
                ("/my-account", "See which shared mailboxes you can use"),
                (
                    "/support/owners-and-members#if-nobody-can-open-the-mailbox",
                    "If nobody can open the mailbox",
                ),
                ("/support/shared-mailbox", "The shared mailbox"),
            ],
            Subject::Email => &[
                ("/service-status", "See whether something is wrong with the service"),
                ("/support/sending-securely", "Send securely"),
                ("/support/shared-mailbox", "The shared mailbox"),
            ],
            Subject::MailProgram => &[
                ("/my-account/mail-programs", "Get an app password for a phone or computer"),
                ("/support/set-up-outlook", "Set up Outlook"),
                ("/support/set-up-iphone", "Set up an iPhone or iPad"),
                ("/support/set-up-android", "Set up an Android phone"),
                ("/support/set-up-thunderbird", "Set up Thunderbird"),
            ],
            Subject::Security => &[
                ("/support/strange-email-and-mistakes", "Strange emails and mistakes: what to do first"),
                ("/my-account/security", "Sign out everywhere, or change your app"),
            ],
            Subject::Other => &[("/support", "Look through help and support")],
            Subject::Hospice
            | Subject::Suggestion
            | Subject::Words
            | Subject::Accessibility
            | Subject::Praise
            | Subject::Complaint => &[],
        }
    }

    /// Whether somebody should call in place of writing, because every minute counts.
    pub fn is_urgent(self) -> bool {
        match self {
            Subject::SignIn | Subject::Security => true,
            Subject::Activation
            | Subject::Registration
            | Subject::People
            | Subject::SharedMailbox
            | Subject::Email
            | Subject::MailProgram
            | Subject::Other
            | Subject::Hospice
            | Subject::Suggestion
            | Subject::Words
            | Subject::Accessibility
            | Subject::Praise
            | Subject::Complaint => false,
        }
    }

    /// The page with the form.
    pub fn form_path(self) -> String {
        match self.door() {
            Door::Contact => format!("/contact/{}/write", self.slug()),
            Door::Feedback => format!("/feedback/{}", self.slug()),
        }
    }

    /// What the field for the message is called.
    pub fn message_label(self) -> &'static str {
        match self {
            Subject::Hospice => "What should we know?",
            Subject::Suggestion => "What is your idea?",
            Subject::Words => "Which page is it, and what is wrong?",
            Subject::Accessibility => "Which page is it, what do you use, and what happens?",
            Subject::Praise => "What went well?",
            Subject::Complaint => "What happened, and what should we do about it?",
            Subject::SignIn
            | Subject::Activation
            | Subject::Registration
            | Subject::People
            | Subject::SharedMailbox
            | Subject::Email
            | Subject::MailProgram
            | Subject::Security
            | Subject::Other => "What happened, and what did you try?",
        }
    }

    /// What is said where the message is missing.
    pub fn message_missing(self) -> &'static str {
        match self {
            Subject::Hospice => "Enter what we should know",
            Subject::Suggestion => "Enter your idea",
            Subject::Words => "Enter which page it is, and what is wrong",
            Subject::Accessibility => "Enter which page it is, and what happens",
            Subject::Praise => "Enter what went well",
            Subject::Complaint
            | Subject::SignIn
            | Subject::Activation
            | Subject::Registration
            | Subject::People
            | Subject::SharedMailbox
            | Subject::Email
            | Subject::MailProgram
            | Subject::Security
            | Subject::Other => "Enter what happened",
        }
    }

    pub fn organisation_label(self) -> &'static str {
        match self {
            Subject::Hospice => "Name and postcode of the hospice",
            Subject::SignIn
            | Subject::Activation
            | Subject::Registration
            | Subject::People
            | Subject::SharedMailbox
            | Subject::Email
            | Subject::MailProgram
            | Subject::Security
            | Subject::Other => "Name and postcode, or ODS code, of your site",
            Subject::Suggestion
            | Subject::Words
            | Subject::Accessibility
            | Subject::Praise
            | Subject::Complaint => "Name of your site or organisation (optional)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guidance::Library;
    use crate::settings::Settings;

    #[test]
    fn every_subject_is_offered_once_under_a_name_of_its_own() {
        for door in [Door::Contact, Door::Feedback] {
            for subject in Subject::offered_at(door) {
                assert_eq!(Subject::of(door, subject.slug()), Some(subject));
                let other = if door == Door::Contact { Door::Feedback } else { Door::Contact };
                assert_eq!(Subject::of(other, subject.slug()), None, "{subject:?}");
            }
        }
        assert_eq!(Subject::of(Door::Contact, "nothing"), None);
    }

    #[test]
    fn whoever_needs_help_is_shown_pages_that_exist() {
        let library = Library::open(&Settings::defaults().expect("defaults")).expect("the words are right");
        for subject in Subject::offered_at(Door::Contact) {
            assert!(!subject.offers().is_empty(), "{subject:?}");
            for (href, _) in subject.offers() {
                let slug = href.strip_prefix("/support/").map(|rest| rest.split('#').next().unwrap_or(""));
                assert!(slug.is_none_or(|slug| library.find(slug).is_some()), "{subject:?} offers {href}");
            }
        }
    }

    #[test]
    fn the_hospice_query_carries_its_subject_letter_for_letter() {
        assert_eq!(Subject::Hospice.line(), "Hospice NHSmail Application Query");
        assert_eq!(Subject::Hospice.kind(), Kind::Hospice);
    }
}
