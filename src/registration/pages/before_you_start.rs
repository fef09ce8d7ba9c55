//! The questions that save somebody the rest: is this the right place for you?

use super::{Asking, Question, again, onwards};
use crate::registration::answers::{Answers, Sites, Way};
use crate::registration::journey::Page;
use crate::web::components::{Html, Radios};
use crate::web::{Answer, Fields, Form, Problems, show as show_page};

/// The field of every question here.
const FIELD: &str = "answer";

/// The questions of this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    SocialCare,
    CqcRegistered,
    Hospice,
    Sites,
    Way,
    HasAccount,
}

impl Asked {
    fn page(self) -> Page {
        match self {
            Asked::SocialCare => Page::SocialCare,
            Asked::CqcRegistered => Page::CqcRegistered,
            Asked::Hospice => Page::Hospice,
            Asked::Sites => Page::Sites,
            Asked::Way => Page::Way,
            Asked::HasAccount => Page::HasAccount,
        }
    }

    /// The question as it stands on the page.
    fn question(self) -> &'static str {
        match self {
            Asked::SocialCare => "Does your organisation provide social care in England?",
            Asked::CqcRegistered => "Is your site registered with the Care Quality Commission (CQC)?",
            Asked::Hospice => "Is your site a hospice?",
            Asked::Sites => "How many sites does your organisation have?",
            Asked::Way => "Who will look after your accounts?",
            Asked::HasAccount => "Has your site had this secure email before?",
        }
    }

    /// What is said where no answer was chosen.
    fn missing(self) -> &'static str {
        match self {
            Asked::SocialCare => "Select yes if your organisation provides social care in England",
            Asked::CqcRegistered => "Select yes if your site is registered with CQC",
            Asked::Hospice => "Select yes if your site is a hospice",
            Asked::Sites => "Select how many sites your organisation has",
            Asked::Way => "Select who will look after your accounts",
            Asked::HasAccount => "Select yes if your site has had this secure email before",
        }
    }

    /// The answers there are.
    fn known(self) -> [&'static str; 2] {
        match self {
            Asked::Sites => ["one", "several"],
            Asked::Way => ["here", "self"],
            Asked::SocialCare | Asked::CqcRegistered | Asked::Hospice | Asked::HasAccount => ["yes", "no"],
        }
    }
}

/// The question with its answers.
fn field(asked: Asked, form: &Form) -> Radios {
    let words = asked.question();
    match asked {
        Asked::SocialCare => form
            .yes_no(FIELD, words)
            .hinted("Care homes, nursing homes and home care, whoever pays for it."),
        Asked::CqcRegistered => form.yes_no(FIELD, words),
        Asked::Hospice => form.yes_no(FIELD, words).hinted("Hospices can join, in another way."),
        Asked::Sites => form
            .radios(FIELD, words)
            .hinted("Home care run from one office counts as one site.")
            .choice("one", "One site")
            .choice("several", "Several sites"),
        Asked::Way => form
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
        Asked::HasAccount => form
            .yes_no(FIELD, words)
            .hinted("Say yes if there is a shared mailbox, even if nobody can open it any more."),
    }
}

/// What was said before, for showing again.
fn said(asked: Asked, answers: &Answers) -> Option<&'static str> {
    let yes_no = |answer: Option<bool>| answer.map(|yes| if yes { "yes" } else { "no" });
    match asked {
        Asked::SocialCare => yes_no(answers.social_care),
        Asked::CqcRegistered => yes_no(answers.cqc_registered),
        Asked::Hospice => yes_no(answers.hospice),
        Asked::Sites => answers.sites.map(|sites| match sites {
            Sites::One => "one",
            Sites::Several => "several",
        }),
        Asked::Way => answers.way.map(|way| match way {
            Way::EachSiteHere => "here",
            Way::SelfManagement => "self",
        }),
        Asked::HasAccount => yes_no(answers.has_account),
    }
}

fn page_of(asking: &Asking, asked: Asked, form: Form) -> Question {
    let field = Html::of(&field(asked, &form));
    Question::new(asking.layout(asked.page(), asked.question(), &form), form, field)
}

pub fn show(asking: &Asking, asked: Asked) -> Answer {
    let fields = said(asked, asking.answers())
        .map_or_else(Fields::default, |said| Fields::from_pairs([(FIELD, said)]));
    show_page(&page_of(asking, asked, asking.visit.form(fields, Problems::none())), &Problems::none())
}

pub async fn save(asking: &Asking, asked: Asked, fields: Fields) -> Answer {
    let typed = fields.text(FIELD).to_owned();
    if !asked.known().contains(&typed.as_str()) {
        let problems = Problems::one(FIELD, asked.missing());
        return show_page(&page_of(asking, asked, again(asking, fields, problems.clone())), &problems);
    }
    let answers = asking
        .keep(move |answers| {
            let yes = Some(typed == "yes");
            match asked {
                Asked::SocialCare => answers.social_care = yes,
                Asked::CqcRegistered => answers.cqc_registered = yes,
                Asked::Hospice => answers.hospice = yes,
                Asked::Sites => {
                    answers.sites = Some(if typed == "one" { Sites::One } else { Sites::Several });
                }
                Asked::Way => {
                    answers.way = Some(if typed == "here" { Way::EachSiteHere } else { Way::SelfManagement });
                }
                Asked::HasAccount => answers.has_account = yes,
            }
        })
        .await?;
    onwards(&answers, asked.page())
}
