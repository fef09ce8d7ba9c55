//! The page of a registration as a case: answers beside what the registers say, notes, decisions.

use super::history::{self, History};
use super::notes::{self, NOTE, NoteLine};
use super::{
    Due, QUEUE, VERSION, fact, html_fact, layout, not_done, note_opened, permit, state_tag, tag,
    text_problem, version_of,
};
use crate::app::App;
use crate::casework::moves::{self, Approved, Refusal};
use crate::casework::store;
use crate::clock::Timestamp;
use crate::directory;
use crate::outbox::outcome::{Declined, without_faults};
use crate::outbox::transitions::Transition;
use crate::register::{Code, CqcLocationId, Finding, Register};
use crate::registration::answers::Proof;
use crate::registration::checks::{self, Outcome, RegisterCheck};
use crate::registration::store as registrations;
use crate::registration::summary::{Section, sections};
use crate::registration::{Forgotten, Registration, RegistrationMove, RegistrationState, Stored};
use crate::service_desk;
use crate::sign_in::CaseWorker;
use crate::sign_in::authority::{Subject, deed};
use crate::web::components::{
    Heading, Html, NotificationBanner, SummaryList, SummaryListRow, Tag, TagColour, Textarea, WarningCallout,
};
use crate::web::done::{self, done};
use crate::web::page::show_with;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to};
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;

/// The field that says which button was pressed.
const DO: &str = "do";

/// What can be done with a case, by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actions {
    pub approval: Approval,
    pub can_ask: bool,
    pub can_decline: bool,
}

/// Whether somebody can approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// With effect at once.
    Now,
    /// As the first of two.
    FirstOfTwo,
    /// As the second of two, with effect.
    SecondOfTwo,
    /// This person has approved; somebody else must, too.
    WaitsForSecond,
    /// The registers have not all answered.
    WaitsForRegisters,
    /// It has been decided, or has ended.
    Over,
}

impl Actions {
    /// What one case worker can do, where these people have approved already: what the table of moves
    /// has from here.
    pub fn of(state: &RegistrationState, high_risk: bool, approvers: &[(String, String)], me: &str) -> Self {
        let kind = state.kind();
        let can = |verb: RegistrationMove| verb.leads(kind).is_some();
        let approval = if can(RegistrationMove::Approve) {
            match (high_risk, approvers.iter().any(|(id, _)| id == me), approvers.is_empty()) {
                (false, _, _) => Approval::Now,
                (true, true, _) => Approval::WaitsForSecond,
                (true, false, true) => Approval::FirstOfTwo,
                (true, false, false) => Approval::SecondOfTwo,
            }
        } else if kind.is_undecided() {
            Approval::WaitsForRegisters
        } else {
            Approval::Over
        };
        Actions {
            approval,
            can_ask: can(RegistrationMove::AskForMore),
            can_decline: can(RegistrationMove::Decline),
        }
    }

    pub fn can_approve(self) -> bool {
        match self.approval {
            Approval::Now | Approval::FirstOfTwo | Approval::SecondOfTwo => true,
            Approval::WaitsForSecond | Approval::WaitsForRegisters | Approval::Over => false,
        }
    }

    /// What stands over the buttons; empty where the button says it all.
    pub fn words(self) -> &'static str {
        match self.approval {
            Approval::Now => "",
            Approval::FirstOfTwo => {
                "If you approve, a second, different case worker must approve, too, before anything is set up."
            }
            Approval::SecondOfTwo => {
                "You are the second person. If you approve, the mailboxes are set up at once."
            }
            Approval::WaitsForSecond => "You have approved this case. It waits for a second case worker.",
            Approval::WaitsForRegisters => {
                "You can approve when the registers have answered. They are asked again by themselves."
            }
            Approval::Over => "",
        }
    }
}

/// The number to call: as CQC publishes it now, or as it did when the registration was sent.
fn to_call(published: &str, noted: &str) -> String {
    let noted = if noted.chars().any(|letter| letter.is_ascii_digit()) { noted } else { "" };
    if published.is_empty() { noted.to_owned() } else { published.to_owned() }
}

/// Whom to call before approving.
pub struct Call {
    /// Empty where CQC publishes none.
    pub telephone: String,
    pub ask_for: String,
    pub when: String,
}

#[derive(askama::Template)]
#[template(path = "casework/pages/case.html")]
pub struct CasePage {
    pub layout: Layout,
    pub form: Form,
    pub banner: Option<NotificationBanner>,
    pub reference: String,
    pub site: String,
    pub version: i64,
    pub facts: SummaryList,
    pub high_risk: Option<WarningCallout>,
    pub call: Option<Call>,
    pub sections: Vec<Section>,
    /// When the registers were read; empty where it stands beside each check.
    pub read_at: String,
    pub to_look_at: SummaryList,
    pub passed: SummaryList,
    pub set_up: Option<SummaryList>,
    /// The page of the site, once it has joined.
    pub site_page: String,
    pub notes: Vec<NoteLine>,
    pub note: Textarea,
    pub actions: Actions,
    /// Checks that are not green, for whoever approves all the same.
    pub not_green: usize,
    pub history: History,
}

/// Loads a registration that is a case; drafts do not exist here, and of a case that ended long ago
/// there is only its reference.
///
/// # Errors
/// Not found, gone, or a fault.
pub async fn load(app: &App, id: &str) -> Result<Registration, Interrupt> {
    match registrations::find(&app.database, id).await?.ok_or_else(Interrupt::not_found)? {
        Stored::Sent(registration) => Ok(registration),
        Stored::Forgotten(forgotten) if forgotten.state.was_sent() => Err(deleted(app, &forgotten)),
        Stored::Draft(_) | Stored::Forgotten(_) => Err(Interrupt::not_found()),
    }
}

fn deleted(app: &App, forgotten: &Forgotten) -> Interrupt {
    let words = format!(
        "Registration {} ended as “{}”. What was sent is deleted {} days after a case ends without the site joining.",
        forgotten.reference,
        forgotten.state.in_words(),
        app.settings.ended_case_days
    );
    Interrupt::refused(StatusCode::GONE, "What was sent has been deleted", &words)
        .then(QUEUE, "Back to the queue")
}

done! {
    /// What was done with a case.
    CaseDone {
        Noted "note": "Your note was saved.",
        Approved "approved": "The registration is approved. The mailboxes are being set up and the registrant is told.",
        FirstOfTwo "first": "Your approval was saved. A second, different case worker must approve, too.",
        Asked "asked": "The registrant was asked. The case comes back when they answer.",
        Declined "declined": "The registration is declined and the registrant is told.",
    }
}

/// The address of a case that says what was done with it.
pub fn done_with(id: &str, done: CaseDone) -> String {
    done::address(&path_of(id), done)
}

/// Where a case is.
pub fn path_of(id: &str) -> String {
    format!("/casework/cases/{id}")
}

/// GET /casework/cases/{id}
pub async fn page(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
    uri: axum::http::Uri,
) -> Answer {
    let case = load(&app, &id).await?;
    note_opened(&app, &by, &case.id).await?;
    let banner = done::banner::<CaseDone>(&uri);
    show(&app, &visit, &by, case, StatusCode::OK, visit.empty_form(), banner).await
}

fn list(rows: Vec<SummaryListRow>) -> SummaryList {
    SummaryList { rows, ..Default::default() }
}

/// The first lines of the page: what it is, since when, why it is here.
fn facts(case: &Registration, now: Timestamp, telephone: &str) -> SummaryList {
    let is_open = case.state.is_undecided();
    let mut rows = vec![html_fact("State", Html::of(&state_tag(case.state.kind())))];
    rows.push(fact("Sent", case.submitted_at.in_words()));
    if is_open {
        rows.push(html_fact("Due", Html::of(&Due::new(case.due_at, now, is_open))));
    }
    if !case.referred_because.is_empty() {
        let key = if is_open { "Why it is here" } else { "Why it was here" };
        rows.push(fact(key, case.referred_because.clone()));
    }
    match &case.state {
        RegistrationState::MoreInformationAsked { question } => {
            rows.push(html_fact("Asked", Html::of(&super::Preline { text: question })));
        }
        RegistrationState::Declined { reason, words } => {
            rows.push(fact("Declined because", format!("{}: {}", reason.code(), reason.words())));
            if !words.is_empty() {
                rows.push(html_fact("In our own words", Html::of(&super::Preline { text: words })));
            }
        }
        RegistrationState::Submitted
        | RegistrationState::Checking
        | RegistrationState::Referred
        | RegistrationState::Approved
        | RegistrationState::Provisioning
        | RegistrationState::Live
        | RegistrationState::Withdrawn
        | RegistrationState::Stopped => {}
    }
    let telephone = if telephone.is_empty() { "CQC publishes none" } else { telephone };
    rows.push(fact("Telephone that CQC publishes", telephone));
    list(rows)
}

/// Who must approve, and who has.
fn high_risk_words(approvers: &[(String, String)]) -> String {
    let who: Vec<&str> = approvers.iter().map(|(_, name)| name.as_str()).collect();
    match who.as_slice() {
        [] => "Nobody has approved yet.".to_owned(),
        [one] => format!("{one} has approved. A second, different case worker must approve, too."),
        several => format!("{} have approved.", several.join(" and ")),
    }
}

/// One check with its evidence.
#[derive(askama::Template)]
#[template(path = "casework/pages/check.html")]
struct CheckPart {
    tag: Tag,
    words: String,
    code: &'static str,
    evidence: String,
    read_at: String,
}
impl askama::filters::HtmlSafe for CheckPart {}

/// When the checks were read, if all at the same time.
fn read_together(checks: &[RegisterCheck]) -> Option<Timestamp> {
    let first = checks.first()?.checked_at;
    checks.iter().all(|check| check.checked_at == first).then_some(first)
}

/// A check as a line; `with_time` where the others were read at other times.
fn check_row(check: &RegisterCheck, with_time: bool) -> SummaryListRow {
    let (colour, code) = match check.outcome {
        Outcome::Pass => (TagColour::Green, ""),
        Outcome::Fail(reason) => (TagColour::Red, reason.code()),
        Outcome::Warn => (TagColour::Yellow, ""),
        Outcome::HighRisk => (TagColour::Red, ""),
        Outcome::Unavailable => (TagColour::Grey, ""),
    };
    let part = CheckPart {
        tag: tag(check.outcome.in_words(), colour),
        words: check.words.clone(),
        code,
        evidence: check.evidence.clone(),
        read_at: if with_time { check.checked_at.in_words() } else { String::new() },
    };
    html_fact(check.check.in_words(), Html::of(&part))
}

/// The answers under headings that speak of the registrant and not to them.
fn answers(case: &Registration) -> Vec<Section> {
    let mut sections = sections(&case.answers, false, false);
    for section in &mut sections {
        section.heading = match section.heading {
            "You" => "Registrant",
            "Your site" => "Site",
            other => other,
        };
        for row in &mut section.list.rows {
            let words = match row.key.text.as_str() {
                "Your email address" => "Email address",
                "Proof that you may act for the site" => "Proof of authority",
                _ => continue,
            };
            row.key.text = words.to_owned();
        }
        for row in &mut section.list.rows {
            row.value.classes = "app-wrap".to_owned();
        }
    }
    sections
}

/// The number CQC publishes now, as imported; empty where there is none.
async fn cqc_telephone(app: &App, case: &Registration) -> String {
    let Ok(id) = CqcLocationId::parse(&case.answers.site.cqc_location_id) else { return String::new() };
    match app.imported.find(&Code::CqcLocation(id)).await {
        Ok(Finding::CqcLocation(location)) => location.telephone.unwrap_or_default(),
        Ok(Finding::NotFound | Finding::Ods(_) | Finding::CqcProvider(_) | Finding::Dspt(_)) | Err(_) => {
            String::new()
        }
    }
}

/// What the directory holds of the site once it has been opened.
async fn set_up(app: &App, case: &Registration) -> Result<Option<(String, SummaryList)>, Interrupt> {
    let Some(site) = directory::store::find_site_of_registration(&app.database, &case.id).await? else {
        return Ok(None);
    };
    let site_page = format!("{}/{}", super::SITES, site.id);
    let mut rows = Vec::new();
    if let Some(mailbox) = directory::store::find_shared_mailbox_of_site(&app.database, &site.id).await? {
        rows.push(fact("Shared mailbox", mailbox.address));
    }
    for person in
        directory::store::list_people(&crate::directory::Scope::All, &app.database, &site.id).await?
    {
        let name = format!("{} {}", person.first_name, person.last_name);
        rows.push(fact(&name, format!("{}, {}", person.address, person.state.in_words().to_lowercase())));
    }
    for row in &mut rows {
        row.value.classes = "app-wrap".to_owned();
    }
    Ok(Some((site_page, list(rows))))
}

/// The case's page with a status, what was typed into its form and a banner.
async fn show(
    app: &App,
    visit: &Visit,
    by: &CaseWorker,
    case: Registration,
    status: StatusCode,
    form: Form,
    banner: Option<NotificationBanner>,
) -> Answer {
    let all = registrations::list_checks(&app.database, &case.id).await?;
    let approvers = store::list_approvers(&app.database, &case.id).await?;
    let telephone = cqc_telephone(app, &case).await;
    let high_risk = case.high_risk || checks::is_high_risk(&all);
    let actions = Actions::of(&case.state, high_risk, &approvers, &by.id);
    let (passed, to_look_at): (Vec<_>, Vec<_>) = all.iter().partition(|check| check.outcome == Outcome::Pass);
    let together = read_together(&all);
    let rows = |checks: Vec<&RegisterCheck>| {
        checks.into_iter().map(|check| check_row(check, together.is_none())).collect::<Vec<_>>()
    };
    let call = match &case.answers.proof {
        Proof::CallBack { ask_for, when, telephone: noted, .. } if case.state.is_undecided() => Some(Call {
            telephone: to_call(&telephone, noted),
            ask_for: ask_for.to_string(),
            when: when.clone(),
        }),
        Proof::CallBack { .. } | Proof::ContactId { .. } | Proof::EmailedCode { .. } => None,
    };
    let high_risk = (high_risk && case.state.is_undecided()).then(|| WarningCallout {
        heading: Heading {
            text: "High risk: two different case workers must approve".to_owned(),
            level: Some(2),
            ..Default::default()
        },
        text: high_risk_words(&approvers),
        ..Default::default()
    });
    let (site_page, set_up) = set_up(app, &case).await?.unzip();
    let site_page = site_page.unwrap_or_default();
    let title = format!("{} {}", case.site_name(), case.reference);
    let template = CasePage {
        layout: layout(visit, by, &title, QUEUE).with_problems(&form).back_to(QUEUE),
        banner,
        reference: case.reference.to_string(),
        site: case.site_name().to_owned(),
        version: case.version,
        facts: facts(&case, app.clock.now(), &telephone),
        high_risk,
        call,
        sections: answers(&case),
        read_at: together.map_or_else(String::new, Timestamp::in_words),
        not_green: to_look_at.len(),
        to_look_at: list(rows(to_look_at)),
        passed: list(rows(passed)),
        set_up,
        site_page,
        notes: notes::of(app, &case.id).await?,
        note: form.lines(
            NOTE,
            "Add a note",
            "Only case workers read notes. Do not write anything about people who receive care.",
        ),
        actions,
        history: history::of(app, &case.id).await?,
        form,
    };
    show_with(status, &template)
}

/// POST /casework/cases/{id}: saves the note that was typed, if one was, and does what the button
/// says. The note comes first, so that nothing typed is lost whatever becomes of the rest.
pub async fn act(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
    fields: Fields,
) -> Answer {
    let case = load(&app, &id).await?;
    let wanted = fields.text(DO).to_owned();
    let missing = "Enter a note";
    let problem = text_problem(fields.text(NOTE), missing, "Note")
        .filter(|words| words != missing || !["approve", "ask", "decline"].contains(&wanted.as_str()));
    if let Some(words) = problem {
        let form = visit.form(fields, Problems::one(NOTE, words));
        return show(&app, &visit, &by, case, StatusCode::UNPROCESSABLE_ENTITY, form, None).await;
    }
    if let Some(note) = notes::typed(&fields) {
        let permit = permit::<deed::WorkOnCase>(&by, Subject::Registration { id: case.id.clone() })?;
        service_desk::moves::note(&app, permit, note).await?;
    }
    let seen = version_of(fields.text(VERSION));
    match wanted.as_str() {
        "approve" => approve(&app, &visit, &by, case, seen).await,
        // The version goes along: what is decided next is decided about the case as it was seen here.
        "ask" | "decline" => go_to(format!("{}/{wanted}?{VERSION}={seen}", path_of(&id))),
        _ => go_to(done_with(&id, CaseDone::Noted)),
    }
}

async fn approve(app: &App, visit: &Visit, by: &CaseWorker, case: Registration, seen: i64) -> Answer {
    let permit = permit::<deed::Decide>(by, Subject::Registration { id: case.id.clone() })?;
    match without_faults(moves::approve(app, permit, seen).await)? {
        Ok(Approved::Effective) => go_to(done_with(&case.id, CaseDone::Approved)),
        Ok(Approved::FirstOfTwo) => go_to(done_with(&case.id, CaseDone::FirstOfTwo)),
        Err(why) => {
            let banner = not_decided(app, &case.id, "The case was not approved", why).await?;
            let case = load(app, &case.id).await?;
            show(app, visit, by, case, StatusCode::CONFLICT, visit.empty_form(), Some(banner)).await
        }
    }
}

/// Why a decision was not made, in a banner; and, where somebody else was faster, what happened to the
/// case last.
///
/// # Errors
/// A fault.
pub async fn not_decided(
    app: &App,
    id: &str,
    heading: &str,
    why: Declined<Refusal>,
) -> Result<NotificationBanner, Interrupt> {
    let words = match why {
        Declined::Refusal(refusal) => refusal.words(),
        Declined::Conflict(conflict) => {
            let last = history::of(app, id).await?.last_in_words();
            let last = if last.is_empty() { last } else { format!(" What happened last: {last}") };
            format!("{}{last}", conflict.words)
        }
    };
    Ok(not_done(heading, &words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::reasons::Reason;

    fn people(ids: &[&str]) -> Vec<(String, String)> {
        ids.iter().map(|id| ((*id).to_owned(), format!("Name of {id}"))).collect()
    }

    #[test]
    fn a_high_risk_case_needs_two_different_people() {
        let check = |approvers: &[&str], me: &str, expect: Approval| {
            let made = Actions::of(&RegistrationState::Referred, true, &people(approvers), me);
            assert_eq!(made.approval, expect, "{approvers:?} {me}");
        };
        check(&[], "a", Approval::FirstOfTwo);
        check(&["a"], "a", Approval::WaitsForSecond);
        check(&["a"], "b", Approval::SecondOfTwo);
        assert_eq!(Actions::of(&RegistrationState::Referred, false, &[], "a").approval, Approval::Now);
    }

    #[test]
    fn a_case_that_is_over_can_only_be_read() {
        let declined = RegistrationState::Declined { reason: Reason::Hospice, words: String::new() };
        for state in [
            RegistrationState::Approved,
            RegistrationState::Provisioning,
            RegistrationState::Live,
            RegistrationState::Stopped,
            RegistrationState::Withdrawn,
            declined,
        ] {
            let made = Actions::of(&state, true, &[], "a");
            assert_eq!(made, Actions { approval: Approval::Over, can_ask: false, can_decline: false });
            assert!(!made.can_approve());
        }
    }

    #[test]
    fn nobody_approves_before_the_registers_have_answered_or_asks_twice_at_once() {
        assert!(!Actions::of(&RegistrationState::Checking, false, &[], "a").can_approve());
        let asked = RegistrationState::MoreInformationAsked { question: "Which floor?".to_owned() };
        assert!(!Actions::of(&asked, false, &[], "a").can_ask);
        assert!(Actions::of(&asked, false, &[], "a").can_approve());
    }

    #[test]
    fn only_a_number_that_cqc_publishes_is_called() {
        let check =
            |published: &str, noted: &str, expect: &str| assert_eq!(to_call(published, noted), expect);
        check("0161 496 0000", "0161 496 0999", "0161 496 0000");
        check("", "0161 496 0999", "0161 496 0999");
        check("", "no number published", "");
    }

    #[test]
    fn who_has_approved_is_said_by_name() {
        assert_eq!(high_risk_words(&[]), "Nobody has approved yet.");
        assert!(high_risk_words(&people(&["a"])).starts_with("Name of a has approved."));
    }
}
