//! The questions that save somebody the rest: is this the right place for you?

use super::{Asking, Question, onwards};
use crate::registration::answer::OneAnswer;
use crate::registration::answers::{Answers, Sites, Way};
use crate::registration::journey::Page;
use crate::web::components::{Html, Radios};
use crate::web::{Answer, Fields, Form, Problems};

/// The field of every question here.
const FIELD: &str = "answer";

/// The questions of this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EligibilityQuestion {
    SocialCare,
    CqcRegistered,
    Hospice,
    Sites,
    Way,
    HasAccount,
}

impl EligibilityQuestion {
    fn page(self) -> Page {
        match self {
            EligibilityQuestion::SocialCare => Page::SocialCare,
            EligibilityQuestion::CqcRegistered => Page::CqcRegistered,
            EligibilityQuestion::Hospice => Page::Hospice,
            EligibilityQuestion::Sites => Page::Sites,
            EligibilityQuestion::Way => Page::Way,
            EligibilityQuestion::HasAccount => Page::HasAccount,
        }
    }

    /// The question as it stands on the page.
    fn question(self) -> &'static str {
        match self {
            EligibilityQuestion::SocialCare => "Does your organisation provide social care in England?",
            EligibilityQuestion::CqcRegistered => {
                "Is your site registered with the Care Quality Commission (CQC)?"
            }
            EligibilityQuestion::Hospice => "Is your site a hospice?",
            EligibilityQuestion::Sites => "How many sites does your organisation have?",
            EligibilityQuestion::Way => "Who will look after your accounts?",
            EligibilityQuestion::HasAccount => "Has your site had this secure email before?",
        }
    }

    /// What is said where no answer was chosen.
    fn missing(self) -> &'static str {
        match self {
            EligibilityQuestion::SocialCare => {
                "Select yes if your organisation provides social care in England"
            }
            EligibilityQuestion::CqcRegistered => "Select yes if your site is registered with CQC",
            EligibilityQuestion::Hospice => "Select yes if your site is a hospice",
            EligibilityQuestion::Sites => "Select how many sites your organisation has",
            EligibilityQuestion::Way => "Select who will look after your accounts",
            EligibilityQuestion::HasAccount => "Select yes if your site has had this secure email before",
        }
    }

    /// What was typed as an answer; nothing where it is none.
    fn read(self, typed: &str) -> Option<OneAnswer> {
        let yes = match typed {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        };
        match self {
            EligibilityQuestion::SocialCare => yes.map(OneAnswer::SocialCare),
            EligibilityQuestion::CqcRegistered => yes.map(OneAnswer::CqcRegistered),
            EligibilityQuestion::Hospice => yes.map(OneAnswer::Hospice),
            EligibilityQuestion::HasAccount => yes.map(OneAnswer::HasAccount),
            EligibilityQuestion::Sites => match typed {
                "one" => Some(OneAnswer::Sites(Sites::One)),
                "several" => Some(OneAnswer::Sites(Sites::Several)),
                _ => None,
            },
            EligibilityQuestion::Way => match typed {
                "here" => Some(OneAnswer::Way(Way::EachSiteHere)),
                "self" => Some(OneAnswer::Way(Way::SelfManagement)),
                _ => None,
            },
        }
    }
}

/// The question with its answers.
fn field(asked: EligibilityQuestion, form: &Form) -> Radios {
    let words = asked.question();
    match asked {
        EligibilityQuestion::SocialCare => form
            .yes_no(FIELD, words)
            .hinted("Care homes, nursing homes and home care, whoever pays for it."),
        EligibilityQuestion::CqcRegistered => form.yes_no(FIELD, words),
        EligibilityQuestion::Hospice => form.yes_no(FIELD, words).hinted("Hospices can join, in another way."),
        EligibilityQuestion::Sites => form
            .radios(FIELD, words)
            .hinted("Home care run from one office counts as one site.")
            .choice("one", "One site")
            .choice("several", "Several sites"),
        EligibilityQuestion::Way => form
            .radios(FIELD, words)
            .choice_hinted(
                "here",
                "The central team does it for us",
                "Fits most. You register each site here. You need no IT people.",
            )
            .choice_hinted(
                "self",
                "Our own IT people do it",
                "Fits larger organisations that have IT support and people to look after accounts. You apply once for all sites.",
            ),
        EligibilityQuestion::HasAccount => form
            .yes_no(FIELD, words)
            .hinted("Say yes if there is a shared mailbox, even if nobody can open it any more."),
    }
}

/// What was said before, for showing again.
fn said(asked: EligibilityQuestion, answers: &Answers) -> Option<&'static str> {
    let yes_no = |answer: Option<bool>| answer.map(|yes| if yes { "yes" } else { "no" });
    match asked {
        EligibilityQuestion::SocialCare => yes_no(answers.social_care),
        EligibilityQuestion::CqcRegistered => yes_no(answers.cqc_registered),
        EligibilityQuestion::Hospice => yes_no(answers.hospice),
        EligibilityQuestion::Sites => answers.sites.map(|sites| match sites {
            Sites::One => "one",
            Sites::Several => "several",
        }),
        EligibilityQuestion::Way => answers.way.map(|way| match way {
            Way::EachSiteHere => "here",
            Way::SelfManagement => "self",
        }),
        EligibilityQuestion::HasAccount => yes_no(answers.has_account),
    }
}

fn page_of(asking: &Asking, asked: EligibilityQuestion, form: Form) -> Question {
    let field = Html::of(&field(asked, &form));
    Question::new(asking.layout(asked.page(), asked.question(), &form), form, field)
}

pub fn show(asking: &Asking, asked: EligibilityQuestion) -> Answer {
    let fields = said(asked, asking.answers())
        .map_or_else(Fields::default, |said| Fields::from_pairs([(FIELD, said)]));
    asking.visit.show_form(fields, |form| page_of(asking, asked, form))
}

pub async fn save(asking: &Asking, asked: EligibilityQuestion, fields: Fields) -> Answer {
    let saved = match asked.read(fields.text(FIELD)) {
        Some(answer) => asking.save(FIELD, answer).await?,
        None => Err(Problems::one(FIELD, asked.missing()).into()),
    };
    match saved {
        Ok(answers) => onwards(&answers, asked.page()),
        Err(again) => asking.visit.show_again(fields, again, |form| page_of(asking, asked, form)),
    }
}
