//! The page of an enquiry: who asks what, notes, and closing it with or without an answer.

use super::QUEUE;
use crate::app::App;
use crate::clock::Timestamp;
use crate::console::history::{self, History};
use crate::console::notes::{self, NOTE, NoteLine};
use crate::console::{self, Due, VERSION, layout, note_opened, text_problem, version_of};
use crate::outbox::outcome::{Conflict, or_conflict};
use crate::service_desk::moves::{self, Claim, Claimed, Close};
use crate::service_desk::{Closing, Enquiry, path, store};
use crate::sign_in::authority::{IsDeed, Permit, Subject, deed};
use crate::sign_in::{CaseWorker, store as sign_ins};
use crate::web::components::{
    Button, Html, NotificationBanner, Radios, SummaryList, SummaryListRow, SummaryListText, Textarea,
};
use crate::web::done::{self, done};
use crate::web::form::ONCE_FIELD;
use crate::web::page::show_with;
use crate::web::parts::{Preline, fact, not_done};
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to};
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;

const HOW: &str = "how";
const ANSWER: &str = "answer";
const WHY: &str = "why";

/// Reads how an enquiry is to be closed, or says what is wrong.
fn read(fields: &Fields) -> Result<Closing, Problems> {
    let needed = |field: &str, missing: &str, called: &str| {
        let text = fields.text(field).to_owned();
        match text_problem(&text, missing, called) {
            Some(words) => Err(Problems::one(field, words)),
            None => Ok(text),
        }
    };
    match fields.text(HOW) {
        "email" => needed(ANSWER, "Enter your answer", "Your answer").map(Closing::Email),
        "telephone" => Ok(Closing::Telephone),
        "without" => needed(WHY, "Enter why no answer is needed", "The reason").map(Closing::Without),
        _ => Err(Problems::one(HOW, "Select how you close this enquiry")),
    }
}

#[derive(askama::Template)]
#[template(path = "service_desk/pages/enquiry.html")]
pub struct EnquiryPage {
    pub layout: Layout,
    pub form: Form,
    pub banner: Option<NotificationBanner>,
    pub reference: String,
    pub organisation: String,
    pub message: String,
    pub facts: SummaryList,
    pub notes: Vec<NoteLine>,
    pub note: Textarea,
    pub how: [Html; 3],
    pub version: i64,
    pub is_open: bool,
    /// Offered to whoever does not look after it yet.
    pub claim: Option<Button>,
    /// What was written into the form of an enquiry that somebody else has closed.
    pub kept: String,
    pub history: History,
}

async fn load(app: &App, id: &str) -> Result<Enquiry, Interrupt> {
    store::find(&app.database, id).await?.ok_or_else(Interrupt::not_found)
}

/// Who asks what, how to reach them, and by when.
fn facts(
    enquiry: &Enquiry,
    who_it_is: &str,
    looked_after_by: &str,
    closed: &str,
    now: Timestamp,
) -> SummaryList {
    let html = |key: &str, html: Html| SummaryListRow {
        key: key.into(),
        value: SummaryListText { html: Some(html), classes: "app-wrap".to_owned(), ..Default::default() },
        ..Default::default()
    };
    let state = enquiry.state.tag();
    let no_call = enquiry.affected.as_ref().is_some_and(|affected| affected.no_call);
    let telephone = match (enquiry.telephone.as_str(), no_call) {
        ("", true) => "Cannot be called".to_owned(),
        ("", false) => "Not given".to_owned(),
        (number, true) => format!("{number} (cannot be called)"),
        (number, false) => number.to_owned(),
    };
    let mut rows = vec![
        html("State", Html::of(&state)),
        fact("Kind", enquiry.kind.in_words()),
        html("Subject", Html::of(&Preline { text: &enquiry.subject })),
        html("Looked after by", Html::of(&Preline { text: looked_after_by })),
        html("From", Html::of(&Preline { text: &enquiry.name })),
        html("Email address", Html::of(&Preline { text: enquiry.email.as_str() })),
        fact("Telephone", telephone),
        html("Who it is", Html::of(&Preline { text: who_it_is })),
        fact("Asked", enquiry.asked_at.in_words()),
        html("Due", Html::of(&Due::new(enquiry.due_at, now, enquiry.is_open()))),
    ];
    if let Some(affected) = &enquiry.affected {
        rows.push(fact("People affected", affected.people.to_string()));
        for (key, text) in [
            ("Their addresses", &affected.addresses),
            ("The error message", &affected.saw),
            ("What else may help", &affected.more),
        ] {
            if !text.is_empty() {
                rows.push(html(key, Html::of(&Preline { text })));
            }
        }
    }
    if !closed.is_empty() {
        rows.push(fact("Closed", closed));
    }
    SummaryList { rows, ..Default::default() }
}

/// Whether we know that it is them, for whoever is about to change something for them.
async fn who_it_is(app: &App, enquiry: &Enquiry) -> Result<String, Interrupt> {
    let holder = match &enquiry.account {
        Some(account) => sign_ins::holder(&app.database, account).await?,
        None => None,
    };
    Ok(match holder {
        Some(holder) => format!("Signed in as {}, {}", holder.name, holder.address),
        None => "Not signed in. Check who it is before you change anything.".to_owned(),
    })
}

/// How it is closed, and what is written for it. The fields are always there: one that opens by a
/// script would have to say so on an answer, which no accessibility interface knows (ARIA 1.2 has no
/// aria-expanded on radio buttons).
fn how(form: &Form) -> [Html; 3] {
    let radios: Radios = form
        .radios(HOW, "How do you close this enquiry?")
        .in_page()
        .choice("email", "With an answer by email")
        .choice("telephone", "I have answered it by telephone")
        .choice("without", "Without an answer");
    let answer =
        form.lines(ANSWER, "Your answer, if by email", "It is sent as you write it, under the reference.");
    let why = form.lines(
        WHY,
        "Why no answer is needed, if you close it without one",
        "For your colleagues. It is not sent.",
    );
    [Html::of(&radios), Html::of(&answer), Html::of(&why)]
}

async fn show(
    app: &App,
    visit: &Visit,
    by: &CaseWorker,
    enquiry: Enquiry,
    status: StatusCode,
    form: Form,
    banner: Option<NotificationBanner>,
) -> Answer {
    let history = history::of(app, &enquiry.id).await?;
    let closed = if enquiry.is_open() { String::new() } else { history.detail_of("enquiry closed") };
    let title = format!("{} {}", enquiry.kind.in_words(), enquiry.reference);
    let kept = if enquiry.is_open() { "" } else { form.fields.text(ANSWER) };
    let names = console::store::list_names(&app.database).await?;
    let name_of = |id: &str| names.iter().find(|(known, _)| known == id).map(|(_, name)| name.clone());
    let looked_after_by = match &enquiry.claimed_by {
        Some(id) => name_of(id).unwrap_or_else(|| "A colleague".to_owned()),
        None => "Nobody yet".to_owned(),
    };
    let who_it_is = who_it_is(app, &enquiry).await?;
    let is_mine = enquiry.claimed_by.as_deref() == Some(by.id.as_str());
    let claim = (enquiry.is_open() && !is_mine).then(|| {
        let words = if enquiry.is_to_be_acknowledged() {
            "Look into it, and tell them so"
        } else if enquiry.claimed_by.is_some() {
            "Take it over"
        } else {
            "Look after it"
        };
        form.second_button(words).sending("do", "claim")
    });
    let template = EnquiryPage {
        claim,
        layout: layout(visit, by, &title, QUEUE).with_problems(&form).back_to(QUEUE),
        banner,
        reference: format!("{} {}", enquiry.kind.in_words(), enquiry.reference),
        organisation: enquiry.organisation.clone(),
        facts: facts(&enquiry, &who_it_is, &looked_after_by, &closed, app.clock.now()),
        notes: notes::of(app, &enquiry.id).await?,
        note: form.lines(NOTE, "Add a note", "Only case workers read notes."),
        how: how(&form),
        version: enquiry.version,
        is_open: enquiry.is_open(),
        kept: kept.to_owned(),
        message: enquiry.message,
        history,
        form,
    };
    show_with(status, &template)
}

done! {
    /// What was done with an enquiry.
    EnquiryDone {
        Noted "note": "Your note was saved.",
        Claimed "claimed": "You are now looking after this enquiry.",
        Acknowledged "acknowledged": "You are now looking into this complaint. We have told the person who complained.",
        Closed "closed": "The enquiry is closed.",
    }
}

/// GET /casework/enquiries/{id}
pub async fn page(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
    uri: axum::http::Uri,
) -> Answer {
    let enquiry = load(&app, &id).await?;
    note_opened(&app, &by, &enquiry.id).await?;
    let banner = done::banner::<EnquiryDone>(&uri);
    show(&app, &visit, &by, enquiry, StatusCode::OK, visit.empty_form(), banner).await
}

/// POST /casework/enquiries/{id}: saves the note that was typed, if one was, and closes the enquiry
/// where that button was pressed.
pub async fn act(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
    fields: Fields,
) -> Answer {
    let enquiry = load(&app, &id).await?;
    if fields.text("do") == "claim" {
        return claim(&app, &visit, &by, &enquiry.id, fields).await;
    }
    let is_closing = fields.text("do") == "close";
    let missing = "Enter a note";
    let note_problem =
        text_problem(fields.text(NOTE), missing, "Note").filter(|words| words != missing || !is_closing);
    if let Some(words) = note_problem {
        let form = visit.form(fields, Problems::one(NOTE, words));
        return show(&app, &visit, &by, enquiry, StatusCode::UNPROCESSABLE_ENTITY, form, None).await;
    }
    let how = if is_closing { Some(read(&fields)) } else { None };
    let how = match how {
        Some(Err(problems)) => {
            let form = visit.form(fields, problems);
            return show(&app, &visit, &by, enquiry, StatusCode::UNPROCESSABLE_ENTITY, form, None).await;
        }
        Some(Ok(how)) => Some(how),
        None => None,
    };
    if let Some(note) = notes::typed(&fields) {
        moves::note(&app, permit::<deed::WorkOnEnquiry>(&by, &id)?, note).await?;
    }
    let Some(how) = how else { return go_to(done::address(&path(&id), EnquiryDone::Noted)) };
    let order = Close { version: version_of(fields.text(VERSION)), how };
    match or_conflict(moves::close(&app, permit(&by, &id)?, order).await)? {
        Ok(()) => go_to(done::address(&path(&id), EnquiryDone::Closed)),
        // What was written is shown below; the note was saved.
        Err(conflict) => {
            let fields = fields.with(NOTE, "").with(ONCE_FIELD, "");
            overtaken(&app, &visit, &by, &id, "The enquiry was not closed", &conflict, fields).await
        }
    }
}

/// A permit to work on an enquiry.
fn permit<D: IsDeed>(by: &CaseWorker, id: &str) -> Result<Permit<D>, Interrupt> {
    console::permit(by, Subject::Enquiry { id: id.to_owned() })
}

/// Shows the enquiry as it is now beside what somebody typed about how it was before.
async fn overtaken(
    app: &App,
    visit: &Visit,
    by: &CaseWorker,
    id: &str,
    heading: &str,
    conflict: &Conflict,
    fields: Fields,
) -> Answer {
    let last = history::of(app, id).await?.last_in_words();
    let banner = not_done(heading, &format!("{} What happened last: {last}", conflict.words));
    let enquiry = load(app, id).await?;
    let form = visit.form(fields, Problems::none());
    show(app, visit, by, enquiry, StatusCode::CONFLICT, form, Some(banner)).await
}

/// Lets this case worker look after an enquiry as it was seen.
async fn claim(app: &App, visit: &Visit, by: &CaseWorker, id: &str, fields: Fields) -> Answer {
    let order = Claim { version: version_of(fields.text(VERSION)) };
    match or_conflict(moves::claim(app, permit(by, id)?, order).await)? {
        Ok(Claimed::LooksAfterIt) => go_to(done::address(&path(id), EnquiryDone::Claimed)),
        Ok(Claimed::Acknowledged) => go_to(done::address(&path(id), EnquiryDone::Acknowledged)),
        Err(conflict) => {
            overtaken(app, visit, by, id, "You do not look after this enquiry", &conflict, fields).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enquiries_are_closed_in_one_of_three_ways() {
        let check = |pairs: &[(&str, &str)], expect: Result<Closing, &str>| {
            let read = read(&Fields::from_pairs(pairs.iter().copied()));
            let field = |problems: Problems| problems.iter().next().map(|(field, _)| field.to_owned());
            assert_eq!(read.map_err(field), expect.map_err(|field| Some(field.to_owned())), "{pairs:?}");
        };
        check(&[], Err(HOW));
        check(&[(HOW, "email")], Err(ANSWER));
        check(&[(HOW, "email"), (ANSWER, "Yes.")], Ok(Closing::Email("Yes.".to_owned())));
        check(&[(HOW, "telephone"), (ANSWER, "Yes.")], Ok(Closing::Telephone));
        check(&[(HOW, "without")], Err(WHY));
        check(&[(HOW, "without"), (WHY, "Sent twice.")], Ok(Closing::Without("Sent twice.".to_owned())));
    }
}
