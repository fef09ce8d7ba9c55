//! The mail server: whether it holds what the directory says, and shared mailboxes whose mail nobody
//! reads.

use super::{ATTENTION, SITES, fact, layout, named_table, permit, wrapped};
use crate::app::App;
use crate::directory::moves;
use crate::directory::upkeep::Repair;
use crate::directory::upkeep::store::{self as upkeep, Comparison, Listed, UNREAD_MAX, Unread, Waiting};
use crate::outbox::store::bulk::{self, Progress};
use crate::sign_in::CaseWorker;
use crate::sign_in::authority::{Subject, deed};
use crate::web::components::{Html, NotificationBanner, SummaryList, Table, TableCell};
use crate::web::done::{self, done};
use crate::web::form::counted;
use crate::web::page::show_with;
use crate::web::{Answer, Form, Layout, Visit, go_to};
use axum::extract::State as Shared;
use axum::http::{StatusCode, Uri};

/// Where this page is.
const MAIL: &str = "/casework/mail";

#[derive(askama::Template)]
#[template(path = "casework/pages/mail.html")]
pub struct MailPage {
    pub layout: Layout,
    pub banner: Option<NotificationBanner>,
    pub form: Form,
    pub newest: Option<SummaryList>,
    /// A comparison that waits; there is never a second one.
    pub waiting: Option<Waiting>,
    /// Not while one waits, unless that one failed and might be tried sooner.
    pub can_ask: bool,
    pub differences: Option<Table>,
    /// That there are more differences than are shown.
    pub not_shown: String,
    pub any_unknown: bool,
    /// "2 working days"
    pub alarm: String,
    pub unread: Option<Table>,
    pub more_unread: bool,
    pub unread_max: usize,
}

/// What has become of everything that was found.
fn outcome(listed: &[Listed]) -> String {
    let parts: Vec<String> = [
        (Some(Repair::Done), "set up again"),
        (Some(Repair::UnderWay), "being set up again"),
        (Some(Repair::NotDone), "could not be set up again"),
        (None, "unknown, to be looked at"),
    ]
    .into_iter()
    .map(|(repair, words)| (listed.iter().filter(|one| one.repaired() == repair).count(), words))
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{count} {words}"))
    .collect();
    if parts.is_empty() { "Nothing differed".to_owned() } else { parts.join("; ") }
}

/// How far mailboxes have been set up again.
fn repaired(repair: &Progress) -> String {
    let failed = match repair.failed {
        0 => String::new(),
        some => format!("; {some} could not be set up again"),
    };
    format!("{} of {} done{failed}", repair.done, repair.total)
}

fn newest(comparison: &Comparison, listed: &[Listed], repair: Option<&Progress>) -> SummaryList {
    let ended = comparison.ended_at.unwrap_or(comparison.begun_at);
    let differed = match comparison.differences {
        0 => "None".to_owned(),
        some => some.to_string(),
    };
    let mut rows = vec![
        fact("Last compared", ended.in_words()),
        fact("Mailboxes", comparison.mailboxes.to_string()),
        fact("Differences", differed),
        fact("Outcome", outcome(listed)),
    ];
    if let Some(repair) = repair {
        rows.push(fact("Being set up again", repaired(repair)));
    }
    SummaryList { rows, ..Default::default() }
}

/// What was done about a difference, or what a person can do.
fn done_about(repaired: Option<Repair>) -> &'static str {
    match repaired {
        Some(Repair::Done) => "It was set up again",
        Some(Repair::UnderWay) => "It is being set up again",
        Some(Repair::NotDone) => "It could not be set up again: look at the work that needs attention",
        None => "Nothing. Find out whose it is; the operator can remove it",
    }
}

/// A mailbox by its address, or by its identifier where it has none, linked where we know its site.
#[derive(askama::Template)]
#[template(
    source = r#"{% if let Some(site) = site %}<a class="app-wrap" href="{{ SITES }}/{{ site }}">{{ called }}</a>{% else %}<span class="app-wrap">{{ called }}</span>{% endif %}"#,
    ext = "html"
)]
struct Mailbox<'a> {
    called: &'a str,
    site: Option<&'a str>,
}
impl askama::filters::HtmlSafe for Mailbox<'_> {}

fn differences(listed: &[Listed]) -> Table {
    let rows = listed
        .iter()
        .map(|one| {
            let found = &one.found;
            let called = if found.address.is_empty() { &found.mailbox_id } else { &found.address };
            let mailbox = Mailbox { called, site: one.site_id.as_deref() };
            vec![
                TableCell { html: Some(Html::of(&mailbox)), ..Default::default() },
                found.difference.in_words().into(),
                done_about(one.repaired()).into(),
            ]
        })
        .collect();
    named_table("What differed, by address", ["Mailbox", "What differed", "What was done"], rows)
}

fn unread_table(lines: &[Unread]) -> Table {
    let rows = lines
        .iter()
        .map(|line| {
            let told = match (line.owners, line.told_at) {
                (0, _) => "Nobody: no owner has an active account".to_owned(),
                (_, None) => "Not yet".to_owned(),
                (_, Some(at)) => at.in_words(),
            };
            vec![
                TableCell {
                    text: line.site.clone(),
                    href: format!("{SITES}/{}", line.site_id),
                    ..Default::default()
                },
                wrapped(&line.address),
                line.count.to_string().into(),
                line.counted_at.in_words().into(),
                told.into(),
            ]
        })
        .collect();
    named_table(
        "Shared mailboxes with old unread mail, most messages first",
        ["Site", "Shared mailbox", "Messages", "Counted", "Owners last told"],
        rows,
    )
}

done! {
    /// What was done on the page of the mail server.
    MailDone { ComparisonAsked "asked": "You have asked for a comparison. It starts within a minute.", }
}

/// GET /casework/mail
pub async fn page(Shared(app): Shared<App>, visit: Visit, by: CaseWorker, uri: Uri) -> Answer {
    let comparison = upkeep::newest_comparison(&app.database).await?;
    let listed = upkeep::list_differences(&app.database).await?;
    let mut unread = upkeep::list_unread(&app.database).await?;
    let more_unread = unread.len() > UNREAD_MAX;
    unread.truncate(UNREAD_MAX);
    let differed =
        comparison.as_ref().map_or(0, |comparison| usize::try_from(comparison.differences).unwrap_or(0));
    let waiting = upkeep::waiting_comparison(&app.database).await?;
    let repair = bulk::newest(&app.database, upkeep::REPAIR).await?;
    let repair = repair.filter(|repair| repair.finished_at.is_none() && repair.total > 0);
    let template = MailPage {
        layout: layout(&visit, &by, "Mail server", ATTENTION).back_to(ATTENTION),
        banner: done::banner::<MailDone>(&uri),
        form: visit.empty_form(),
        newest: comparison.as_ref().map(|comparison| newest(comparison, &listed, repair.as_ref())),
        can_ask: waiting.as_ref().is_none_or(|waiting| !waiting.reason.is_empty()),
        waiting,
        differences: (!listed.is_empty()).then(|| differences(&listed)),
        not_shown: match differed > listed.len() {
            true => format!("Only {} of {differed} are shown.", listed.len()),
            false => String::new(),
        },
        any_unknown: listed.iter().any(|one| one.repaired().is_none()),
        alarm: counted(usize::from(app.settings.unread_alarm_days), "working day", "working days"),
        unread: (!unread.is_empty()).then(|| unread_table(&unread)),
        more_unread,
        unread_max: UNREAD_MAX,
    };
    show_with(StatusCode::OK, &template)
}

/// POST /casework/mail/compare
pub async fn compare(Shared(app): Shared<App>, by: CaseWorker) -> Answer {
    let permit = permit::<deed::RunService>(&by, Subject::Service)?;
    let asked = moves::compare_mail(&app, permit).await?;
    // Where one waited already, the page says so.
    go_to(if asked { done::address(MAIL, MailDone::ComparisonAsked) } else { MAIL.to_owned() })
}
