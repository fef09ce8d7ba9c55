//! Work that needs attention: what could not be done, and what a person makes of it.

use super::case::path_of;
use super::{ATTENTION, REGISTERS, fact, layout, not_done, permit};
use crate::app::App;
use crate::casework::moves::{self, Refusal};
use crate::database::Error;
use crate::directory;
use crate::outbox;
use crate::outbox::outcome::{Declined, NotDone, without_faults};
use crate::outbox::store::{NeedsAttention, Parked};
use crate::register::store as registers;
use crate::registration::store as registrations;
use crate::service_desk;
use crate::sign_in::CaseWorker;
use crate::sign_in::authority::{Subject, deed};
use crate::sign_in::tries;
use crate::web::components::{
    Button, Card, CardDescription, Heading, Html, NotificationBanner, Size, SummaryList, SummaryListRow,
    SummaryListText, WarningCallout,
};
use crate::web::done::{self, done};
use crate::web::form::counted;
use crate::web::page::show_with;
use crate::web::{Answer, Form, Layout, Visit, go_to};
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;

/// What work is about: words and, where it belongs to a case, where that is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct About {
    words: String,
    case: Option<(String, String)>,
}

/// What is in one card.
#[derive(askama::Template)]
#[template(path = "casework/pages/attention_item.html")]
struct Item {
    id: String,
    facts: SummaryList,
    form: Form,
    again: Button,
    give_up: Button,
}
impl askama::filters::HtmlSafe for Item {}

#[derive(askama::Template)]
#[template(
    source = r#"{{ about.words }}{% if let Some((href, words)) = about.case %}{% if !about.words.is_empty() %}<br>{% endif %}<a href="{{ href }}">{{ words }}</a>{% endif %}"#,
    ext = "html"
)]
struct AboutPart<'a> {
    about: &'a About,
}
impl askama::filters::HtmlSafe for AboutPart<'_> {}

#[derive(askama::Template)]
#[template(path = "casework/pages/attention.html")]
pub struct AttentionPage {
    pub layout: Layout,
    pub banner: Option<NotificationBanner>,
    /// What stands in the way of all work of a kind, or is an attack: told once.
    pub alarms: Vec<WarningCallout>,
    pub items: Vec<Card>,
}

/// A registration, to be named and linked.
async fn case_of(app: &App, id: &str) -> Result<Option<(String, String)>, Error> {
    let case = registrations::find_sent(&app.database, id).await?;
    Ok(case.map(|case| (path_of(&case.id), format!("{} {}", case.reference, case.site_name()))))
}

/// The registration that a site came from, to be named and linked.
async fn case_of_origin(app: &App, site: &directory::Site) -> Result<Option<(String, String)>, Error> {
    match site.origin.registration() {
        Some(registration) => case_of(app, registration).await,
        None => Ok(None),
    }
}

/// The registration of a site, to be named and linked.
async fn case_of_site(app: &App, site: &str) -> Result<Option<(String, String)>, Error> {
    match directory::store::find_site(&app.database, site).await? {
        Some(site) => case_of_origin(app, &site).await,
        None => Ok(None),
    }
}

/// What a letter is about: a registration, an enquiry, or an account.
async fn case_of_letter(app: &App, about: &str) -> Result<Option<(String, String)>, Error> {
    if let Some(case) = case_of(app, about).await? {
        return Ok(Some(case));
    }
    let enquiry = service_desk::store::find(&app.database, about).await?;
    if let Some(enquiry) = enquiry {
        let words = format!("{} {}", enquiry.reference, enquiry.organisation);
        return Ok(Some((service_desk::path(&enquiry.id), words)));
    }
    case_of_account(app, about).await
}

async fn case_of_account(app: &App, account: &str) -> Result<Option<(String, String)>, Error> {
    match directory::store::find_home_of_account(&app.database, account).await? {
        Some(site) => case_of_origin(app, &site).await,
        None => Ok(None),
    }
}

async fn about(app: &App, work: &Parked) -> Result<About, Error> {
    let work = match work {
        Parked::Work(work) => work,
        Parked::Unreadable { kind, subject } => {
            return Ok(About { words: format!("{kind} {subject}"), case: None });
        }
    };
    Ok(match work.about() {
        outbox::About::Registration(id) => About { words: String::new(), case: case_of(app, id).await? },
        outbox::About::Site(id) => About { words: String::new(), case: case_of_site(app, id).await? },
        outbox::About::Letter(id) => match crate::letter::store::find(&app.database, id).await? {
            Some(letter) => About {
                words: format!("“{}” to {}", letter.name, letter.recipient),
                case: case_of_letter(app, &letter.about).await?,
            },
            None => About::default(),
        },
        outbox::About::SharedMailbox(id) => {
            match directory::store::find_shared_mailbox(&app.database, id).await? {
                Some(mailbox) => {
                    About { case: case_of_site(app, &mailbox.site_id).await?, words: mailbox.address }
                }
                None => About::default(),
            }
        }
        outbox::About::Account(id) => match directory::store::find_account(&app.database, id).await? {
            Some(found) => About { case: case_of_account(app, id).await?, words: found.address },
            None => About::default(),
        },
        outbox::About::Typed(_) => About {
            words: "Somebody asked for a link on the activation page. They can ask again.".to_owned(),
            case: None,
        },
        outbox::About::Code(_) => About {
            words: "Somebody asked for a code to come back to a registration. They can ask again.".to_owned(),
            case: None,
        },
        outbox::About::MailServer => About {
            words: "The mail server did not answer. This is done again by itself when it is due.".to_owned(),
            case: None,
        },
    })
}

fn card(form: &Form, work: &NeedsAttention, about: &About) -> Card {
    let what = work.work.in_words();
    let which = match &about.case {
        Some((_, words)) => words,
        None => &about.words,
    };
    let named = |words: &str| format!("{words}: {what}, {which}");
    let html = |key: &str, html: Html| SummaryListRow {
        key: key.into(),
        value: SummaryListText { html: Some(html), classes: "app-wrap".to_owned(), ..Default::default() },
        ..Default::default()
    };
    let tries = counted(usize::try_from(work.attempts).unwrap_or(0), "time", "times");
    let mut rows = Vec::new();
    if *about != About::default() {
        rows.push(html("About", Html::of(&AboutPart { about })));
    }
    rows.push(fact("Waiting since", work.queued_at.in_words()));
    rows.push(fact("Tried", tries));
    rows.push(html("Why it was not done", Html::of(&super::Preline { text: &work.reason })));
    let item = Item {
        id: work.id.clone(),
        facts: SummaryList { rows, ..Default::default() },
        form: form.clone(),
        again: Button { aria_label: named("Try again"), ..form.button("Try again") },
        give_up: Button { aria_label: named("Give up"), ..form.second_button("Give up") },
    };
    Card {
        heading: Heading { text: what.clone(), size: Some(Size::M), level: Some(2), ..Default::default() },
        description: Some(CardDescription { html: Some(Html::of(&item)), ..Default::default() }),
        ..Default::default()
    }
}

/// One alarm for all the work that something outside stands in the way of.
fn blocked(blocked: &outbox::store::Blocked) -> WarningCallout {
    let pieces = counted(usize::try_from(blocked.waiting).unwrap_or(0), "piece", "pieces");
    let words = format!(
        "{pieces} of work wait, the oldest since {}. They are tried again by themselves until it works; you need not touch each of them. The last answer was: {}",
        blocked.since.in_words(),
        blocked.reason
    );
    alarm(&format!("{}: nothing goes through", blocked.kind.facts().words), &words)
}

/// One alarm for an attack on everybody's codes and passwords.
fn guessing(attack: &tries::Attack) -> WarningCallout {
    let now = if attack.goes_on {
        "Until that hour is over, only the first tries of each person and browsers that are known are taken. "
    } else {
        ""
    };
    let words = format!(
        "{} wrong codes, contact IDs and passwords were tried in the hour from {}. {now}Tell whoever runs the service: the log and the figures say from where.",
        attack.wrong,
        attack.since.in_words()
    );
    alarm("Somebody is guessing codes or passwords", &words)
}

fn alarm(heading: &str, words: &str) -> WarningCallout {
    alarm_with(heading, words, None)
}

fn alarm_with(heading: &str, words: &str, link: Option<(&'static str, &'static str)>) -> WarningCallout {
    let heading = Heading { text: heading.to_owned(), level: Some(2), ..Default::default() };
    WarningCallout { heading, html: Some(Html::of(&AlarmPart { words, link })), ..Default::default() }
}

/// What an alarm says, as paragraphs below its heading.
#[derive(askama::Template)]
#[template(
    source = r#"<p class="app-preline app-wrap">{{ words }}</p>{% if let Some((href, text)) = link %}<p><a href="{{ href }}">{{ text }}</a></p>{% endif %}"#,
    ext = "html"
)]
struct AlarmPart<'a> {
    words: &'a str,
    link: Option<(&'static str, &'static str)>,
}
impl askama::filters::HtmlSafe for AlarmPart<'_> {}

/// One alarm for all imports that wait to be released.
fn waiting_imports(count: usize) -> Option<WarningCallout> {
    let heading = match count {
        0 => return None,
        1 => "1 import of a register waits to be released".to_owned(),
        more => format!("{more} imports of registers wait to be released"),
    };
    let link = Some((REGISTERS, "See the imports that wait"));
    let words = "A file that waits is not used until two different case workers have released it.";
    Some(alarm_with(&heading, words, link))
}

async fn show(
    app: &App,
    visit: &Visit,
    by: &CaseWorker,
    status: StatusCode,
    banner: Option<NotificationBanner>,
) -> Answer {
    let form = visit.empty_form();
    let mut items = Vec::new();
    for work in outbox::store::list_needing_attention(&app.database).await? {
        let about = about(app, &work.work).await?;
        items.push(card(&form, &work, &about));
    }
    let mut alarms: Vec<_> = tries::attack(app).await?.iter().map(guessing).collect();
    alarms.extend(outbox::store::list_blocked(&app.database).await?.iter().map(blocked));
    alarms.extend(waiting_imports(registers::held_imports(&app.database).await?.len()));
    let layout = layout(visit, by, "Work that needs attention", ATTENTION);
    show_with(status, &AttentionPage { layout, banner, alarms, items })
}

done! {
    /// What was done with a piece of work.
    WorkDone {
        TriedAgain "again": "It is being tried again. If it fails again, it comes back here.",
        GivenUp "given-up": "It was given up and will not be tried again.",
    }
}

/// GET /casework/attention
pub async fn page(Shared(app): Shared<App>, visit: Visit, by: CaseWorker, uri: axum::http::Uri) -> Answer {
    show(&app, &visit, &by, StatusCode::OK, done::banner::<WorkDone>(&uri)).await
}

/// POST /casework/attention/{id}/try-again
pub async fn try_again(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
) -> Answer {
    let permit = permit::<deed::RunService>(&by, Subject::Service)?;
    let outcome = moves::try_work_again(&app, permit, id).await;
    changed(&app, &visit, &by, outcome, WorkDone::TriedAgain).await
}

/// POST /casework/attention/{id}/give-up
pub async fn give_up(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
) -> Answer {
    let permit = permit::<deed::RunService>(&by, Subject::Service)?;
    let outcome = moves::give_up_work(&app, permit, id).await;
    changed(&app, &visit, &by, outcome, WorkDone::GivenUp).await
}

async fn changed(
    app: &App,
    visit: &Visit,
    by: &CaseWorker,
    outcome: Result<(), NotDone<Refusal>>,
    done: WorkDone,
) -> Answer {
    let (heading, words) = match without_faults(outcome)? {
        Ok(()) => return go_to(done::address(ATTENTION, done)),
        Err(Declined::Conflict(conflict)) => ("Somebody else was faster", conflict.words),
        Err(Declined::Refusal(refusal)) => ("Nothing was changed", refusal.words()),
    };
    show(app, visit, by, StatusCode::CONFLICT, Some(not_done(heading, &words))).await
}
