//! The registers: of which day they are, what the last imports changed and rejected, and the imports that
//! wait until two case workers have released them.

use super::{ATTENTION, REGISTERS, fact, layout, named_table, not_done, permit, wrapped};
use crate::app::App;
use crate::casework::moves::{self, Refusal, ReleasedImport};
use crate::clock::Day;
use crate::outbox::outcome::{Declined, NotDone, without_faults};
use crate::register::import::{self, Details, ImportKind};
use crate::register::store::{self, HeldImport, HeldState, PastImport};
use crate::sign_in::CaseWorker;
use crate::sign_in::authority::{Subject, deed};
use crate::web::components::{NotificationBanner, SummaryList, Table, TableCell};
use crate::web::done::{self, done};
use crate::web::page::show_with;
use crate::web::{Answer, Form, Interrupt, Layout, Visit, go_to};
use axum::extract::{Path, State as Shared};
use axum::http::{StatusCode, Uri};

/// How many past imports are shown.
const IMPORTS_SHOWN: usize = 20;

#[derive(askama::Template)]
#[template(path = "casework/pages/registers.html")]
pub struct RegistersPage {
    pub layout: Layout,
    pub waiting: Option<Table>,
    pub registers: Table,
    pub imports: Option<Table>,
    /// What was rejected by, or odd in, the last import of each register.
    pub problems: Vec<(String, Vec<String>)>,
}

#[derive(askama::Template)]
#[template(path = "casework/pages/held_import.html")]
pub struct HeldImportPage {
    pub layout: Layout,
    pub banner: Option<NotificationBanner>,
    pub state: String,
    /// The heading of what it would do, or did.
    pub what: &'static str,
    pub reasons: Vec<String>,
    pub facts: SummaryList,
    pub lists: Vec<(String, Vec<String>)>,
    pub is_waiting: bool,
    /// Not for whoever has released it already, and not where another import has changed the register.
    pub can_release: bool,
    pub path: String,
    pub form: Form,
}

fn in_words(kind: &str) -> String {
    ImportKind::parse(kind).map_or_else(|_| kind.to_owned(), |kind| kind.in_words().to_owned())
}

fn day(day: Option<Day>) -> String {
    day.map_or_else(|| "Not known".to_owned(), |day| day.to_string())
}

fn details(report: &str) -> Details {
    serde_json::from_str(report).unwrap_or_default()
}

fn link(text: String, href: String) -> TableCell {
    TableCell { text, href, ..Default::default() }
}

fn waiting_table(held: &[HeldImport]) -> Table {
    let rows = held
        .iter()
        .map(|import| {
            let by = if import.first_by.is_some() { "One more case worker" } else { "Two case workers" };
            vec![
                link(in_words(&import.kind), format!("{REGISTERS}/{}", import.id)),
                wrapped(&import.file_name),
                import.held_at.in_words().into(),
                by.into(),
            ]
        })
        .collect();
    named_table("Imports that wait, oldest first", ["Register", "File", "Waits since", "Waits for"], rows)
}

fn imports_table(past: &[PastImport]) -> Table {
    let rows = past
        .iter()
        .take(IMPORTS_SHOWN)
        .map(|import| {
            vec![
                format!("{} {}", import.number, in_words(&import.kind)).into(),
                wrapped(&import.file_name),
                day(import.data_date).into(),
                import.finished_at.in_words().into(),
                import.rows.to_string().into(),
                import.applied.to_string().into(),
                import.closed.to_string().into(),
                import.rejected.to_string().into(),
            ]
        })
        .collect();
    named_table(
        "Last imports, newest first",
        ["Import", "File", "Data of", "Imported", "Rows", "Changed", "Closed", "Rejected"],
        rows,
    )
}

/// What could not be read of a file, in lines.
fn problems(details: &Details) -> Vec<String> {
    let rejected = details.rejections.iter().map(|one| format!("Line {}: {}", one.line, one.reason));
    let odd = details.odd.iter().map(|one| format!("Line {}, {}: {}", one.line, one.field, one.why));
    rejected.chain(odd).collect()
}

/// GET /casework/registers
pub async fn page(Shared(app): Shared<App>, visit: Visit, by: CaseWorker) -> Answer {
    let database = &app.database;
    let held = store::held_imports(database).await?;
    let counts = store::register_counts(database).await?;
    let last = store::last_imports(database).await?;
    let past = store::past_imports(database).await?;
    let of_kind = |kind: ImportKind| last.iter().find(|import| import.kind == kind.name());
    let rows = ImportKind::ALL
        .into_iter()
        .zip(counts)
        .map(|(kind, count)| {
            let last = of_kind(kind);
            vec![
                kind.in_words().into(),
                last.map_or_else(|| "–".to_owned(), |import| day(import.data_date)).into(),
                count.rows.to_string().into(),
                count.gone.to_string().into(),
                last.map_or_else(|| "Never".to_owned(), |import| import.finished_at.in_words()).into(),
            ]
        })
        .collect();
    let registers =
        named_table("Registers", ["Register", "Data of", "Rows", "No longer listed", "Last import"], rows);
    let problems = ImportKind::ALL
        .into_iter()
        .filter_map(|kind| Some((kind, problems(&details(&of_kind(kind)?.report)))))
        .filter(|(_, lines)| !lines.is_empty())
        .map(|(kind, lines)| (format!("{}: what could not be read", kind.in_words()), lines))
        .collect();
    let template = RegistersPage {
        layout: layout(&visit, &by, "Registers", ATTENTION).back_to(ATTENTION),
        waiting: (!held.is_empty()).then(|| waiting_table(&held)),
        registers,
        imports: (!past.is_empty()).then(|| imports_table(&past)),
        problems,
    };
    show_with(StatusCode::OK, &template)
}

done! {
    /// What was done with an import that waits.
    ImportDone {
        FirstOfTwo "released": "You have released this import. It waits for another case worker to release it.",
        Imported "imported": "The import has been released and is in use.",
        Discarded "discarded": "The import has been discarded. Nothing was changed.",
    }
}

/// GET /casework/registers/{id}
pub async fn held(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
    uri: Uri,
) -> Answer {
    show(&app, &visit, &by, &id, StatusCode::OK, done::banner::<ImportDone>(&uri)).await
}

async fn name_of(app: &App, stored: &str) -> Result<String, crate::database::Error> {
    let Some(id) = stored.strip_prefix("case worker ") else { return Ok(stored.to_owned()) };
    let found = crate::sign_in::store::case_worker(&app.database, id).await?;
    Ok(found.map_or_else(|| stored.to_owned(), |person| person.name))
}

async fn show(
    app: &App,
    visit: &Visit,
    by: &CaseWorker,
    id: &str,
    status: StatusCode,
    banner: Option<NotificationBanner>,
) -> Answer {
    let held = store::held_import(&app.database, id).await?.ok_or_else(Interrupt::not_found)?;
    let details = details(&held.report);
    let is_current = import::is_current(&app.database, &held).await?;
    let is_waiting = held.state == HeldState::Waiting;
    let first = match &held.first_by {
        Some(first) => Some(name_of(app, first).await?),
        None => None,
    };
    let ended = match (&held.ended_by, held.ended_at) {
        (Some(ended), Some(at)) => format!(" by {} on {}", name_of(app, ended).await?, at.in_words()),
        (Some(_) | None, _) => String::new(),
    };
    let own = crate::audit::Actor::CaseWorker(by.id.clone()).stored();
    let is_own = held.first_by.as_ref() == Some(&own);
    let state = match (held.state, &first) {
        (HeldState::Released, _) => format!("Released{ended}."),
        (HeldState::Discarded, _) => format!("Discarded{ended}. Nothing was changed."),
        (HeldState::Waiting, _) if !is_current => {
            "Another import has changed this register since. Discard this one and have the file imported again.".to_owned()
        }
        (HeldState::Waiting, Some(first)) => {
            format!("Released by {first}. It waits for another case worker to release it.")
        }
        (HeldState::Waiting, None) => "It waits for two case workers to release it.".to_owned(),
    };
    let (title, what) = match held.state {
        HeldState::Waiting => ("Import that waits", "What it would do"),
        HeldState::Released => ("Import that waited", "What it did"),
        HeldState::Discarded => ("Import that waited", "What it would have done"),
    };
    let filed = held.figures();
    let facts = SummaryList {
        rows: vec![
            fact("Register", in_words(&held.kind)),
            fact("File", held.file_name.clone()),
            fact("Started by", filed.by_whom),
            fact("Waits since", held.held_at.in_words()),
            fact("Data of", filed.data_date.unwrap_or_else(|| "Not known".to_owned())),
            fact("Rows", filed.rows.to_string()),
            fact("Changed or new", filed.applied.to_string()),
            fact("Unchanged", filed.unchanged.to_string()),
            fact("Rejected", filed.rejected.to_string()),
            fact("Closed or no longer listed", format!("{} of {}", filed.closed, details.present)),
            fact(
                "Given other contacts",
                format!("{} of {}", details.contacts_changed, details.with_contacts),
            ),
            fact("Given the same new contact", details.same_new_contact.to_string()),
            fact("SHA-256 of the file", held.sha256.clone()),
        ],
        ..Default::default()
    };
    let closed = details.closed.iter().map(|(code, name)| format!("{code} {name}").trim().to_owned());
    let lists = [
        ("Closed or no longer listed, the first few", closed.collect()),
        ("Given other contacts, the first few", details.changed.clone()),
        ("What could not be read, the first few", problems(&details)),
    ]
    .into_iter()
    .filter(|(_, lines): &(&str, Vec<String>)| !lines.is_empty())
    .map(|(heading, lines)| (heading.to_owned(), lines))
    .collect();
    let template = HeldImportPage {
        layout: layout(visit, by, title, ATTENTION).back_to(REGISTERS),
        banner,
        state,
        what,
        reasons: details.waits_because,
        facts,
        lists,
        is_waiting,
        can_release: is_waiting && is_current && !is_own,
        path: format!("{REGISTERS}/{id}"),
        form: visit.empty_form(),
    };
    show_with(status, &template)
}

/// POST /casework/registers/{id}/release
pub async fn release(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
) -> Answer {
    known(&app, &id).await?;
    let permit = permit::<deed::ReleaseImport>(&by, Subject::Service)?;
    let outcome = moves::release_import(&app, permit, id.clone()).await;
    let outcome = outcome.map(|released| match released {
        ReleasedImport::WaitsForAnother => ImportDone::FirstOfTwo,
        ReleasedImport::Imported => ImportDone::Imported,
    });
    ended(&app, &visit, &by, &id, outcome).await
}

/// POST /casework/registers/{id}/discard
pub async fn discard(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
) -> Answer {
    known(&app, &id).await?;
    let permit = permit::<deed::ReleaseImport>(&by, Subject::Service)?;
    let outcome = moves::discard_import(&app, permit, id.clone()).await;
    ended(&app, &visit, &by, &id, outcome.map(|()| ImportDone::Discarded)).await
}

async fn known(app: &App, id: &str) -> Result<(), Interrupt> {
    store::held_import(&app.database, id).await?.map(drop).ok_or_else(Interrupt::not_found)
}

async fn ended(
    app: &App,
    visit: &Visit,
    by: &CaseWorker,
    id: &str,
    outcome: Result<ImportDone, NotDone<Refusal>>,
) -> Answer {
    let (heading, words) = match without_faults(outcome)? {
        Ok(done) => return go_to(done::address(&format!("{REGISTERS}/{id}"), done)),
        Err(Declined::Conflict(conflict)) => ("Nothing was changed", conflict.words),
        Err(Declined::Refusal(refusal)) => ("Nothing was changed", refusal.words()),
    };
    show(app, visit, by, id, StatusCode::CONFLICT, Some(not_done(heading, &words))).await
}
