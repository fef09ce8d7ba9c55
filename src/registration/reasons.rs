//! Why a registration cannot go on: REJ-01 to REJ-20, each with its words and its fix.
//!
//! The codes are those of the service's rule book; a case worker chooses among them, and the checks
//! name them. Source: the joining rules and refusal reasons published for social care.

use serde::{Deserialize, Serialize};

/// A reason with its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reason {
    NotSocialCare,
    Hospice,
    NotCqcRegistered,
    OdsCodeWrong,
    OdsCodeNotASite,
    OdsCodeClosed,
    CqcLocationWrong,
    ContactIdWrong,
    PasscodeWrong,
    DsptNotMet,
    AlreadyHasAccounts,
    OnePersonOnly,
    TooManyPeople,
    RepeatedContact,
    NotUkMobile,
    GenericName,
    AlteredForm,
    ManagedByOthers,
    RecordsDisagree,
    PersonHasAccount,
}

/// Every reason, in the order of the codes.
pub const REASONS: [Reason; 20] = [
    Reason::NotSocialCare,
    Reason::Hospice,
    Reason::NotCqcRegistered,
    Reason::OdsCodeWrong,
    Reason::OdsCodeNotASite,
    Reason::OdsCodeClosed,
    Reason::CqcLocationWrong,
    Reason::ContactIdWrong,
    Reason::PasscodeWrong,
    Reason::DsptNotMet,
    Reason::AlreadyHasAccounts,
    Reason::OnePersonOnly,
    Reason::TooManyPeople,
    Reason::RepeatedContact,
    Reason::NotUkMobile,
    Reason::GenericName,
    Reason::AlteredForm,
    Reason::ManagedByOthers,
    Reason::RecordsDisagree,
    Reason::PersonHasAccount,
];

impl Reason {
    /// `REJ-01` to `REJ-20`.
    pub fn code(self) -> &'static str {
        match self {
            Reason::NotSocialCare => "REJ-01",
            Reason::Hospice => "REJ-02",
            Reason::NotCqcRegistered => "REJ-03",
            Reason::OdsCodeWrong => "REJ-04",
            Reason::OdsCodeNotASite => "REJ-05",
            Reason::OdsCodeClosed => "REJ-06",
            Reason::CqcLocationWrong => "REJ-07",
            Reason::ContactIdWrong => "REJ-08",
            Reason::PasscodeWrong => "REJ-09",
            Reason::DsptNotMet => "REJ-10",
            Reason::AlreadyHasAccounts => "REJ-11",
            Reason::OnePersonOnly => "REJ-12",
            Reason::TooManyPeople => "REJ-13",
            Reason::RepeatedContact => "REJ-14",
            Reason::NotUkMobile => "REJ-15",
            Reason::GenericName => "REJ-16",
            Reason::AlteredForm => "REJ-17",
            Reason::ManagedByOthers => "REJ-18",
            Reason::RecordsDisagree => "REJ-19",
            Reason::PersonHasAccount => "REJ-20",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        REASONS.into_iter().find(|reason| reason.code() == code)
    }

    /// What is the matter, as the registrant reads it.
    pub fn words(self) -> &'static str {
        match self {
            Reason::NotSocialCare => "This service is for social care organisations in England only.",
            Reason::Hospice => "Hospices join in another way.",
            Reason::NotCqcRegistered => {
                "The organisation is not registered with the Care Quality Commission (CQC)."
            }
            Reason::OdsCodeWrong => "The ODS code is missing, incomplete or wrong.",
            Reason::OdsCodeNotASite => {
                "The ODS code is for a head office or another kind of organisation, not for a care site."
            }
            Reason::OdsCodeClosed => "The ODS code has been closed.",
            Reason::CqcLocationWrong => {
                "The CQC location ID was not found, has been deregistered, or is a provider ID."
            }
            Reason::ContactIdWrong => "The CQC contact ID does not match the site.",
            Reason::PasscodeWrong => "The code sent to the site was wrong or had expired.",
            Reason::DsptNotMet => {
                "The site has no current Data Security and Protection Toolkit (DSPT) at the level needed."
            }
            Reason::AlreadyHasAccounts => "The site has secure email already.",
            Reason::OnePersonOnly => "Only one person was named. A site needs at least two.",
            Reason::TooManyPeople => "More people were named than a site can have accounts.",
            Reason::RepeatedContact => "Two people were given the same email address or mobile number.",
            Reason::NotUkMobile => "A mobile number is not a UK number.",
            Reason::GenericName => {
                "An account was asked for under the name of a job or a place instead of a person."
            }
            Reason::AlteredForm => "What was sent had been altered.",
            Reason::ManagedByOthers => {
                "The site's accounts are looked after by its own organisation or by another body."
            }
            Reason::RecordsDisagree => "The records of CQC and ODS do not agree about the site.",
            Reason::PersonHasAccount => "A person named has an account already.",
        }
    }

    /// What to do about it, as the registrant reads it.
    pub fn fix(self) -> &'static str {
        match self {
            Reason::NotSocialCare => "Ask the helpdesk which other routes there are for your organisation.",
            Reason::Hospice => {
                "Send the hospice query from our start page. The feedback team will tell you how to join."
            }
            Reason::NotCqcRegistered => {
                "If you are registered with CQC, check that the registration is for this site. If not, ask the helpdesk about the third-party route."
            }
            Reason::OdsCodeWrong => {
                "Search for your site by name or postcode in the registration. The right code then fills itself in."
            }
            Reason::OdsCodeNotASite => "Use the code of the site. It has five characters and begins with V.",
            Reason::OdsCodeClosed => {
                "If your site has a new code, register again with it. If the code should be open, ask CQC to correct their record. It reaches ODS within about a month."
            }
            Reason::CqcLocationWrong => {
                "Look for the location ID on your CQC certificate. It is different from the provider ID."
            }
            Reason::ContactIdWrong => {
                "Check the registered manager's certificate, or choose to have a code sent to your site instead."
            }
            Reason::PasscodeWrong => "Register again and ask for a new code, or choose a call back.",
            Reason::DsptNotMet => {
                "Publish your DSPT at Approaching Standards or higher, then register again. Your local support organisation can help you."
            }
            Reason::AlreadyHasAccounts => {
                "Ask a colleague who can open the shared mailbox to email the helpdesk from it. If nobody can open it, call the helpdesk from the telephone number CQC publishes for your site."
            }
            Reason::OnePersonOnly => "Register again and add a second person.",
            Reason::TooManyPeople => {
                "Register again with as many people as a site has accounts, or fewer. You can ask for more afterwards and say why."
            }
            Reason::RepeatedContact => {
                "Register again with an email address and a mobile number of their own for each person."
            }
            Reason::NotUkMobile => {
                "Register again with a UK mobile number for each person. A work mobile that only they use is best."
            }
            Reason::GenericName => {
                "Register again with the first and last name of each person. The shared mailbox is there for the whole team."
            }
            Reason::AlteredForm => "Register again on our pages.",
            Reason::ManagedByOthers => "Ask your own IT department or local administrator for accounts.",
            Reason::RecordsDisagree => {
                "Ask CQC to correct the site's name or address. Only CQC can, and the change reaches ODS within about a month. Then register again."
            }
            Reason::PersonHasAccount => {
                "Register again and say which people have an account. They keep it and are given the shared mailbox as well."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_code_its_words_and_its_fix() {
        for (number, reason) in REASONS.into_iter().enumerate() {
            assert_eq!(reason.code(), format!("REJ-{:02}", number + 1));
            assert_eq!(Reason::parse(reason.code()), Some(reason));
            assert!(reason.words().ends_with('.') && reason.fix().ends_with('.'));
        }
        assert_eq!(Reason::parse("REJ-21"), None);
    }
}
