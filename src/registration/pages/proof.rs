//! Showing that one may act for the site: by contact ID, by a code to the address a register holds,
//! or by a call to the number CQC publishes. Nothing the registrant gave is used as proof.

use super::{Asking, Question, onwards};
use crate::app::App;
use crate::contact::{Mobile, Name};
use crate::register::CqcContactId;
use crate::registration::answer::OneAnswer;
use crate::registration::answers::{Proof, ProofWay};
use crate::registration::journey::Page;
use crate::registration::moves::{self, ProofOrder};
use crate::registration::site_choice::contact_words;
use crate::registration::verify::OnRecord;
use crate::sign_in::Registrant;
use crate::sign_in::session::browser_hash;
use crate::web::components::Html;
use crate::web::form::counted;
use crate::web::{Again, Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to};
use axum::extract::State;

const WAY: &str = "way";
const CONTACT_ID: &str = "contact_id";
const CODE: &str = "code";
const ASK_FOR: &str = "ask_for";
const WHEN: &str = "when";

async fn on_record(asking: &Asking) -> Result<OnRecord, Interrupt> {
    OnRecord::of(&asking.app, asking.answers()).await?.ok_or_else(Interrupt::not_found)
}

fn page_of(asking: &Asking, record: &OnRecord, form: Form) -> Question {
    let site = asking.answers().site.as_ref().map_or("your site", |site| site.name.as_str());
    let title = format!("How can you show that you may act for {site}?");
    let mut field = form.radios(WAY, &title);
    if record.has_contact_id() {
        field = field.choice_hinted(
            "contact-id",
            "With the CQC contact ID",
            "It is on the registered manager’s certificate and begins with 1- or CON1-.",
        );
    }
    if let Some(email) = record.email() {
        field = field.choice_hinted(
            "email",
            "With a code sent to the site",
            &format!(
                "We send it to {}, the address CQC gave us. You need to be able to read it now.",
                email.masked()
            ),
        );
    }
    let how = match &record.telephone {
        Some(_) => "We call the number CQC publishes for the site.",
        None => "CQC publishes no number for the site, so one of our team finds another way.",
    };
    let days = usize::from(asking.app.settings.call_back_working_days);
    let hint = format!("{how} This takes up to {}.", counted(days, "working day", "working days"));
    field = field.choice_hinted("call", "With a call from our team", &hint);
    let layout = asking.layout(Page::Proof, &title, &form);
    let field = Html::of(&field);
    Question::new(layout, form, field)
}

/// A way as it is chosen in the form.
fn slug(way: ProofWay) -> &'static str {
    match way {
        ProofWay::ContactId => "contact-id",
        ProofWay::EmailedCode => "email",
        ProofWay::CallBack => "call",
    }
}

pub async fn show(asking: &Asking) -> Answer {
    let record = on_record(asking).await?;
    let fields =
        asking.answers().proof_way.map_or_else(Fields::default, |way| Fields::from_pairs([(WAY, slug(way))]));
    asking.visit.show_form(fields, |form| page_of(asking, &record, form))
}

pub async fn save(asking: &Asking, fields: Fields) -> Answer {
    let ways = [ProofWay::ContactId, ProofWay::EmailedCode, ProofWay::CallBack];
    let chosen = match ways.into_iter().find(|way| slug(*way) == fields.text(WAY)) {
        Some(way) => {
            let order = ProofOrder { way, browser: browser_hash(&asking.visit.browser()) };
            let chosen = moves::choose_proof(&asking.app, asking.permit()?, order).await;
            asking.outcome(WAY, chosen)?
        }
        None => Err(Problems::one(WAY, "Select how you can show that you may act for the site").into()),
    };
    match chosen {
        Ok(answers) => onwards(&answers, Page::Proof),
        Err(again) => {
            let record = on_record(asking).await?;
            asking.visit.show_again(fields, again, |form| page_of(asking, &record, form))
        }
    }
}

fn contact_id_page(asking: &Asking, form: Form) -> Question {
    let title = "What is the CQC contact ID?";
    let field = form
        .text(CONTACT_ID, title)
        .hinted("It is on the registered manager’s certificate from CQC and begins with 1- or CON1-.")
        .as_heading()
        .twenty_wide();
    let layout = asking.layout(Page::ContactId, title, &form);
    let field = Html::of(&field);
    let mut page = Question::new(layout, form, field);
    page.otherwise = Some((Page::Proof.path(), "I cannot find it. Show it in another way".to_owned()));
    page
}

pub fn show_contact_id(asking: &Asking) -> Answer {
    // What was typed before is never shown again: it is a proof.
    asking.visit.show_form(Fields::default(), |form| contact_id_page(asking, form))
}

pub async fn save_contact_id(asking: &Asking, fields: Fields) -> Answer {
    let proved = match CqcContactId::parse(fields.text(CONTACT_ID)) {
        Ok(typed) => {
            let proved = moves::prove_by_contact_id(&asking.app, asking.permit()?, typed).await;
            asking.outcome(CONTACT_ID, proved)?
        }
        Err(problem) => Err(Problems::one(CONTACT_ID, contact_words(&problem)).into()),
    };
    match proved {
        Ok(answers) => onwards(&answers, Page::ContactId),
        Err(again) => asking.visit.show_again(fields, again, |form| contact_id_page(asking, form)),
    }
}

#[derive(askama::Template)]
#[template(path = "registration/pages/site_code.html")]
pub struct SiteCodePage {
    pub layout: Layout,
    pub form: Form,
    pub site: String,
    pub sent_to: String,
    pub minutes: u16,
}

fn site_code_page(asking: &Asking, record: &OnRecord, form: Form) -> SiteCodePage {
    SiteCodePage {
        layout: asking.layout(Page::SiteCode, "Enter the code sent to your site", &form),
        form,
        site: asking.draft.site_name().to_owned(),
        sent_to: record.email().map(|email| email.masked()).unwrap_or_default(),
        minutes: asking.app.settings.code_minutes,
    }
}

pub async fn show_site_code(asking: &Asking) -> Answer {
    let record = on_record(asking).await?;
    asking.visit.show_form(Fields::default(), |form| site_code_page(asking, &record, form))
}

async fn show_site_code_again(asking: &Asking, again: Again) -> Answer {
    let record = on_record(asking).await?;
    // A code is typed anew and never shown again.
    asking.visit.show_again(Fields::default(), again, |form| site_code_page(asking, &record, form))
}

pub async fn save_site_code(asking: &Asking, fields: Fields) -> Answer {
    let browser = browser_hash(&asking.visit.browser());
    let confirmed =
        moves::confirm_site_code(&asking.app, asking.permit()?, fields.text(CODE), &browser).await;
    match asking.outcome(CODE, confirmed)? {
        Ok(answers) => onwards(&answers, Page::SiteCode),
        Err(again) => show_site_code_again(asking, again).await,
    }
}

/// POST /register/site-code/again
pub async fn again_site_code(State(app): State<App>, visit: Visit, registrant: Registrant) -> Answer {
    let asking = Asking::load(app, visit, registrant).await?;
    if asking.answers().proof_way != Some(ProofWay::EmailedCode) {
        return go_to(Page::Proof.path());
    }
    let browser = browser_hash(&asking.visit.browser());
    let sent = moves::ask_for_site_code(&asking.app, asking.permit()?, &browser).await;
    match asking.outcome(CODE, sent)? {
        Ok(()) => go_to(Page::SiteCode.path()),
        Err(again) => show_site_code_again(&asking, again).await,
    }
}

#[derive(askama::Template)]
#[template(path = "registration/pages/call_back.html")]
pub struct CallBackPage {
    pub layout: Layout,
    pub form: Form,
    pub site: String,
    pub telephone: String,
}

fn call_back_page(asking: &Asking, record: &OnRecord, form: Form) -> CallBackPage {
    CallBackPage {
        layout: asking.layout(Page::CallBack, "We will call your site", &form),
        form,
        site: asking.draft.site_name().to_owned(),
        telephone: record.telephone.clone().unwrap_or_default(),
    }
}

pub async fn show_call_back(asking: &Asking) -> Answer {
    let record = on_record(asking).await?;
    let fields = match &asking.answers().proof {
        Some(Proof::CallBack { ask_for, when, .. }) => {
            Fields::from_pairs([(ASK_FOR, ask_for.as_str()), (WHEN, when.as_str())])
        }
        Some(Proof::ContactId { .. } | Proof::EmailedCode { .. }) | None => Fields::default(),
    };
    asking.visit.show_form(fields, |form| call_back_page(asking, &record, form))
}

pub async fn save_call_back(asking: &Asking, fields: Fields) -> Answer {
    let record = on_record(asking).await?;
    let mut problems = Problems::none();
    let ask_for = problems.take(ASK_FOR, Name::parse(fields.text(ASK_FOR), "name"));
    let when = problems.take(WHEN, fields.line(WHEN, 100, "Enter when we can call", "When we can call"));
    let saved = match (ask_for, when) {
        (Some(ask_for), Some(when)) => {
            let published = record.telephone.clone().unwrap_or_else(|| "no number published".to_owned());
            let telephone = Mobile::parse(&published).map_or(published, |mobile| mobile.in_words());
            asking.save(ASK_FOR, OneAnswer::CallBack { ask_for, when, telephone }).await?
        }
        (None, _) | (_, None) => Err(problems.into()),
    };
    match saved {
        Ok(answers) => onwards(&answers, Page::CallBack),
        Err(again) => asking.visit.show_again(fields, again, |form| call_back_page(asking, &record, form)),
    }
}
