//! The queue: what waits for a case worker, the oldest due first.

use super::{Due, QUEUE, layout, named_table, state_tag, tag, wrapped};
use crate::app::App;
use crate::casework::store::{self, CaseLine, CaseOf, Filter};
use crate::clock::Timestamp;
use crate::database::page::Page;
use crate::directory;
use crate::id::Reference;
use crate::outbox;
use crate::registration::RegistrationStateKind;
use crate::service_desk::{self, EnquiryState};
use crate::sign_in::CaseWorker;
use crate::web::components::{Html, Pagination, SearchInput, Table, TableCell, Tag, TagColour};
use crate::web::form::{counted, encoded, query};
use crate::web::paging;
use crate::web::{Answer, Interrupt, Layout, Problems, Visit, show as show_page};
use axum::extract::State as Shared;

/// Longest reason in the table, in characters: two lines; the case page has all of it.
const WHY_LETTERS_MAX: usize = 110;
/// Longest text that is searched for, in characters; the longest name of a site has about 150.
const SEARCH_LETTERS_MAX: usize = 200;

/// A way to look at the queue.
pub struct Way {
    pub href: String,
    pub words: String,
    pub is_current: bool,
}

#[derive(askama::Template)]
#[template(path = "casework/pages/queue.html")]
pub struct QueuePage {
    pub layout: Layout,
    pub summary: String,
    /// Work that needs a person, in words; empty where there is none.
    pub attention: String,
    /// What is frozen, in words; empty where nothing is.
    pub frozen: String,
    pub ways: Vec<Way>,
    pub search: SearchInput,
    /// What was searched for; empty on the pages of the queue.
    pub typed: String,
    pub cases: Option<Table>,
    pub nothing: &'static str,
    pub pagination: Option<Pagination>,
}

/// GET /casework
pub async fn page(Shared(app): Shared<App>, visit: Visit, by: CaseWorker, uri: axum::http::Uri) -> Answer {
    let fields = query(&uri);
    let now = app.clock.now();
    let filter = Filter::from_slug(fields.text("show")).unwrap_or(Filter::ToDo);
    let seek = paging::seek(&fields);
    let typed: String = fields.text("q").chars().take(SEARCH_LETTERS_MAX).collect();
    let (to_do, late) = store::count_to_do(&app.database, now).await?;
    let (_, attention) = outbox::store::count_unfinished(&app.database).await?;
    let page = if typed.is_empty() {
        store::list_queue(&app.database, filter, &seek).await?
    } else {
        Page { rows: search(&app, &typed).await?, previous: None, next: None }
    };
    let lines = &page.rows;
    let title = if typed.is_empty() { filter.in_words() } else { "Cases found" };
    let heading = if page.previous.is_some() { format!("{title} (continued)") } else { title.to_owned() };
    let template = QueuePage {
        layout: layout(&visit, &by, &heading, QUEUE),
        summary: summary(to_do, late),
        attention: attention_words(attention),
        frozen: frozen_words(directory::store::count_freezes(&app.database).await?),
        ways: Filter::ALL
            .into_iter()
            .map(|way| Way {
                href: address(way),
                words: if way == Filter::ToDo {
                    format!("To do ({to_do})")
                } else {
                    way.in_words().to_owned()
                },
                is_current: typed.is_empty() && way == filter,
            })
            .collect(),
        search: SearchInput {
            name: "q".to_owned(),
            label: "Find a case".into(),
            hint: Some(
                "A reference, ODS code, CQC location ID, postcode, or the whole name of the site".into(),
            ),
            value: typed.clone(),
            ..Default::default()
        },
        cases: (!lines.is_empty()).then(|| table(lines, title, now)),
        nothing: nothing(filter, &typed),
        pagination: pagination(filter, &page),
        typed,
    };
    show_page(&template, &Problems::none())
}

fn address(filter: Filter) -> String {
    format!("{QUEUE}?show={}", encoded(filter.slug()))
}

fn pagination(filter: Filter, page: &Page<CaseLine, Timestamp>) -> Option<Pagination> {
    let words = match filter {
        Filter::ToDo | Filter::Waiting | Filter::Enquiries => ["Cases due earlier", "Cases due later"],
        Filter::Ended => ["Cases that ended later", "Cases that ended earlier"],
    };
    paging::links(&address(filter), page, "Pages of the queue", words)
}

/// "12 cases to do, 3 of them late."
fn summary(to_do: i64, late: i64) -> String {
    let cases = counted(usize::try_from(to_do).unwrap_or(0), "case", "cases");
    match late {
        0 => format!("{cases} to do, none late."),
        late => format!("{cases} to do, {late} late."),
    }
}

fn attention_words(count: i64) -> String {
    match count {
        0 => String::new(),
        1 => "1 piece of work needs attention".to_owned(),
        count => format!("{count} pieces of work need attention"),
    }
}

/// A freeze is looked into the same day, so it stands above the cases.
fn frozen_words(count: i64) -> String {
    match count {
        0 => String::new(),
        1 => "Urgent: 1 site or account is frozen".to_owned(),
        count => format!("Urgent: {count} sites and accounts are frozen"),
    }
}

fn nothing(filter: Filter, typed: &str) -> &'static str {
    if !typed.is_empty() {
        return "Nothing found. Check each letter. The name of a site must be the whole name, as CQC writes it.";
    }
    match filter {
        Filter::ToDo => "Nothing to do. Well done.",
        Filter::Waiting => "No case waits for anybody else.",
        Filter::Enquiries => "There are no open enquiries.",
        Filter::Ended => "No case has ended yet.",
    }
}

/// What was typed, in the ways it may be stored: a reference however it was typed, the text, a
/// postcode with its space.
fn as_stored(typed: &str) -> Vec<String> {
    if let Some(reference) = Reference::parse(typed) {
        return vec![reference.to_string()];
    }
    let text = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let mut ways = vec![text];
    if (5..=7).contains(&plain.len()) && ends_as_postcode(&plain) {
        let (outward, inward) = plain.split_at(plain.len() - 3);
        ways.push(format!("{outward} {inward}"));
    }
    ways
}

/// The cases that are stored in one of these ways.
async fn search(app: &App, typed: &str) -> Result<Vec<CaseLine>, Interrupt> {
    for way in as_stored(typed) {
        let found = store::search(&app.database, &way).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// Whether a text ends as every postcode does: a digit and two letters, after a letter and a digit.
fn ends_as_postcode(plain: &str) -> bool {
    let bytes = plain.as_bytes();
    bytes.is_ascii()
        && bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && match bytes {
            [outward @ .., digit, one, two] => {
                digit.is_ascii_digit()
                    && one.is_ascii_alphabetic()
                    && two.is_ascii_alphabetic()
                    && outward.iter().any(u8::is_ascii_digit)
            }
            _ => false,
        }
}

/// Where a case opens.
fn href(line: &CaseLine) -> String {
    match line.case {
        CaseOf::Enquiry(..) => service_desk::path(&line.id),
        CaseOf::Registration(_) => format!("/casework/cases/{}", line.id),
    }
}

/// Why a case is here, in a line or two.
fn why(line: &CaseLine) -> String {
    match &line.case {
        CaseOf::Registration(state) => match state {
            RegistrationStateKind::Referred if line.because.is_empty() => {
                "For a case worker to decide".to_owned()
            }
            RegistrationStateKind::Referred => shortened(&line.because),
            RegistrationStateKind::Submitted | RegistrationStateKind::Checking => {
                "The registers are being asked".to_owned()
            }
            RegistrationStateKind::MoreInformationAsked => {
                "The registrant has been asked something".to_owned()
            }
            RegistrationStateKind::Draft
            | RegistrationStateKind::Approved
            | RegistrationStateKind::Provisioning
            | RegistrationStateKind::Live
            | RegistrationStateKind::Ineligible
            | RegistrationStateKind::Declined
            | RegistrationStateKind::Withdrawn
            | RegistrationStateKind::Expired
            | RegistrationStateKind::Stopped => String::new(),
        },
        CaseOf::Enquiry(_, EnquiryState::Open) if line.because.is_empty() => {
            "Somebody waits for an answer".to_owned()
        }
        CaseOf::Enquiry(_, EnquiryState::Open) => format!("{} looks after it", line.because),
        CaseOf::Enquiry(_, EnquiryState::Closed) => String::new(),
    }
}

/// Whether somebody still waits for something.
fn is_open(case: &CaseOf) -> bool {
    match case {
        CaseOf::Registration(state) => state.is_undecided(),
        CaseOf::Enquiry(_, EnquiryState::Open) => true,
        CaseOf::Enquiry(_, EnquiryState::Closed) => false,
    }
}

/// What a case is and where it is, in words and as a tag.
fn kind_and_state(case: &CaseOf) -> (&'static str, Tag) {
    match case {
        CaseOf::Registration(state) => ("Registration", state_tag(*state)),
        CaseOf::Enquiry(kind, state) => (kind.in_words(), state.tag()),
    }
}

/// A text cut after a whole word.
fn shortened(text: &str) -> String {
    if text.chars().count() <= WHY_LETTERS_MAX {
        return text.to_owned();
    }
    let cut: String = text.chars().take(WHY_LETTERS_MAX).collect();
    let end = cut.rfind(' ').unwrap_or(cut.len());
    format!("{}…", cut[..end].trim_end_matches([',', '.', ';', ':', ' ']))
}

/// A state with why the case is in it.
#[derive(askama::Template)]
#[template(
    source = r#"{{ state }}{% if high_risk %} {{ risk }}{% endif %}{% if !why.is_empty() %}<br>{{ why }}{% endif %}"#,
    ext = "html"
)]
struct Why {
    state: Tag,
    high_risk: bool,
    risk: Tag,
    why: String,
}
impl askama::filters::HtmlSafe for Why {}

fn table(lines: &[CaseLine], title: &str, now: Timestamp) -> Table {
    let rows = lines
        .iter()
        .map(|line| {
            let is_open = is_open(&line.case);
            let (kind, state) = kind_and_state(&line.case);
            let why = Why {
                state,
                high_risk: line.high_risk && is_open,
                risk: tag("High risk", TagColour::Red),
                why: why(line),
            };
            let due = Due::new(line.due_at, now, is_open);
            vec![
                TableCell {
                    text: line.reference.clone(),
                    href: href(line),
                    classes: "app-nowrap".to_owned(),
                    ..Default::default()
                },
                wrapped(&line.title),
                kind.into(),
                TableCell { html: Some(Html::of(&why)), ..Default::default() },
                line.asked_at.in_words().into(),
                TableCell { html: Some(Html::of(&due)), ..Default::default() },
            ]
        })
        .collect();
    let head = ["Reference", "Site or organisation", "Kind", "Why it is here", "Asked", "Due"];
    named_table(title, head, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_looked_for_as_it_is_stored() {
        let reference = Reference::new();
        let spoken = reference.as_str().to_lowercase().replace("cp-", "").replace('-', " ");
        assert_eq!(as_stored(&spoken), [reference.as_str()]);
        let check = |typed: &str, expect: &[&str]| assert_eq!(as_stored(typed), expect, "{typed}");
        check("ol83na", &["ol83na", "ol8 3na"]);
        check("OL8  3NA", &["OL8 3NA", "OL8 3NA"]);
        check("VN4F6", &["VN4F6"]);
        check("V12AB", &["V12AB", "V1 2AB"]);
        check("1-530528300", &["1-530528300"]);
        check("  Rose   Court ", &["Rose Court"]);
        check("", &[""]);
    }

    #[test]
    fn a_long_reason_is_cut_after_a_word() {
        assert_eq!(shortened("Two words."), "Two words.");
        let long = shortened(&"word ".repeat(60));
        assert!(long.ends_with("word…") && long.chars().count() <= WHY_LETTERS_MAX + 1, "{long}");
    }

    #[test]
    fn counts_read_as_people_say_them() {
        assert_eq!(summary(0, 0), "0 cases to do, none late.");
        assert_eq!(summary(1, 1), "1 case to do, 1 late.");
        assert_eq!(attention_words(2), "2 pieces of work need attention");
    }
}
