//! Declining: a reason and words of one's own, the letter as it will be sent, then the decision.

use super::case::{Actions, CaseDone, done_with, load, not_decided, path_of};
use super::{QUEUE, VERSION, layout, note_opened, permit, text_problem, version_of};
use crate::app::App;
use crate::casework::moves::{self, DeclineOrder};
use crate::letter::{Letter, Letterhead};
use crate::outbox::outcome::without_faults;
use crate::registration::reasons::{REASONS, Reason};
use crate::registration::{Registration, letters};
use crate::sign_in::CaseWorker;
use crate::sign_in::authority::{Subject, deed};
use crate::web::components::{NotificationBanner, Select, SelectItem, Textarea};
use crate::web::form::query;
use crate::web::page::show_with;
use crate::web::{Answer, Fields, Form, Layout, Problems, Visit, go_to, show as show_page};
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;

const REASON: &str = "reason";
const WORDS: &str = "words";
const DO: &str = "do";

#[derive(askama::Template)]
#[template(path = "casework/pages/decline.html")]
pub struct DeclinePage {
    pub layout: Layout,
    pub form: Form,
    pub banner: Option<NotificationBanner>,
    pub reference: String,
    pub because: String,
    pub version: i64,
    pub reason: Select,
    pub words: Textarea,
    /// Whether it can be declined now; what was typed is shown all the same.
    pub can_decline: bool,
}

/// The reasons to choose from, with their codes.
fn reasons(form: &Form) -> Select {
    let choose =
        SelectItem { value: Some(String::new()), text: "Choose a reason".to_owned(), ..Default::default() };
    let reasons = REASONS.into_iter().map(|reason| SelectItem {
        value: Some(reason.code().to_owned()),
        text: format!("{}: {}", reason.code(), reason.words()),
        ..Default::default()
    });
    Select {
        name: REASON.to_owned(),
        label: "Reason".into(),
        items: std::iter::once(choose).chain(reasons).collect(),
        value: form.fields.text(REASON).to_owned(),
        error_message: super::error(form, REASON),
        classes: "app-select".to_owned(),
        ..Default::default()
    }
}

fn show(
    visit: &Visit,
    by: &CaseWorker,
    case: &Registration,
    version: i64,
    form: Form,
    status: StatusCode,
    banner: Option<NotificationBanner>,
) -> Answer {
    let hint = "It stands in the letter between the reason and what to do about it. You see the letter before it is sent.";
    let template = DeclinePage {
        layout: layout(visit, by, "Decline the registration", QUEUE)
            .with_problems(&form)
            .back_to(path_of(&case.id)),
        banner,
        reference: format!("{} {}", case.reference, case.site_name()),
        because: case.referred_because.clone(),
        version,
        reason: reasons(&form),
        words: form.lines(WORDS, "In your own words (optional)", hint),
        can_decline: Actions::of(&case.state, false, &[], &by.id).can_decline,
        form,
    };
    show_with(status, &template)
}

/// GET /casework/cases/{id}/decline
pub async fn page(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
    uri: axum::http::Uri,
) -> Answer {
    let case = load(&app, &id).await?;
    note_opened(&app, &by, &case.id).await?;
    let seen = query(&uri).text(VERSION).parse().unwrap_or(case.version);
    // What the checks found is what is usually meant.
    let checks = crate::registration::store::list_checks(&app.database, &case.id).await?;
    let found = checks.iter().find_map(|check| check.outcome.reason());
    let fields = Fields::from_pairs([(REASON, found.map_or("", Reason::code))]);
    show(&visit, &by, &case, seen, visit.form(fields, Problems::none()), StatusCode::OK, None)
}

/// Reads the form, or says what is wrong with it.
fn read(fields: &Fields) -> Result<(Reason, String), Problems> {
    let mut problems = Problems::none();
    let reason = Reason::parse(fields.text(REASON));
    if reason.is_none() {
        problems.add(REASON, "Select a reason");
    }
    let words = fields.text(WORDS).to_owned();
    if !words.is_empty()
        && let Some(problem) = text_problem(&words, "", "Your own words")
    {
        problems.add(WORDS, problem);
    }
    match reason {
        Some(reason) if problems.is_empty() => Ok((reason, words)),
        Some(_) | None => Err(problems),
    }
}

#[derive(askama::Template)]
#[template(path = "casework/pages/decline_preview.html")]
pub struct PreviewPage {
    pub layout: Layout,
    pub form: Form,
    pub reference: String,
    pub version: i64,
    pub reason: &'static str,
    pub words: String,
    pub letter: Letter,
}

/// POST /casework/cases/{id}/decline: shows the letter; then, from there, declines or changes it.
pub async fn save(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
    fields: Fields,
) -> Answer {
    let case = load(&app, &id).await?;
    let version = version_of(fields.text(VERSION));
    let (reason, words) = match read(&fields) {
        Ok(read) => read,
        Err(problems) => {
            let form = visit.form(fields, problems);
            return show(&visit, &by, &case, version, form, StatusCode::UNPROCESSABLE_ENTITY, None);
        }
    };
    match fields.text(DO) {
        "change" => {
            let form = visit.form(fields, Problems::none());
            show(&visit, &by, &case, version, form, StatusCode::OK, None)
        }
        "send" => {
            let permit = permit::<deed::Decide>(&by, Subject::Registration { id: case.id.clone() })?;
            let order = DeclineOrder { seen: version, reason, words };
            match without_faults(moves::decline(&app, permit, order).await)? {
                Ok(()) => go_to(done_with(&id, CaseDone::Declined)),
                Err(why) => {
                    let banner = not_decided(&app, &case.id, "The case was not declined", why).await?;
                    let case = load(&app, &id).await?;
                    let form = visit.form(fields, Problems::none());
                    show(&visit, &by, &case, case.version, form, StatusCode::CONFLICT, Some(banner))
                }
            }
        }
        _ => {
            let from = Letterhead::of(&app.settings);
            let letter = letters::declined(&from, app.clock.now(), &case, reason, &words);
            let template = PreviewPage {
                layout: layout(&visit, &by, "Check the letter before you decline", QUEUE),
                form: visit.empty_form(),
                reference: format!("{} {}", case.reference, case.site_name()),
                version,
                reason: reason.code(),
                words,
                letter,
            };
            show_page(&template, &Problems::none())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_of_the_list_is_needed_and_own_words_are_not() {
        let check = |reason: &str, words: &str, expect: Option<Reason>| {
            let read = read(&Fields::from_pairs([(REASON, reason), (WORDS, words)]));
            assert_eq!(read.ok().map(|(reason, _)| reason), expect, "{reason}");
        };
        check("REJ-10", "", Some(Reason::DsptNotMet));
        check("REJ-01", "Because.", Some(Reason::NotSocialCare));
        check("REJ-21", "Because.", None);
        check("", "Because.", None);
        check("REJ-10", &"x".repeat(4_001), None);
    }

    #[test]
    fn every_reason_can_be_chosen_by_its_code_and_words() {
        let html = reasons(&Form::default()).to_string();
        for reason in REASONS {
            assert!(html.contains(&format!("value=\"{}\"", reason.code())), "{}", reason.code());
        }
    }
}
