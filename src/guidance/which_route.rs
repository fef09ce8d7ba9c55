//! "Which way fits us": a few questions that end at the right start page. The journey is derived
//! from the answers, which stand in the address, so nothing is kept of whoever asks.

/// A question of the helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    SocialCare,
    CqcRegistered,
    Hospice,
    HasAccount,
    Sites,
    ItTeam,
    People,
}

/// Every question, in the order in which they may be asked.
pub const QUESTIONS: [Question; 7] = [
    Question::SocialCare,
    Question::CqcRegistered,
    Question::Hospice,
    Question::HasAccount,
    Question::Sites,
    Question::ItTeam,
    Question::People,
];

/// Where the helper ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    NotSocialCare,
    NotCqcRegistered,
    Hospice,
    HasAccount,
    /// The central team looks after the accounts; one site, or each of several.
    CentralTeam {
        several: bool,
    },
    SelfManagement,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Ask(Question),
    End(Outcome),
}

impl Question {
    /// Its name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Question::SocialCare => "social-care",
            Question::CqcRegistered => "cqc",
            Question::Hospice => "hospice",
            Question::HasAccount => "had-before",
            Question::Sites => "sites",
            Question::ItTeam => "it-team",
            Question::People => "people",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Question::SocialCare => "Do you provide social care in England?",
            Question::CqcRegistered => "Are you registered with the Care Quality Commission (CQC)?",
            Question::Hospice => "Are you a hospice?",
            Question::HasAccount => "Has your site had this secure email before?",
            Question::Sites => "How many sites do you have?",
            Question::ItTeam => "Do you have an IT team, or a firm that does this for you?",
            Question::People => "Can you look after accounts every day?",
        }
    }

    pub fn hint(self) -> &'static str {
        match self {
            Question::SocialCare => "Care homes, nursing homes and home care, whoever pays for it.",
            Question::CqcRegistered => "CQC gives each site a certificate.",
            Question::Hospice => "Hospices can join, in another way.",
            Question::HasAccount => "Say yes even if nobody can open it any more.",
            Question::Sites => "Home care run from one office counts as one site.",
            Question::ItTeam => "It would make accounts and help staff who are stuck.",
            Question::People => {
                "You need two or more people who do this, and somebody who helps staff at night."
            }
        }
    }

    /// What is said where no answer was chosen.
    pub fn missing(self) -> &'static str {
        match self {
            Question::SocialCare => "Select yes if you provide social care in England",
            Question::CqcRegistered => "Select yes if you are registered with CQC",
            Question::Hospice => "Select yes if you are a hospice",
            Question::HasAccount => "Select yes if your site has had this secure email before",
            Question::Sites => "Select how many sites you have",
            Question::ItTeam => "Select yes if you have an IT team",
            Question::People => "Select yes if you can look after accounts every day",
        }
    }

    /// The answers there are: in the address, and in words.
    pub fn choices(self) -> [(&'static str, &'static str); 2] {
        match self {
            Question::Sites => [("one", "One site"), ("several", "Several sites")],
            Question::SocialCare
            | Question::CqcRegistered
            | Question::Hospice
            | Question::HasAccount
            | Question::ItTeam
            | Question::People => [("yes", "Yes"), ("no", "No")],
        }
    }
}

/// What comes next, by what was answered; an answer that is none counts as not given.
pub fn next<'a>(answer: impl Fn(Question) -> &'a str) -> Next {
    let said = |question: Question| {
        let typed = answer(question);
        question.choices().into_iter().map(|(value, _)| value).find(|value| *value == typed)
    };
    for question in QUESTIONS {
        let Some(value) = said(question) else { return Next::Ask(question) };
        let end = match (question, value) {
            (Question::SocialCare, "no") => Some(Outcome::NotSocialCare),
            (Question::CqcRegistered, "no") => Some(Outcome::NotCqcRegistered),
            (Question::Hospice, "yes") => Some(Outcome::Hospice),
            (Question::HasAccount, "yes") => Some(Outcome::HasAccount),
            (Question::Sites, "one") => Some(Outcome::CentralTeam { several: false }),
            (Question::ItTeam | Question::People, "no") => Some(Outcome::CentralTeam { several: true }),
            _ => None,
        };
        if let Some(end) = end {
            return Next::End(end);
        }
    }
    Next::End(Outcome::SelfManagement)
}

/// The questions that were asked on the way to here, in order.
pub fn asked<'a>(answer: impl Fn(Question) -> &'a str) -> Vec<Question> {
    let last = match next(&answer) {
        Next::Ask(question) => Some(question),
        Next::End(_) => None,
    };
    QUESTIONS
        .into_iter()
        .take_while(|question| Some(*question) != last)
        .filter(|question| !answer(*question).is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_leads_on_or_ends_at_the_right_place() {
        let check = |answers: &[(Question, &'static str)], expect: Next| {
            let answer = |question: Question| {
                answers.iter().find(|(known, _)| *known == question).map_or("", |(_, value)| *value)
            };
            assert_eq!(next(answer), expect, "{answers:?}");
        };
        use Question::{CqcRegistered, HasAccount, Hospice, ItTeam, People, Sites, SocialCare};
        check(&[], Next::Ask(SocialCare));
        check(&[(SocialCare, "perhaps")], Next::Ask(SocialCare));
        check(&[(SocialCare, "no")], Next::End(Outcome::NotSocialCare));
        let care = [(SocialCare, "yes")];
        check(&care, Next::Ask(CqcRegistered));
        check(&[care[0], (CqcRegistered, "no")], Next::End(Outcome::NotCqcRegistered));
        check(&[care[0], (CqcRegistered, "yes"), (Hospice, "yes")], Next::End(Outcome::Hospice));
        let open = [care[0], (CqcRegistered, "yes"), (Hospice, "no")];
        check(&[&open[..], &[(HasAccount, "yes")]].concat(), Next::End(Outcome::HasAccount));
        let new = [&open[..], &[(HasAccount, "no")]].concat();
        check(&new, Next::Ask(Sites));
        check(&[&new[..], &[(Sites, "one")]].concat(), Next::End(Outcome::CentralTeam { several: false }));
        let group = [&new[..], &[(Sites, "several")]].concat();
        check(&group, Next::Ask(ItTeam));
        check(&[&group[..], &[(ItTeam, "no")]].concat(), Next::End(Outcome::CentralTeam { several: true }));
        check(
            &[&group[..], &[(ItTeam, "yes"), (People, "no")]].concat(),
            Next::End(Outcome::CentralTeam { several: true }),
        );
        check(
            &[&group[..], &[(ItTeam, "yes"), (People, "yes")]].concat(),
            Next::End(Outcome::SelfManagement),
        );
        // A single site always goes by the central team, whatever else stands in the address.
        check(
            &[&new[..], &[(Sites, "one"), (ItTeam, "yes"), (People, "yes")]].concat(),
            Next::End(Outcome::CentralTeam { several: false }),
        );
    }
}
