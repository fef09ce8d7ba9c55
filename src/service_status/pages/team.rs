//! The service status for the central team: setting how components are, and announcing.

use super::STATUS;
use super::status::{Told as Shown, health_tag, state_of};
use crate::app::App;
use crate::clock::Timestamp;
use crate::console::{self, VERSION, layout, version_of};
use crate::outbox::outcome::or_conflict;
use crate::service_status::moves::{self, Announce, ChangeAnnouncement, EndAnnouncement, SetComponent};
use crate::service_status::{
    Announcement, AnnouncementKind, AnnouncementText, Component, Health, Phase, Said, Source, store,
};
use crate::sign_in::CaseWorker;
use crate::sign_in::authority::{Permit, Subject, deed};
use crate::web::components::{
    Button, Checkboxes, Heading, Html, Input, NotificationBanner, Radios, Size, Table, TableCell,
    TableHeader, Textarea,
};
use crate::web::done::{self, done};
use crate::web::page::show_with;
use crate::web::parts::not_done;
use crate::web::{
    Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, moment, show as show_page,
};
use axum::extract::{Path, State as Shared};
use axum::http::{StatusCode, Uri};

const HEALTH: &str = "health";
const WORDS: &str = "words";
const SEEN: &str = "seen";
const KIND: &str = "kind";
const ABOUT: &str = "about";
const TITLE: &str = "title";
const STARTS: &str = "starts";
const ENDS: &str = "ends";
/// The first field of the moment at which it ends.
const ENDS_DAY: &str = "ends-day";
const EVERYWHERE: &str = "everywhere";

/// Longest title, in characters: a line on a telephone and a half.
const TITLE_LETTERS_MAX: usize = 80;
/// Longest words, in characters: on top of every page there is room for a few sentences.
const WORDS_LETTERS_MAX: usize = 500;

const OPEN_TO_ALL: &str = "Everybody can read this. Name no person and no site.";

/// One announcement in the list.
pub struct ComponentLine {
    pub href: String,
    pub title: String,
    pub kind: &'static str,
    pub when: String,
    pub phase: &'static str,
}

#[derive(askama::Template)]
#[template(path = "service_status/pages/team.html")]
pub struct TeamPage {
    pub layout: Layout,
    pub banner: Option<NotificationBanner>,
    pub components: Table,
    pub announcements: Vec<ComponentLine>,
}

/// A component, leading to the page that sets it.
#[derive(askama::Template)]
#[template(source = r#"<a href="{{ href }}">{{ words }}</a>"#, ext = "html")]
struct Link {
    href: String,
    words: &'static str,
}
impl askama::filters::HtmlSafe for Link {}

done! {
    /// What was done with the service status.
    StatusDone {
        Set "set": "The change is saved. Every page shows it within seconds.",
        Announced "announced": "The announcement is published.",
        Changed "changed": "The announcement is changed.",
        Ended "ended": "The announcement has ended.",
    }
}

/// GET /casework/status
pub async fn page(Shared(app): Shared<App>, visit: Visit, by: CaseWorker, uri: Uri) -> Answer {
    let now = app.clock.now();
    let board = store::board(&app.database, now).await?;
    let html = |html| TableCell { html: Some(html), ..Default::default() };
    let rows = board
        .standings
        .iter()
        .map(|standing| {
            let component = standing.component;
            let href = format!("{STATUS}/components/{}", component.slug());
            vec![
                html(Html::of(&Link { href, words: component.in_words() })),
                html(state_of(standing)),
                html(Html::of(&health_tag(standing.team.health))),
                html(Html::of(&health_tag(standing.check.health))),
            ]
        })
        .collect();
    let caption =
        Heading { text: "Parts of the service".to_owned(), size: Some(Size::M), ..Default::default() };
    let template = TeamPage {
        layout: layout(&visit, &by, "Service status", STATUS),
        banner: done::banner::<StatusDone>(&uri),
        components: Table {
            caption: Some(caption),
            head: ["Part", "People see", "We say", "Our check says"].map(TableHeader::from).into(),
            rows,
            first_cell_is_header: true,
            responsive: true,
            ..Default::default()
        },
        announcements: board
            .announcements
            .iter()
            .map(|announcement| ComponentLine {
                href: format!("{STATUS}/announcements/{}", announcement.id),
                title: announcement.told.title.clone(),
                kind: announcement.told.kind.in_words(),
                when: announcement.when(),
                phase: match announcement.phase(now) {
                    Phase::Coming => "Coming",
                    Phase::Now => "Now",
                    Phase::Over => "Over",
                },
            })
            .collect(),
    };
    show_page(&template, &Problems::none())
}

/// A page with one form: setting a component, announcing, changing an announcement.
#[derive(askama::Template)]
#[template(path = "service_status/pages/form.html")]
pub struct FormPage {
    pub layout: Layout,
    pub form: Form,
    pub banner: Option<NotificationBanner>,
    pub intro: &'static str,
    /// Whether sending it twice must have the effect of once by the name of the form.
    pub once: bool,
    pub hidden: Vec<(&'static str, String)>,
    pub parts: Vec<Html>,
    pub button: Button,
    /// Ends an announcement at once.
    pub end: Option<Button>,
    /// What somebody else wrote meanwhile.
    pub meanwhile: Option<Shown>,
}

/// A permit to tell everybody how the service works.
fn permit(by: &CaseWorker) -> Result<Permit<deed::TellStatus>, Interrupt> {
    console::permit(by, Subject::Service)
}

fn words_problem(problems: &mut Problems, text: &str, is_needed: bool) {
    if is_needed && text.is_empty() {
        problems.add(WORDS, "Enter what people should know");
    } else if text.chars().count() > WORDS_LETTERS_MAX {
        problems
            .add(WORDS, format!("What people should know must be {WORDS_LETTERS_MAX} characters or fewer"));
    }
}

fn component_page(
    visit: &Visit,
    by: &CaseWorker,
    component: Component,
    seen: String,
    form: Form,
) -> FormPage {
    let mut health = form.radios(HEALTH, "How well does it work?").in_page();
    for known in Health::ALL {
        health = health.choice(known.stored(), known.in_words());
    }
    let words: Textarea = form.lines(WORDS, "What should people know?", OPEN_TO_ALL);
    FormPage {
        layout: layout(visit, by, component.in_words(), STATUS).with_problems(&form).back_to(STATUS),
        banner: None,
        intro: "What you set stays until one of us sets it again. Our own check may make it worse, never better. Where it does not work, it stands on top of every page.",
        once: false,
        hidden: vec![(SEEN, seen)],
        parts: vec![Html::of(&health), Html::of(&words)],
        button: form.button("Set"),
        end: None,
        meanwhile: None,
        form,
    }
}

async fn said(app: &App, component: Component) -> Result<Said, Interrupt> {
    Ok(store::said(&app.database, component, Source::Team).await?)
}

fn fields_of(said: &Said) -> Fields {
    Fields::from_pairs([(HEALTH, said.health.stored()), (WORDS, said.words.as_str())])
}

fn seen_of(said: &Said) -> String {
    said.since.as_milliseconds().to_string()
}

/// GET /casework/status/components/{component}
pub async fn component(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(slug): Path<String>,
) -> Answer {
    let component = Component::from_slug(&slug).ok_or_else(Interrupt::not_found)?;
    let said = said(&app, component).await?;
    let form = visit.form(fields_of(&said), Problems::none());
    show_page(&component_page(&visit, &by, component, seen_of(&said), form), &Problems::none())
}

/// POST /casework/status/components/{component}
pub async fn set_component(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(slug): Path<String>,
    fields: Fields,
) -> Answer {
    let component = Component::from_slug(&slug).ok_or_else(Interrupt::not_found)?;
    let mut problems = Problems::none();
    let health = Health::parse(fields.text(HEALTH));
    if health.is_none() {
        problems.add(HEALTH, "Select how well it works");
    }
    words_problem(&mut problems, fields.text(WORDS), health.is_some_and(|health| health != Health::Working));
    let (Some(health), true) = (health, problems.is_empty()) else {
        let seen = fields.text(SEEN).to_owned();
        let form = visit.form(fields, problems.clone());
        return show_page(&component_page(&visit, &by, component, seen, form), &problems);
    };
    let order = SetComponent {
        component,
        health,
        words: fields.text(WORDS).to_owned(),
        seen: Timestamp::from_milliseconds(fields.text(SEEN).parse().unwrap_or(-1)),
    };
    let Err(conflict) = or_conflict(moves::set_component(&app, permit(&by)?, order).await)? else {
        return go_to(done::address(STATUS, StatusDone::Set));
    };
    let there = said(&app, component).await?;
    let form = visit.form(fields, Problems::none());
    let page = FormPage {
        banner: Some(not_done("It was not set", &conflict.words)),
        ..component_page(&visit, &by, component, seen_of(&there), form)
    };
    show_with(StatusCode::CONFLICT, &page)
}

fn announcement_parts(form: &Form) -> Vec<Html> {
    let mut kind: Radios = form.radios(KIND, "What kind of announcement is it?").in_page();
    for known in AnnouncementKind::ALL {
        kind = kind.choice(known.stored(), known.in_words());
    }
    let mut about: Radios = form.radios(ABOUT, "Which part is it about?").in_page();
    for known in Component::ALL {
        about = about.choice(known.stored(), known.in_words());
    }
    let about = about.choice("all", "The whole service, or none of these");
    let title: Input =
        form.text(TITLE, "Title").hinted("Like “Email is slow” or “No sign-in on Sunday morning”.");
    let words: Textarea = form.lines(WORDS, "What should people know, and what should they do?", OPEN_TO_ALL);
    let everywhere: Checkboxes = form.tick(EVERYWHERE, "Show it on top of every page while it lasts");
    let mut parts = vec![Html::of(&kind), Html::of(&about), Html::of(&title), Html::of(&words)];
    let now = "Leave day and time empty for now.";
    parts.extend(moment::questions(
        form,
        STARTS,
        "Day it starts (optional)",
        "Time it starts (optional)",
        now,
    ));
    let unknown = "It is then over by itself. Leave day and time empty if you do not know.";
    parts.extend(moment::questions(form, ENDS, "Day it ends (optional)", "Time it ends (optional)", unknown));
    parts.push(Html::of(&everywhere));
    parts
}

/// Reads what an announcement is to say, and whether it starts now.
fn read_announcement(fields: &Fields, now: Timestamp) -> Result<(AnnouncementText, bool), Problems> {
    let mut problems = Problems::none();
    let kind = AnnouncementKind::parse(fields.text(KIND));
    if kind.is_none() {
        problems.add(KIND, "Select what kind of announcement it is");
    }
    let component = Component::parse(fields.text(ABOUT));
    if component.is_none() && fields.text(ABOUT) != "all" {
        problems.add(ABOUT, "Select which part it is about");
    }
    let title = problems.take(TITLE, fields.line(TITLE, TITLE_LETTERS_MAX, "Enter a title", "Title"));
    words_problem(&mut problems, fields.text(WORDS), true);
    let starts = moment::read(&mut problems, fields, STARTS, "Start");
    let starts_at = starts.unwrap_or(now);
    let ends_at = moment::read(&mut problems, fields, ENDS, "End");
    if ends_at.is_some_and(|ends_at| ends_at <= starts_at) {
        problems.add(ENDS_DAY, "End must be after the start");
    } else if ends_at.is_some_and(|ends_at| ends_at <= now) {
        problems
            .add(ENDS_DAY, "End must be in the future. To end an announcement now, press the button below");
    }
    match (kind, title) {
        (Some(kind), Some(title)) if problems.is_empty() => {
            let text = AnnouncementText {
                kind,
                component,
                title,
                words: fields.text(WORDS).to_owned(),
                on_every_page: fields.text(EVERYWHERE) == "yes",
                starts_at,
                ends_at,
            };
            Ok((text, starts.is_none()))
        }
        _ => Err(problems),
    }
}

fn announce_page(visit: &Visit, by: &CaseWorker, form: Form) -> FormPage {
    FormPage {
        layout: layout(visit, by, "Make an announcement", STATUS).with_problems(&form).back_to(STATUS),
        banner: None,
        intro: "It stands on the page with the service status, and in its feed.",
        once: true,
        hidden: Vec::new(),
        parts: announcement_parts(&form),
        button: form.button("Announce"),
        end: None,
        meanwhile: None,
        form,
    }
}

/// GET /casework/status/announce
pub async fn announce(visit: Visit, by: CaseWorker) -> Answer {
    let fields = Fields::from_pairs([(EVERYWHERE, "yes")]);
    let form = visit.form(fields, Problems::none());
    show_page(&announce_page(&visit, &by, form), &Problems::none())
}

/// POST /casework/status/announce
pub async fn make(Shared(app): Shared<App>, visit: Visit, by: CaseWorker, fields: Fields) -> Answer {
    match read_announcement(&fields, app.clock.now()) {
        Ok((text, starts_now)) => {
            let order = Announce { text, starts_now, form: fields.once() };
            moves::announce(&app, permit(&by)?, order).await?;
            go_to(done::address(STATUS, StatusDone::Announced))
        }
        Err(problems) => {
            let form = visit.form(fields, problems.clone());
            show_page(&announce_page(&visit, &by, form), &problems)
        }
    }
}

fn change_page(
    visit: &Visit,
    by: &CaseWorker,
    announcement: &Announcement,
    now: Timestamp,
    form: Form,
) -> FormPage {
    FormPage {
        layout: layout(visit, by, "Change an announcement", STATUS).with_problems(&form).back_to(STATUS),
        banner: None,
        intro: "Everybody sees the change within seconds.",
        once: false,
        hidden: vec![(VERSION, announcement.version.to_string())],
        parts: announcement_parts(&form),
        button: form.button("Save the change").sending("do", "change"),
        end: (announcement.phase(now) != Phase::Over)
            .then(|| form.second_button("End it now").sending("do", "end")),
        meanwhile: None,
        form,
    }
}

fn fields_of_announcement(announcement: &Announcement) -> Fields {
    let told = &announcement.told;
    let fields = Fields::from_pairs([
        (KIND, told.kind.stored()),
        (ABOUT, told.component.map_or("all", Component::stored)),
        (TITLE, told.title.as_str()),
        (WORDS, told.words.as_str()),
        (EVERYWHERE, if told.on_every_page { "yes" } else { "" }),
    ]);
    let fields = moment::filled(fields, STARTS, told.starts_at);
    match told.ends_at {
        Some(ends_at) => moment::filled(fields, ENDS, ends_at),
        None => fields,
    }
}

async fn find(app: &App, id: &str) -> Result<Announcement, Interrupt> {
    store::find_announcement(&app.database, id).await?.ok_or_else(Interrupt::not_found)
}

/// GET /casework/status/announcements/{id}
pub async fn announcement(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
) -> Answer {
    let announcement = find(&app, &id).await?;
    let form = visit.form(fields_of_announcement(&announcement), Problems::none());
    show_page(&change_page(&visit, &by, &announcement, app.clock.now(), form), &Problems::none())
}

/// POST /casework/status/announcements/{id}: changes it, or ends it.
pub async fn change(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
    fields: Fields,
) -> Answer {
    let announcement = find(&app, &id).await?;
    let now = app.clock.now();
    let version = version_of(fields.text(VERSION));
    if fields.text("do") == "end" {
        let order = EndAnnouncement { id, version };
        let Err(_) = or_conflict(moves::end(&app, permit(&by)?, order).await)? else {
            return go_to(done::address(STATUS, StatusDone::Ended));
        };
        return overtaken(&app, &visit, &by, &announcement.id, None).await;
    }
    let (text, starts_now) = match read_announcement(&fields, now) {
        Ok(read) => read,
        Err(problems) => {
            let form = visit.form(fields, problems.clone());
            return show_page(&change_page(&visit, &by, &announcement, now, form), &problems);
        }
    };
    let order = ChangeAnnouncement { id, version, text, starts_now };
    match or_conflict(moves::change(&app, permit(&by)?, order).await)? {
        Ok(()) => go_to(done::address(STATUS, StatusDone::Changed)),
        Err(_) => overtaken(&app, &visit, &by, &announcement.id, Some(fields)).await,
    }
}

/// Shows an announcement as it is now beside what somebody typed about how it was before.
async fn overtaken(app: &App, visit: &Visit, by: &CaseWorker, id: &str, typed: Option<Fields>) -> Answer {
    let there = find(app, id).await?;
    let words = "Somebody else has changed it. What they wrote stands first, and what you wrote below it. Save again to put yours in its place.";
    let form = visit.form(typed.unwrap_or_else(|| fields_of_announcement(&there)), Problems::none());
    let page = FormPage {
        banner: Some(not_done("It was not changed", words)),
        meanwhile: Some(Shown::of(&there)),
        ..change_page(visit, by, &there, app.clock.now(), form)
    };
    show_with(StatusCode::CONFLICT, &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_read_with_their_times() {
        let now = Timestamp::parse_london("2026-11-23 09:00").expect("a time");
        let right = [
            (KIND, "PlannedWork"),
            (ABOUT, "Mail"),
            (TITLE, "Mail stops"),
            (WORDS, "For an hour."),
            ("starts-day", "29"),
            ("starts-month", "11"),
            ("starts-year", "2026"),
            ("starts-time", "7am"),
            ("ends-day", "29"),
            ("ends-month", "11"),
            ("ends-year", "2026"),
            ("ends-time", "8am"),
        ];
        let check = |name: &str, value: &str, expect: Option<&str>| {
            let fields = Fields::from_pairs(right).with(name, value);
            let read = read_announcement(&fields, now);
            let field =
                read.err().and_then(|problems| problems.iter().next().map(|(field, _)| field.to_owned()));
            assert_eq!(field.as_deref(), expect, "{name}={value}");
        };
        check(EVERYWHERE, "yes", None);
        check(ABOUT, "all", None);
        check(KIND, "", Some(KIND));
        check(ABOUT, "x", Some(ABOUT));
        check(TITLE, "", Some(TITLE));
        check(TITLE, &"x".repeat(81), Some(TITLE));
        check(WORDS, "", Some(WORDS));
        check(WORDS, &"x".repeat(501), Some(WORDS));
        check("starts-month", "", Some("starts-month"));
        check("ends-day", "30 or so", Some("ends-day"));
        check("ends-time", "7am", Some(ENDS_DAY));
        check("ends-day", "28", Some(ENDS_DAY));
    }
}
