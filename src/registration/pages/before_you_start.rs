//! The questions that save somebody the rest: is this the right place for you?

use super::{Asking, Question, again, onwards};
use crate::registration::answers::{Answers, Sites, Way};
use crate::registration::journey::Page;
use crate::web::components::{Html, Radios};
use crate::web::{Answer, Fields, Form, Problems, show as show_page};

/// The field of every question here.
const FIELD: &str = "answer";

/// The question as it stands on the page.
fn question(page: Page) -> &'static str {
    match page {
        Page::SocialCare => "Does your organisation provide social care in England?",
        Page::CqcRegistered => "Is your site registered with the Care Quality Commission (CQC)?",
        Page::Hospice => "Is your site a hospice?",
        Page::Sites => "How many sites does your organisation have?",
        Page::Way => "Who will look after your accounts?",
        Page::HasAccount => "Has your site had this secure email before?",
        Page::Email
        | Page::EmailCode
        | Page::FindSite
        | Page::ConfirmSite
        | Page::Dspt
        | Page::Proof
        | Page::ContactId
        | Page::SiteCode
        | Page::CallBack
        | Page::Town
        | Page::People
        | Page::CheckAnswers
        | Page::NotSocialCare
        | Page::NotCqcRegistered
        | Page::IsHospice
        | Page::SelfManagement
        | Page::Recovery => "",
    }
}

/// The question with its answers.
fn field(page: Page, form: &Form) -> Radios {
    let words = question(page);
    match page {
        Page::SocialCare => form
            .yes_no(FIELD, words)
            .hinted("Care homes, nursing homes and home care, whoever pays for it."),
        Page::CqcRegistered => form.yes_no(FIELD, words),
        Page::Hospice => form.yes_no(FIELD, words).hinted("Hospices can join, in another way."),
        Page::Sites => form
            .radios(FIELD, words)
            .hinted("Home care run from one office counts as one site.")
            .choice("one", "One site")
            .choice("several", "Several sites"),
        Page::Way => form
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
        _ => form
            .yes_no(FIELD, words)
            .hinted("Say yes if there is a shared mailbox, even if nobody can open it any more."),
    }
}

/// What was said before, for showing again.
fn said(page: Page, answers: &Answers) -> Option<&'static str> {
    let yes_no = |answer: Option<bool>| answer.map(|yes| if yes { "yes" } else { "no" });
    match page {
        Page::SocialCare => yes_no(answers.social_care),
        Page::CqcRegistered => yes_no(answers.cqc_registered),
        Page::Hospice => yes_no(answers.hospice),
        Page::Sites => answers.sites.map(|sites| match sites {
            Sites::One => "one",
            Sites::Several => "several",
        }),
        Page::Way => answers.way.map(|way| match way {
            Way::EachSiteHere => "here",
            Way::SelfManagement => "self",
        }),
        _ => yes_no(answers.has_account),
    }
}

fn page_of(asking: &Asking, page: Page, form: Form) -> Question {
    let field = Html::of(&field(page, &form));
    Question::new(asking.layout(page, question(page), &form), form, field)
}

pub fn show(asking: &Asking, page: Page) -> Answer {
    let fields = said(page, asking.answers())
        .map_or_else(Fields::default, |said| Fields::from_pairs([(FIELD, said)]));
    show_page(&page_of(asking, page, asking.visit.form(fields, Problems::none())), &Problems::none())
}

pub async fn save(asking: &Asking, page: Page, fields: Fields) -> Answer {
    let typed = fields.text(FIELD).to_owned();
    let known = match page {
        Page::Sites => ["one", "several"],
        Page::Way => ["here", "self"],
        _ => ["yes", "no"],
    };
    if !known.contains(&typed.as_str()) {
        let words = match page {
            Page::Sites => "Select how many sites your organisation has",
            Page::Way => "Select who will look after your accounts",
            Page::SocialCare => "Select yes if your organisation provides social care in England",
            Page::CqcRegistered => "Select yes if your site is registered with CQC",
            Page::Hospice => "Select yes if your site is a hospice",
            _ => "Select yes if your site has had this secure email before",
        };
        let problems = Problems::one(FIELD, words);
        return show_page(&page_of(asking, page, again(asking, fields, problems.clone())), &problems);
    }
    let answers = asking
        .keep(move |answers| {
            let yes = Some(typed == "yes");
            match page {
                Page::SocialCare => answers.social_care = yes,
                Page::CqcRegistered => answers.cqc_registered = yes,
                Page::Hospice => answers.hospice = yes,
                Page::Sites => answers.sites = Some(if typed == "one" { Sites::One } else { Sites::Several }),
                Page::Way => {
                    answers.way = Some(if typed == "here" { Way::EachSiteHere } else { Way::SelfManagement });
                }
                _ => answers.has_account = yes,
            }
        })
        .await?;
    onwards(&answers, page)
}
