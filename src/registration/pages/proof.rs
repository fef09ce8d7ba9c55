//! Showing that one may act for the site: by contact ID, by a code to the address a register holds,
//! or by a call to the number CQC publishes. Nothing the registrant gave is used as proof.

use super::email::{code_words, send_code};
use super::{Asking, Question, again, onwards};
use crate::contact::{Email, Mobile, Name};
use crate::database::{Error, transaction};
use crate::register::site_contacts::{ContactIdHash, SiteContacts};
use crate::register::{Code, CqcContactId, CqcLocationId, Finding};
use crate::registration::answers::{Proof, ProofWay};
use crate::registration::journey::{Page, after};
use crate::registration::letters;
use crate::registration::site_choice::contact_words;
use crate::sign_in::codes::{self, Tried};
use crate::sign_in::limits::{self, Budget, wait_in_words};
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session;
use crate::web::components::Html;
use crate::web::form::counted;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, go_to, show as show_page};

const WAY: &str = "way";
const CONTACT_ID: &str = "contact_id";
const CODE: &str = "code";

/// What is on record for the site, as far as it decides which ways there are.
struct OnRecord {
    location: CqcLocationId,
    contacts: Option<SiteContacts>,
    /// The number CQC publishes.
    telephone: Option<String>,
}

impl OnRecord {
    async fn of(asking: &Asking) -> Result<Self, Interrupt> {
        let site = asking.answers().site.as_ref().ok_or_else(Interrupt::not_found)?;
        let location = CqcLocationId::parse(&site.cqc_location_id)
            .map_err(|problem| Interrupt::fault("reading the location of a draft", problem))?;
        let contacts = crate::register::store::site_contacts(&asking.app.database, &location).await?;
        let telephone = match asking.app.ask(&Code::CqcLocation(location.clone())).await {
            Ok(Finding::CqcLocation(found)) => found.telephone,
            Ok(Finding::NotFound | Finding::Ods(_) | Finding::CqcProvider(_) | Finding::Dspt(_)) | Err(_) => {
                None
            }
        };
        Ok(OnRecord { location, contacts, telephone })
    }

    fn email(&self) -> Option<Email> {
        self.contacts.as_ref()?.emails().find_map(|email| Email::parse(email).ok())
    }

    fn has_contact_id(&self) -> bool {
        self.contacts
            .as_ref()
            .is_some_and(|contacts| contacts.contacts.iter().any(|contact| contact.contact_id.is_some()))
    }
}

async fn page_of(asking: &Asking, form: Form) -> Result<Question, Interrupt> {
    let record = OnRecord::of(asking).await?;
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
    Ok(Question::new(layout, form, field))
}

pub async fn show(asking: &Asking) -> Answer {
    let fields = asking.answers().proof_way.map_or_else(Fields::default, |way| {
        Fields::from_pairs([(
            WAY,
            match way {
                ProofWay::ContactId => "contact-id",
                ProofWay::EmailedCode => "email",
                ProofWay::CallBack => "call",
            },
        )])
    });
    show_page(&page_of(asking, asking.visit.form(fields, Problems::none())).await?, &Problems::none())
}

pub async fn save(asking: &Asking, fields: Fields) -> Answer {
    let way = match fields.text(WAY) {
        "contact-id" => ProofWay::ContactId,
        "email" => ProofWay::EmailedCode,
        "call" => ProofWay::CallBack,
        _ => {
            let problems = Problems::one(WAY, "Select how you can show that you may act for the site");
            return show_page(&page_of(asking, again(asking, fields, problems.clone())).await?, &problems);
        }
    };
    let had_proof = asking.answers().proof.is_some();
    let answers = asking.keep(move |answers| answers.choose_proof(way)).await?;
    if way == ProofWay::EmailedCode
        && answers.proof.is_none()
        && (had_proof || asking.answers().proof_way != Some(way))
        && let Err(words) = send_site_code(asking).await?
    {
        let problems = Problems::one(WAY, words);
        return show_page(&page_of(asking, again(asking, fields, problems.clone())).await?, &problems);
    }
    go_to(after(&answers, Page::Proof).path())
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
    show_page(&contact_id_page(asking, asking.visit.empty_form()), &Problems::none())
}

pub async fn save_contact_id(asking: &Asking, fields: Fields) -> Answer {
    let problem = match CqcContactId::parse(fields.text(CONTACT_ID)) {
        Err(problem) => contact_words(&problem),
        Ok(typed) => match try_contact_id(asking, &typed).await? {
            Ok(hash) => {
                let answers =
                    asking.keep(move |answers| answers.proof = Some(Proof::ContactId { hash })).await?;
                return onwards(&answers, Page::ContactId);
            }
            Err(words) => words,
        },
    };
    let problems = Problems::one(CONTACT_ID, problem);
    show_page(&contact_id_page(asking, again(asking, fields, problems.clone())), &problems)
}

/// Compares a contact ID, with the tries of a day counted first; its hash, or words.
async fn try_contact_id(asking: &Asking, typed: &CqcContactId) -> Result<Result<String, String>, Interrupt> {
    let app = &asking.app;
    let now = app.clock.now();
    let record = OnRecord::of(asking).await?;
    let budget = Budget::a_day(
        "contact ID of",
        record.location.as_str(),
        i64::from(app.settings.wrong_tries_a_day_max),
    );
    let mine = Budget::an_hour("contact ID by", &asking.case.id, 10);
    let taken = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            if let Err(used_up) = limits::take(tx, now, &mine).await? {
                return Ok(Err(used_up));
            }
            limits::take(tx, now, &budget).await
        }))
        .await?;
    if let Err(used_up) = taken {
        return Ok(Err(format!(
            "There have been too many tries. Try again {}, or show it in another way",
            wait_in_words(now, used_up.until)
        )));
    }
    let key = app.contact_key();
    match record.contacts.as_ref().and_then(|contacts| contacts.id_matches(&key, typed)) {
        Some(true) => {
            let hash = ContactIdHash::of(&key, &record.location, typed);
            Ok(Ok(serde_json::to_string(&hash).unwrap_or_default().trim_matches('"').to_owned()))
        }
        Some(false) | None => Ok(Err(
            "This contact ID is not the one CQC gave us for the site. Check the certificate, or show it in another way".to_owned(),
        )),
    }
}

/// Sends the code to the address on record, or says in words why not.
async fn send_site_code(asking: &Asking) -> Result<Result<(), String>, Interrupt> {
    let Some(email) = OnRecord::of(asking).await?.email() else {
        return Ok(Err("We have no email address of your site. Choose another way".to_owned()));
    };
    let sent = send_code(asking, Purpose::SiteCode, email, letters::site_code).await?;
    Ok(sent.map_err(|used_up| {
        format!(
            "We have sent too many codes to your site. You can ask for a new one {}, or choose another way",
            wait_in_words(asking.app.clock.now(), used_up.until)
        )
    }))
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

async fn site_code_page(asking: &Asking, form: Form) -> Result<SiteCodePage, Interrupt> {
    let record = OnRecord::of(asking).await?;
    Ok(SiteCodePage {
        layout: asking.layout(Page::SiteCode, "Enter the code sent to your site", &form),
        form,
        site: asking.case.site_name().to_owned(),
        sent_to: record.email().map(|email| email.masked()).unwrap_or_default(),
        minutes: asking.app.settings.code_minutes,
    })
}

pub async fn show_site_code(asking: &Asking) -> Answer {
    show_page(&site_code_page(asking, asking.visit.empty_form()).await?, &Problems::none())
}

pub async fn save_site_code(asking: &Asking, fields: Fields) -> Answer {
    if asking.answers().proof.is_some() {
        return onwards(asking.answers(), Page::SiteCode);
    }
    let typed = fields.text(CODE).to_owned();
    let problem = if typed.is_empty() {
        Some("Enter the code from the email".to_owned())
    } else {
        let browser = session::browser_hash(&asking.visit.browser());
        let tried =
            codes::attempt(asking.app.clone(), Purpose::SiteCode, asking.case.id.clone(), browser, typed)
                .await?;
        (tried != Tried::Right).then(|| code_words(tried, asking.app.clock.now()).to_owned())
    };
    if let Some(words) = problem {
        let problems = Problems::one(CODE, words);
        let form = again(asking, Fields::default(), problems.clone());
        return show_page(&site_code_page(asking, form).await?, &problems);
    }
    let sent_to = OnRecord::of(asking).await?.email().map(|email| email.masked()).unwrap_or_default();
    let answers = asking.keep(move |answers| answers.proof = Some(Proof::EmailedCode { sent_to })).await?;
    onwards(&answers, Page::SiteCode)
}

/// POST /register/site-code/again
pub async fn again_site_code(
    axum::extract::State(app): axum::extract::State<crate::app::App>,
    visit: crate::web::Visit,
    registrant: crate::sign_in::Registrant,
) -> Answer {
    let asking = Asking::load(app, visit, registrant).await?;
    if asking.answers().proof_way != Some(ProofWay::EmailedCode) {
        return go_to(Page::Proof.path());
    }
    match send_site_code(&asking).await? {
        Ok(()) => go_to(Page::SiteCode.path()),
        Err(words) => {
            let problems = Problems::one(CODE, words);
            let form = again(&asking, Fields::default(), problems.clone());
            show_page(&site_code_page(&asking, form).await?, &problems)
        }
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

async fn call_back_page(asking: &Asking, form: Form) -> Result<CallBackPage, Interrupt> {
    let record = OnRecord::of(asking).await?;
    Ok(CallBackPage {
        layout: asking.layout(Page::CallBack, "We will call your site", &form),
        form,
        site: asking.case.site_name().to_owned(),
        telephone: record.telephone.unwrap_or_default(),
    })
}

pub async fn show_call_back(asking: &Asking) -> Answer {
    let fields = match &asking.answers().proof {
        Some(Proof::CallBack { ask_for, when, .. }) => {
            Fields::from_pairs([("ask_for", ask_for.as_str()), ("when", when.as_str())])
        }
        Some(Proof::ContactId { .. } | Proof::EmailedCode { .. }) | None => Fields::default(),
    };
    show_page(&call_back_page(asking, asking.visit.form(fields, Problems::none())).await?, &Problems::none())
}

pub async fn save_call_back(asking: &Asking, fields: Fields) -> Answer {
    let mut problems = Problems::none();
    let ask_for = problems.take("ask_for", Name::parse(fields.text("ask_for"), "name"));
    let when = problems.take("when", fields.line("when", 100, "Enter when we can call", "When we can call"));
    let (Some(ask_for), Some(when)) = (ask_for, when) else {
        let form = again(asking, fields, problems.clone());
        return show_page(&call_back_page(asking, form).await?, &problems);
    };
    let telephone = OnRecord::of(asking).await?.telephone.unwrap_or_else(|| "no number published".to_owned());
    let telephone = Mobile::parse(&telephone).map_or(telephone, |mobile| mobile.in_words());
    let answers = asking
        .keep(move |answers| answers.proof = Some(Proof::CallBack { ask_for, when, telephone }))
        .await?;
    onwards(&answers, Page::CallBack)
}
