//! Drafts and sent registrations for tests of what happens to them.

use super::answers::Answers;
use super::checks::{CHECKS, Check, Outcome, RegisterCheck};
use super::{Draft, Registration, moves, store};
use crate::app::App;
use crate::clock::Span;
use crate::database::{Error, transaction};
use crate::id::new_id;
use crate::sign_in::authority::{IsDeed, Permit, Subject, Who, permit};

/// A draft with these answers; answers its identifier.
pub async fn draft(app: &App, answers: Answers) -> String {
    let now = app.clock.now();
    let (browser, network) = ("browser".to_owned(), "network".to_owned());
    let draft = Draft { answers, ..Draft::begin(new_id(now), browser, network, now, Span::days(30)) };
    let id = draft.id.clone();
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            store::add(tx, &draft).await?;
            store::save_answers(tx, &draft.id, 1, &draft.answers, now, draft.expires_at).await
        }))
        .await
        .expect("a draft");
    id
}

/// A registration that was sent with these answers.
pub async fn sent(app: &App, answers: Answers) -> Registration {
    let id = draft(app, answers).await;
    moves::submit(app, of_registrant(&id)).await.expect("sent");
    case(app, &id).await
}

/// A registration as it is now.
pub async fn case(app: &App, id: &str) -> Registration {
    store::find_sent(&app.database, id).await.expect("read").expect("sent")
}

/// What a registrant may do with their own registration.
pub fn of_registrant<D: IsDeed>(id: &str) -> Permit<D> {
    of(&Who::Registrant { registration: id.to_owned() }, id)
}

/// What somebody may do with a registration.
pub fn of<D: IsDeed>(who: &Who, id: &str) -> Permit<D> {
    permit(who, Subject::Registration { id: id.to_owned() }).expect("allowed")
}

/// Every check green but one, read now.
pub fn evidence(app: &App, other: Check, outcome: Outcome) -> Vec<RegisterCheck> {
    CHECKS
        .map(|check| RegisterCheck {
            check,
            outcome: if check == other { outcome } else { Outcome::Pass },
            words: "words".to_owned(),
            evidence: String::new(),
            checked_at: app.clock.now(),
        })
        .to_vec()
}
