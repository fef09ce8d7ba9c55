//! The people who will use the shared mailbox: a list, and a page for each.

use super::{Asking, onwards};
use crate::app::App;
use crate::contact::{Doubt, Email, Mobile, Name, is_generic};
use crate::registration::answer::OneAnswer;
use crate::registration::answers::{AskedAccess, PeopleBounds, Person};
use crate::registration::journey::Page;
use crate::registration::summary::{self, PersonRow};
use crate::registration::verify::OnRecord;
use crate::sign_in::Registrant;
use crate::web::components::{Checkboxes, CheckboxesItem, Input, Radios};
use crate::web::form::counted;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to};
use axum::extract::{Path, State};

const REMOVE: &str = "remove";
const SURE: &str = "email_is_right";
/// Longest description of a role, in characters.
const ROLE_LETTERS_MAX: usize = 60;

#[derive(askama::Template)]
#[template(path = "registration/pages/people.html")]
pub struct PeoplePage {
    pub layout: Layout,
    pub form: Form,
    pub lines: Vec<PersonRow>,
    pub heading: String,
    pub min: usize,
    pub max: usize,
    pub next_place: usize,
    pub one_owner: bool,
}

fn bounds(asking: &Asking) -> PeopleBounds {
    PeopleBounds::of(&asking.app.settings)
}

fn page_of(asking: &Asking, form: Form) -> PeoplePage {
    let PeopleBounds { min, max } = bounds(asking);
    let count = asking.answers().people.len();
    let heading = match count {
        0 => "Who will use the shared mailbox?".to_owned(),
        count => format!("You have added {}", counted(count, "person", "people")),
    };
    PeoplePage {
        layout: asking.layout(Page::People, &heading, &form),
        form,
        lines: summary::people(&asking.answers().people, asking.registrant.masked),
        heading,
        min,
        max,
        next_place: count + 1,
        one_owner: asking.answers().owners() == 1,
    }
}

pub fn show(asking: &Asking) -> Answer {
    asking.visit.show_form(Fields::default(), |form| page_of(asking, form))
}

pub async fn save(asking: &Asking, fields: Fields) -> Answer {
    match asking.save("add", OneAnswer::PeopleDone).await? {
        Ok(answers) => onwards(&answers, Page::People),
        Err(again) => asking.visit.show_again(fields, again, |form| page_of(asking, form)),
    }
}

#[derive(askama::Template)]
#[template(path = "registration/pages/person.html")]
pub struct PersonPage {
    pub layout: Layout,
    pub form: Form,
    pub place: usize,
    pub is_new: bool,
    pub access: Radios,
    pub has_account: Radios,
    pub account: Input,
    pub email_hint: String,
    /// A tick that an address which looked wrong is right.
    pub sure: Option<Checkboxes>,
    pub mobile_hint: String,
}

/// The address that was typed, where it may not be this person's own and nobody said that it is.
async fn doubted(asking: &Asking, fields: &Fields) -> Result<Option<(Email, Doubt)>, Interrupt> {
    let Ok(email) = Email::parse(fields.text("email")) else { return Ok(None) };
    let is_known = asking.answers().people.iter().any(|person| person.email == email);
    if is_known || fields.text(SURE) == email.as_str() {
        return Ok(None);
    }
    let record = OnRecord::of(&asking.app, asking.answers()).await?;
    let of_site = record.as_ref().and_then(OnRecord::email);
    Ok(email.doubt(asking.draft.site_name(), of_site.as_ref()).map(|doubt| (email, doubt)))
}

fn person_page(asking: &Asking, place: usize, form: Form, doubted: Option<&Email>) -> PersonPage {
    let known = asking.answers().people.get(place - 1);
    let masked = known.filter(|_| asking.registrant.masked);
    let title = match known {
        Some(person) => format!("Change {}", person.full_name()),
        None if place == 1 => "First person".to_owned(),
        None => format!("Person {place}"),
    };
    let access = form
        .radios("access", "What may they do with the shared mailbox?")
        .in_page()
        .hinted("There must be at least one owner. Two are better, so that one can be away.")
        .choice_hinted(
            "owner",
            "Owner",
            "Reads and sends, and decides who else can. Usually the manager and a deputy.",
        )
        .choice_hinted("member", "Member", "Reads and sends.");
    // The field stands open instead of unfolding: a radio button that unfolds something is announced
    // wrongly by screen readers (aria-expanded is not for radio buttons).
    let has_account = form
        .radios("has_account", "Do they have an account of this secure email already, from another site?")
        .in_page()
        .choice("no", "No")
        .choice("yes", "Yes");
    let account = form.email("account", "Address of their account, if they have one").hinted(&format!(
        "It ends in @{}. They keep it and are given this mailbox as well.",
        asking.app.settings.mail_domain
    ));
    PersonPage {
        layout: asking.visit.layout(&title).with_problems(&form).back_to(Page::People.path()),
        email_hint: match masked {
            Some(person) => format!("We have {}. Leave this empty to keep it.", person.email.masked()),
            None => "Work or personal, read by nobody else. We send the link to activate the account to it."
                .to_owned(),
        },
        mobile_hint: match masked {
            Some(person) => format!("We have {}. Leave this empty to keep it.", person.mobile.masked()),
            None => "Their own number, not the site’s. We send a code by text message to it.".to_owned(),
        },
        sure: doubted.map(|email| Checkboxes {
            name: SURE.to_owned(),
            items: vec![CheckboxesItem {
                text: format!("{email} is right, and nobody else reads it"),
                value: email.to_string(),
                ..Default::default()
            }],
            ..Default::default()
        }),
        form,
        place,
        is_new: known.is_none(),
        access,
        has_account,
        account,
    }
}

async fn load(app: App, visit: Visit, registrant: Registrant, place: usize) -> Result<Asking, Interrupt> {
    let asking = Asking::load_at(app, visit, registrant, Page::People).await?;
    let max = bounds(&asking).max;
    let count = asking.answers().people.len();
    if place == 0 || place > count + 1 || (place > count && count >= max) {
        return Err(Interrupt::Redirect(Page::People.path()));
    }
    Ok(asking)
}

/// GET /register/people/{place}
pub async fn show_person(
    State(app): State<App>,
    visit: Visit,
    registrant: Registrant,
    Path(place): Path<usize>,
) -> Answer {
    let asking = load(app, visit, registrant, place).await?;
    let fields = match asking.answers().people.get(place - 1) {
        None => Fields::default(),
        Some(person) => {
            let mut fields = Fields::from_pairs([
                ("first_name", person.first_name.as_str()),
                ("last_name", person.last_name.as_str()),
                ("role", person.role.as_str()),
                ("access", if person.access == AskedAccess::Owner { "owner" } else { "member" }),
                ("has_account", if person.has_account.is_some() { "yes" } else { "no" }),
            ]);
            if let Some(account) = &person.has_account {
                fields = fields.with("account", account.as_str());
            }
            if !asking.registrant.masked {
                fields =
                    fields.with("email", person.email.as_str()).with("mobile", &person.mobile.in_words());
            }
            fields
        }
    };
    asking.visit.show_form(fields, |form| person_page(&asking, place, form, None))
}

/// Reads the fields of one person's page.
fn read(asking: &Asking, place: usize, fields: &Fields, doubt: Option<&Doubt>) -> Result<Person, Problems> {
    let answers = asking.answers();
    let known = answers.people.get(place - 1).filter(|_| asking.registrant.masked);
    let mut problems = Problems::none();
    let first_name = problems.take("first_name", Name::parse(fields.text("first_name"), "first name"));
    let last_name = problems.take("last_name", Name::parse(fields.text("last_name"), "last name"));
    if let (Some(first), Some(last)) = (&first_name, &last_name)
        && is_generic(first, last, asking.draft.site_name())
    {
        problems.add(
            "first_name",
            "Enter the name of a person. The shared mailbox is there for a team or a place",
        );
    }
    let role = problems.take(
        "role",
        fields.line("role", ROLE_LETTERS_MAX, "Enter their role, like manager or senior carer", "Role"),
    );
    let email = match known {
        Some(person) if fields.text("email").is_empty() => Some(person.email.clone()),
        _ => problems.take("email", Email::parse(fields.text("email"))),
    };
    let mobile = match known {
        Some(person) if fields.text("mobile").is_empty() => Some(person.mobile.clone()),
        _ => problems.take("mobile", Mobile::parse(fields.text("mobile"))),
    };
    if let Some(doubt) = doubt {
        problems.add("email", doubt.words());
    }
    if let (Some(email), Some(mobile)) = (&email, &mobile) {
        for (field, words) in answers.repeats(place - 1, email, mobile) {
            problems.add(field, words);
        }
    }
    let access = problems.take(
        "access",
        match fields.text("access") {
            "owner" => Ok(AskedAccess::Owner),
            "member" => Ok(AskedAccess::Member),
            _ => Err("Select what they may do with the shared mailbox".to_owned()),
        },
    );
    let domain = &asking.app.settings.mail_domain;
    let has_account = match fields.text("has_account") {
        "no" => Some(None),
        "yes" => problems
            .take(
                "account",
                Email::parse(fields.text("account")).and_then(|email| {
                    if email.as_str().ends_with(&format!("@{domain}")) {
                        Ok(email)
                    } else {
                        Err(format!("Enter the address of their account. It ends in @{domain}"))
                    }
                }),
            )
            .map(Some),
        _ => {
            problems.add("has_account", "Select no if they have no account of this secure email yet");
            None
        }
    };
    match (first_name, last_name, role, email, mobile, access, has_account) {
        (
            Some(first_name),
            Some(last_name),
            Some(role),
            Some(email),
            Some(mobile),
            Some(access),
            Some(has_account),
        ) if problems.is_empty() => {
            Ok(Person { first_name, last_name, role, email, mobile, access, has_account })
        }
        _ => Err(problems),
    }
}

/// POST /register/people/{place}
pub async fn save_person(
    State(app): State<App>,
    visit: Visit,
    registrant: Registrant,
    Path(place): Path<usize>,
    fields: Fields,
) -> Answer {
    let asking = load(app, visit, registrant, place).await?;
    let doubted = doubted(&asking, &fields).await?;
    let saved = match read(&asking, place, &fields, doubted.as_ref().map(|(_, doubt)| doubt)) {
        Ok(person) => {
            let was = asking.answers().people.get(place - 1).cloned();
            asking.save("first_name", OneAnswer::Person { was, person }).await?
        }
        Err(problems) => Err(problems.into()),
    };
    match saved {
        Ok(_) => go_to(Page::People.path()),
        Err(again) => {
            let doubted = doubted.map(|(email, _)| email);
            let page = |form| person_page(&asking, place, form, doubted.as_ref());
            asking.visit.show_again(fields, again, page)
        }
    }
}

#[derive(askama::Template)]
#[template(path = "registration/pages/remove_person.html")]
pub struct RemovePage {
    pub layout: Layout,
    pub form: Form,
    pub name: String,
    pub question: Radios,
}

fn remove_page(asking: &Asking, person: &Person, form: Form) -> RemovePage {
    let name = person.full_name();
    let title = format!("Remove {name}?");
    RemovePage {
        layout: asking.visit.layout(&title).with_problems(&form).back_to(Page::People.path()),
        question: form.yes_no(REMOVE, &title),
        form,
        name,
    }
}

fn person_at(asking: &Asking, place: usize) -> Result<Person, Interrupt> {
    asking.answers().people.get(place - 1).cloned().ok_or_else(Interrupt::not_found)
}

/// GET /register/people/{place}/remove
pub async fn show_remove(
    State(app): State<App>,
    visit: Visit,
    registrant: Registrant,
    Path(place): Path<usize>,
) -> Answer {
    let asking = load(app, visit, registrant, place).await?;
    let person = person_at(&asking, place)?;
    asking.visit.show_form(Fields::default(), |form| remove_page(&asking, &person, form))
}

/// POST /register/people/{place}/remove
pub async fn save_remove(
    State(app): State<App>,
    visit: Visit,
    registrant: Registrant,
    Path(place): Path<usize>,
    fields: Fields,
) -> Answer {
    let asking = load(app, visit, registrant, place).await?;
    let saved = match fields.text(REMOVE) {
        "yes" => match asking.answers().people.get(place - 1) {
            Some(person) => asking.save(REMOVE, OneAnswer::RemovePerson(person.clone())).await?.map(|_| ()),
            // A second click: nobody is there any more.
            None => Ok(()),
        },
        "no" => Ok(()),
        _ => Err(Problems::one(REMOVE, "Select yes to remove this person").into()),
    };
    match saved {
        Ok(()) => go_to(Page::People.path()),
        Err(again) => {
            let person = person_at(&asking, place)?;
            asking.visit.show_again(fields, again, |form| remove_page(&asking, &person, form))
        }
    }
}
