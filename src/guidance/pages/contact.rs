//! Contacting support and giving feedback: first what it is about, for support then the page or the
//! self-service that does it, then a form with everything that is needed to help, once. Whatever is
//! sent becomes an enquiry in the queue of the central team, with a reference.

use super::{Words, breadcrumb, layout, search_field};
use crate::app::App;
use crate::contact::{Email, Name, parse_telephone};
use crate::directory;
use crate::guidance::contact::{Door, Offer, Subject};
use crate::guidance::{Library, path};
use crate::id::Reference;
use crate::outbox::outcome::NotDone;
use crate::service_desk::moves::{self, Receive};
use crate::service_desk::{Affected, EnquiryKind, NewEnquiry, too_often};
use crate::sign_in::AccountHolder;
use crate::sign_in::session::{self, browser_hash};
use crate::web::components::{
    Breadcrumb, Checkboxes, Html, Input, InputWidth, Radios, SearchInput, Textarea,
};
use crate::web::form::query;
use crate::web::page::show_with;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, show};
use axum::Extension;
use axum::extract::{Path, State as Shared};
use axum::http::{StatusCode, Uri};

const SUBJECT: &str = "subject";
/// There once the question was answered, even with nothing.
const ASKED: &str = "asked";
/// Names the article that somebody writes about.
const PAGE: &str = "page";

/// Longest message, in characters; as long as on the ways out of a registration.
const MESSAGE_LETTERS_MAX: usize = 4_000;
/// Longest text beside it, in characters: the words of an error, thirty addresses.
const DETAILS_LETTERS_MAX: usize = 2_000;
/// Longest name of a site or organisation, in characters; the longest that CQC has is about 150.
const ORGANISATION_LETTERS_MAX: usize = 200;
/// Most people affected who can be told of; the largest organisations have fewer at work.
const PEOPLE_MAX: u16 = 9_999;

#[derive(askama::Template)]
#[template(path = "guidance/pages/contact.html")]
pub struct ContactPage {
    pub layout: Layout,
    pub breadcrumb: Breadcrumb,
    pub form: Form,
    pub door: Door,
    pub subjects: Radios,
    pub helpdesk_hours: String,
}

/// GET /contact
pub async fn contact(Shared(app): Shared<App>, visit: Visit, uri: Uri) -> Answer {
    choose(&app, &visit, Door::Contact, &query(&uri))
}

/// GET /feedback
pub async fn feedback(Shared(app): Shared<App>, visit: Visit, uri: Uri) -> Answer {
    choose(&app, &visit, Door::Feedback, &query(&uri))
}

fn choose(app: &App, visit: &Visit, door: Door, fields: &Fields) -> Answer {
    if let Some(subject) = Subject::of(door, fields.text(SUBJECT)) {
        return go_to(format!("{}/{}", door.path(), subject.slug));
    }
    let problems =
        if fields.has(ASKED) { Problems::one(SUBJECT, door.none_chosen()) } else { Problems::none() };
    let form = visit.form(Fields::default(), problems.clone());
    let mut subjects = form.radios(SUBJECT, door.question()).in_page();
    for subject in Subject::offered_at(door) {
        subjects = match subject.hint {
            "" => subjects.choice(subject.slug, subject.in_words),
            hint => subjects.choice_hinted(subject.slug, subject.in_words, hint),
        };
    }
    let template = ContactPage {
        layout: layout(visit, door.title()).with_problems(&form),
        breadcrumb: breadcrumb(&[]),
        door,
        subjects,
        helpdesk_hours: app.settings.helpdesk_hours.clone(),
        form,
    };
    show(&template, &problems)
}

#[derive(askama::Template)]
#[template(path = "guidance/pages/contact_offers.html")]
pub struct OffersPage {
    pub layout: Layout,
    pub breadcrumb: Breadcrumb,
    pub about: &'static str,
    pub search: SearchInput,
    pub offers: Vec<Offer>,
    pub urgent: bool,
    pub form_path: String,
    pub helpdesk_hours: String,
}

/// The offers of a subject that lead somewhere: an operator's own words may not have every article.
fn offers(library: &Library, subject: &Subject) -> Vec<Offer> {
    let is_there = |href: &str| {
        let page = href.split('#').next().unwrap_or(href);
        !page.starts_with("/support/") || library.articles.iter().any(|article| path(&article.slug) == page)
    };
    subject.offers.iter().copied().filter(|(href, _)| is_there(href)).collect()
}

/// GET /contact/{subject}: what may help at once.
pub async fn offer(
    Shared(app): Shared<App>,
    Extension(library): Words,
    visit: Visit,
    Path(slug): Path<String>,
) -> Answer {
    let subject = find(Door::Contact, &slug)?;
    let template = OffersPage {
        layout: layout(&visit, "This may help you at once"),
        breadcrumb: breadcrumb(&[(Door::Contact.path(), Door::Contact.title())]),
        about: subject.in_words,
        search: search_field(""),
        offers: offers(&library, subject),
        urgent: subject.urgent,
        form_path: subject.form_path(),
        helpdesk_hours: app.settings.helpdesk_hours.clone(),
    };
    show(&template, &Problems::none())
}

fn find(door: Door, slug: &str) -> Result<&'static Subject, Interrupt> {
    Subject::of(door, slug).ok_or_else(|| Interrupt::not_found().then(door.path(), door.title()))
}

#[derive(askama::Template)]
#[template(path = "guidance/pages/contact_write.html")]
pub struct WritePage {
    pub layout: Layout,
    pub breadcrumb: Breadcrumb,
    pub form: Form,
    pub about: &'static str,
    pub intro: String,
    /// Who is signed in, where somebody is.
    pub signed_in: Option<String>,
    /// What is asked, in order.
    pub parts: Vec<Html>,
}

fn lines(form: &Form, name: &str, label: &str, hint: &str) -> Html {
    // What is optional takes less room: the form is long enough.
    let rows = if label.ends_with("(optional)") { Some(3) } else { None };
    Html::of(&Textarea { rows, ..form.lines(name, label, hint) })
}

/// The fields of a form.
fn parts(form: &Form, subject: &Subject) -> Vec<Html> {
    let kind = subject.kind;
    let site = form.text("organisation", subject.organisation_label);
    let telephone = match kind {
        EnquiryKind::Support | EnquiryKind::Hospice => "Your telephone number",
        EnquiryKind::SelfManagement
        | EnquiryKind::Recovery
        | EnquiryKind::Feedback
        | EnquiryKind::Complaint => "Your telephone number (optional)",
    };
    let message = lines(
        form,
        "message",
        subject.message_label,
        "Do not write passwords, codes, or anything about the people you care for.",
    );
    let who: [Html; 4] = [
        Html::of(&form.text("name", "Your name").filled_as("name")),
        Html::of(&form.email("email", "Your email address").filled_as("email").hinted(
            if kind == EnquiryKind::Support {
                "One that you can read now. We answer to it."
            } else {
                "We answer to it."
            },
        )),
        Html::of(&form.telephone("telephone", telephone).filled_as("tel")),
        Html::of(&site),
    ];
    if kind != EnquiryKind::Support {
        let mut parts = vec![message];
        parts.extend(who);
        return parts;
    }
    let people = Input {
        inputmode: "numeric".to_owned(),
        width: Some(InputWidth::Five),
        ..form.text("people", "How many people does it affect?").hinted("If it is only you, write 1.")
    };
    let no_call: Checkboxes = form.tick("no_call", "I cannot be called. Write to me");
    let [name, email, telephone, site] = who;
    vec![
        message,
        lines(
            form,
            "saw",
            "What does the error message say? (optional)",
            "Copy its words. Pictures and files cannot be sent here.",
        ),
        Html::of(&people),
        lines(
            form,
            "addresses",
            "Their addresses on this service (optional)",
            "One on each line. We then need not ask you for them.",
        ),
        name,
        email,
        telephone,
        Html::of(&no_call),
        site,
        lines(
            form,
            "more",
            "Is there anything else that may help? (optional)",
            "For example a reference of ours, or when it began.",
        ),
    ]
}

fn write_page(
    app: &App,
    visit: &Visit,
    subject: &Subject,
    holder: Option<&AccountHolder>,
    form: Form,
) -> WritePage {
    let door = subject.door;
    let (hours, days) = (app.settings.enquiry_hours, app.settings.complaint_working_days);
    let intro = match subject.kind {
        EnquiryKind::Complaint => format!(
            "We are sorry that you have reason to complain. You hear within {} who looks into it.",
            crate::web::form::counted(usize::from(days), "working day", "working days")
        ),
        EnquiryKind::Hospice => format!(
            "Our feedback team tells you how your hospice can join. Your query goes to them under the subject “{}”. They answer within {hours} hours.",
            subject.line
        ),
        EnquiryKind::Support | EnquiryKind::SelfManagement | EnquiryKind::Recovery => {
            format!("The more of it you can answer, the less we have to ask. We answer within {hours} hours.")
        }
        EnquiryKind::Feedback => {
            format!("Our feedback team reads every word. They answer within {hours} hours.")
        }
    };
    let above = match door {
        Door::Contact => vec![
            (door.path().to_owned(), door.title()),
            (format!("{}/{}", door.path(), subject.slug), "This may help you at once"),
        ],
        Door::Feedback => vec![(door.path().to_owned(), door.title())],
    };
    let above: Vec<(&str, &str)> = above.iter().map(|(href, words)| (href.as_str(), *words)).collect();
    let title = match subject.kind {
        EnquiryKind::Complaint => "Make a complaint",
        EnquiryKind::Hospice => "Ask how a hospice can join",
        EnquiryKind::Support | EnquiryKind::SelfManagement | EnquiryKind::Recovery => "Write to support",
        EnquiryKind::Feedback => "Give feedback",
    };
    WritePage {
        layout: layout(visit, title).with_problems(&form),
        breadcrumb: breadcrumb(&above),
        about: subject.in_words,
        intro,
        signed_in: holder.map(|holder| format!("{} ({})", holder.name, holder.address)),
        parts: parts(&form, subject),
        form,
    }
}

/// GET /contact/{subject}/write
pub async fn write_contact(Shared(app): Shared<App>, visit: Visit, Path(slug): Path<String>) -> Answer {
    write(&app, &visit, Door::Contact, &slug, None).await
}

/// GET /feedback/{subject}
///
/// `?page=` names the article it is about, so that nobody has to.
pub async fn write_feedback(
    Shared(app): Shared<App>,
    Extension(library): Words,
    visit: Visit,
    Path(slug): Path<String>,
    uri: Uri,
) -> Answer {
    let about = library.find(query(&uri).text(PAGE)).map(|article| article.title.as_str());
    write(&app, &visit, Door::Feedback, &slug, about).await
}

async fn write(app: &App, visit: &Visit, door: Door, slug: &str, about: Option<&str>) -> Answer {
    let subject = find(door, slug)?;
    let holder = session::account_holder(app, visit).await?;
    let mut known = match &holder {
        Some(holder) => known_of(app, holder).await?,
        None => Fields::default(),
    };
    if let Some(title) = about {
        known = known.with("message", &format!("Page: {title}\n\n"));
    }
    let form = visit.form(known, Problems::none());
    show(&write_page(app, visit, subject, holder.as_ref(), form), &Problems::none())
}

/// What we know already of somebody who is signed in, and need not ask for.
async fn known_of(app: &App, holder: &AccountHolder) -> Result<Fields, Interrupt> {
    let known = Fields::from_pairs([
        ("name", holder.name.as_str()),
        ("email", holder.address.as_str()),
        ("addresses", holder.address.as_str()),
    ]);
    let sites = directory::store::list_sites_of_account(
        &crate::directory::Scope::All,
        &app.database,
        &holder.account,
    )
    .await?;
    let site = match sites.first() {
        Some(site) => directory::store::find_site(&app.database, &site.site_id).await?,
        None => None,
    };
    Ok(match site {
        Some(site) => {
            known.with("organisation", &format!("{}, {} ({})", site.name, site.postcode, site.ods_code))
        }
        None => known,
    })
}

/// A text of several lines within its limit.
fn text_of(problems: &mut Problems, fields: &Fields, name: &str, called: &str, letters_max: usize) -> String {
    let text = fields.text(name);
    if text.chars().count() > letters_max {
        problems.add(name, format!("{called} must be {letters_max} characters or fewer"));
    }
    text.to_owned()
}

/// How many people are affected.
fn people(text: &str) -> Result<u16, String> {
    if text.is_empty() {
        return Err("Enter how many people it affects".to_owned());
    }
    let number = text.replace(',', "").parse::<u16>().ok();
    number
        .filter(|number| (1..=PEOPLE_MAX).contains(number))
        .ok_or_else(|| format!("Number of people must be a whole number from 1 to {PEOPLE_MAX}, like 3"))
}

/// Reads the form, with its problems in the order of the page.
fn read(subject: &Subject, fields: &Fields) -> Result<NewEnquiry, Problems> {
    let (kind, mut problems) = (subject.kind, Problems::none());
    if fields.text("message").is_empty() {
        problems.add("message", subject.message_missing);
    }
    let message = text_of(&mut problems, fields, "message", "Your message", MESSAGE_LETTERS_MAX);
    let affected = (kind == EnquiryKind::Support).then(|| Affected {
        saw: text_of(&mut problems, fields, "saw", "The error message", DETAILS_LETTERS_MAX),
        people: problems.take("people", people(fields.text("people"))).unwrap_or(0),
        addresses: text_of(&mut problems, fields, "addresses", "Their addresses", DETAILS_LETTERS_MAX),
        more: String::new(),
        no_call: fields.text("no_call") == "yes",
    });
    let no_call = affected.as_ref().is_some_and(|affected| affected.no_call);
    let name = problems.take("name", Name::parse(fields.text("name"), "name"));
    let email = problems.take("email", Email::parse(fields.text("email")));
    let telephone = if fields.text("telephone").is_empty() {
        if kind == EnquiryKind::Hospice || (kind == EnquiryKind::Support && !no_call) {
            let otherwise =
                if kind == EnquiryKind::Support { ", or tick that you cannot be called" } else { "" };
            problems.add("telephone", format!("Enter your telephone number{otherwise}"));
        }
        String::new()
    } else {
        problems.take("telephone", parse_telephone(fields.text("telephone"))).unwrap_or_default()
    };
    let organisation = if fields.text("organisation").is_empty()
        && matches!(kind, EnquiryKind::Feedback | EnquiryKind::Complaint)
    {
        String::new()
    } else {
        let missing = match kind {
            EnquiryKind::Hospice => "Enter the name and postcode of the hospice",
            EnquiryKind::SelfManagement
            | EnquiryKind::Recovery
            | EnquiryKind::Support
            | EnquiryKind::Feedback
            | EnquiryKind::Complaint => "Enter the name and postcode, or the ODS code, of your site",
        };
        let line = fields.line("organisation", ORGANISATION_LETTERS_MAX, missing, "Name");
        problems.take("organisation", line).unwrap_or_default()
    };
    let affected = affected.map(|affected| Affected {
        more: text_of(&mut problems, fields, "more", "Your text", DETAILS_LETTERS_MAX),
        ..affected
    });
    match (name, email) {
        (Some(name), Some(email)) if problems.is_empty() => Ok(NewEnquiry {
            kind,
            subject: subject.line.to_owned(),
            name: name.as_str().to_owned(),
            email,
            telephone,
            organisation,
            message,
            affected,
            account: None,
        }),
        _ => Err(problems),
    }
}

/// POST /contact/{subject}/write
pub async fn send_contact(
    Shared(app): Shared<App>,
    visit: Visit,
    Path(slug): Path<String>,
    fields: Fields,
) -> Answer {
    send(app, visit, Door::Contact, &slug, fields).await
}

/// POST /feedback/{subject}
pub async fn send_feedback(
    Shared(app): Shared<App>,
    visit: Visit,
    Path(slug): Path<String>,
    fields: Fields,
) -> Answer {
    send(app, visit, Door::Feedback, &slug, fields).await
}

async fn send(app: App, visit: Visit, door: Door, slug: &str, fields: Fields) -> Answer {
    let subject = find(door, slug)?;
    let holder = session::account_holder(&app, &visit).await?;
    let asked = match read(subject, &fields) {
        Ok(asked) => NewEnquiry { account: holder.as_ref().map(|holder| holder.account.clone()), ..asked },
        Err(problems) => {
            let form = visit.form(fields, problems.clone());
            return show(&write_page(&app, &visit, subject, holder.as_ref(), form), &problems);
        }
    };
    let once = asked.once(&format!("{} {}", browser_hash(&visit.browser()), fields.once()));
    let message = Receive { asked, once, network: visit.network().to_owned() };
    match moves::receive(&app, message).await {
        Ok(reference) => go_to(format!("{}/{}/sent/{reference}", door.path(), subject.slug)),
        Err(NotDone::Refusal(used_up)) => {
            let words = too_often(&app.settings, app.clock.now(), used_up);
            let form = visit.form(fields, Problems::one("message", words));
            let page = write_page(&app, &visit, subject, holder.as_ref(), form);
            show_with(StatusCode::TOO_MANY_REQUESTS, &page)
        }
        Err(NotDone::Conflict(conflict)) => {
            Err(Interrupt::refused(StatusCode::CONFLICT, "Your message was not sent", &conflict.words))
        }
        Err(NotDone::Fault(error)) => Err(error.into()),
    }
}

#[derive(askama::Template)]
#[template(path = "guidance/pages/contact_sent.html")]
pub struct SentPage {
    pub layout: Layout,
    pub reference: String,
    pub next: String,
}

/// GET /contact/{subject}/sent/{reference}
pub async fn sent_contact(
    Shared(app): Shared<App>,
    visit: Visit,
    Path(said): Path<(String, String)>,
) -> Answer {
    sent(&app, &visit, Door::Contact, &said)
}

/// GET /feedback/{subject}/sent/{reference}
pub async fn sent_feedback(
    Shared(app): Shared<App>,
    visit: Visit,
    Path(said): Path<(String, String)>,
) -> Answer {
    sent(&app, &visit, Door::Feedback, &said)
}

/// Nothing is looked up: the page says only what the address says, and only if it is a reference.
fn sent(app: &App, visit: &Visit, door: Door, (slug, reference): &(String, String)) -> Answer {
    let subject = find(door, slug)?;
    let reference = Reference::parse(reference).ok_or_else(Interrupt::not_found)?;
    let (hours, days) = (app.settings.enquiry_hours, app.settings.complaint_working_days);
    let (title, next) = match subject.kind {
        EnquiryKind::Complaint => (
            "Complaint sent",
            format!(
                "Within {} you hear who looks into it and when you get an answer.",
                crate::web::form::counted(usize::from(days), "working day", "working days")
            ),
        ),
        EnquiryKind::Hospice | EnquiryKind::Feedback => {
            ("Message sent", format!("Our feedback team answers within {hours} hours."))
        }
        EnquiryKind::Support | EnquiryKind::SelfManagement | EnquiryKind::Recovery => (
            "Message sent",
            format!("Our team answers within {hours} hours. We call you if that is quicker."),
        ),
    };
    let template = SentPage { layout: layout(visit, title), reference: reference.to_string(), next };
    show(&template, &Problems::none())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: [(&str, &str); 6] = [
        ("message", "No mail since 8."),
        ("people", "3"),
        ("name", "Amy Reed"),
        ("email", "amy@oakhouse.example"),
        ("telephone", "01632 960 001"),
        ("organisation", "Oak House, OL1 1AA"),
    ];

    fn subject(slug: &str) -> &'static Subject {
        let known = [Door::Contact, Door::Feedback].into_iter().find_map(|door| Subject::of(door, slug));
        known.expect("a subject")
    }

    fn problems_of(subject: &Subject, change: &[(&str, &str)]) -> Vec<String> {
        let mut fields = Fields::from_pairs(RIGHT);
        for (name, value) in change {
            fields = fields.with(name, value);
        }
        match read(subject, &fields) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(|(field, _)| field.to_owned()).collect(),
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_asked_for_in_the_order_of_the_page() {
        let check = |slug: &str, change: &[(&str, &str)], expect: &[&str]| {
            assert_eq!(problems_of(subject(slug), change), expect, "{slug} {change:?}");
        };
        check("email", &[], &[]);
        check("email", &[("message", ""), ("people", "")], &["message", "people"]);
        for wrong in ["0", "-1", "many", "10000", "1.5", "٣"] {
            check("email", &[("people", wrong)], &["people"]);
        }
        check("email", &[("people", "1,200")], &[]);
        check("email", &[("telephone", "")], &["telephone"]);
        check("email", &[("telephone", ""), ("no_call", "yes")], &[]);
        check("email", &[("telephone", "call me")], &["telephone"]);
        check("email", &[("organisation", "")], &["organisation"]);
        check("email", &[("more", &"x".repeat(2_001))], &["more"]);
        check("email", &[("message", &"x".repeat(4_001))], &["message"]);
        check("hospice", &[("telephone", ""), ("organisation", "")], &["telephone", "organisation"]);
        check("praise", &[("telephone", ""), ("organisation", ""), ("people", "")], &[]);
        check("complaint", &[("name", ""), ("email", "x")], &["name", "email"]);
    }

    #[test]
    fn the_minimum_data_set_reaches_the_enquiry() {
        let fields =
            Fields::from_pairs(RIGHT).with("saw", "Error 5").with("addresses", "a@x.example\nb@x.example");
        let asked = read(subject("email"), &fields).expect("right");
        let affected = asked.affected.expect("asked for");
        assert_eq!((affected.people, affected.saw.as_str(), affected.no_call), (3, "Error 5", false));
        assert!(affected.addresses.contains("b@x.example"));
        assert_eq!(asked.subject, "Support: email that does not arrive or cannot be sent");
        assert!(read(subject("praise"), &fields).expect("right").affected.is_none());
    }
}
