//! Sites and accounts that are frozen: the list, one of them with what two case workers decide about it,
//! and freezing a site.

use super::history::actor_in_words;
use super::site::SiteDone;
use super::site_loaded::load;
use super::site_person::{CONFIRM, REASON, read, reason_field};
use super::{FROZEN, SITES, VERSION, fact, layout, named_table, not_done, permit, text_problem, version_of};
use crate::app::App;
use crate::console::store::list_names;
use crate::directory::Scope;
use crate::directory::freeze::{Freeze, FreezeState, Frozen};
use crate::directory::moves::{self, LiftOrder, Lifting};
use crate::directory::store as directory_store;
use crate::outbox::outcome::{Declined, without_faults};
use crate::sign_in::CaseWorker;
use crate::sign_in::authority::{Subject, deed};
use crate::web::components::{
    Button, Checkboxes, Html, NotificationBanner, SummaryList, Table, TableCell, Textarea,
};
use crate::web::done::{self, done};
use crate::web::page::show_with;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to};
use axum::extract::{Path, State as Shared};
use axum::http::{StatusCode, Uri};

const DO: &str = "do";
const LIFT: &str = "lift";
const KEEP: &str = "keep";

done! {
    /// What was done about a freeze.
    FreezeDone {
        FirstOfTwo "agreed": "You agreed to lift the freeze. It stays in force until a second case worker agrees, too.",
        Lifted "lifted": "The freeze is lifted. Everything is as it was before, and the people are told by email.",
        Kept "kept": "The freeze stays in force. Lifting it takes two case workers again.",
    }
}

#[derive(askama::Template)]
#[template(path = "casework/pages/frozen_list.html")]
pub struct FrozenListPage {
    pub layout: Layout,
    pub freezes: Option<Table>,
}

#[derive(askama::Template)]
#[template(source = r#"<a href="{{ href }}">{{ words }}</a>"#, ext = "html")]
struct LinkTo {
    href: String,
    words: String,
}
impl askama::filters::HtmlSafe for LinkTo {}

fn state_words(freeze: &Freeze, names: &[(String, String)]) -> String {
    match (freeze.state, &freeze.agreed) {
        (FreezeState::InForce, _) => "In force".to_owned(),
        (FreezeState::LiftAgreed, Some(first)) => format!(
            "In force. {} agreed to lift it",
            actor_in_words(&format!("case worker {}", first.case_worker), names)
        ),
        (FreezeState::LiftAgreed, None) => "In force".to_owned(),
        (FreezeState::Lifted, _) => "Lifted".to_owned(),
    }
}

/// GET /casework/frozen
pub async fn list(Shared(app): Shared<App>, visit: Visit, by: CaseWorker) -> Answer {
    let names = list_names(&app.database).await?;
    let freezes = directory_store::list_freezes(&Scope::All, &app.database).await?;
    let rows = freezes
        .iter()
        .map(|freeze| {
            let link = LinkTo { href: format!("{FROZEN}/{}", freeze.id), words: freeze.name.clone() };
            vec![
                TableCell { html: Some(Html::of(&link)), ..Default::default() },
                freeze.frozen_at.in_words().into(),
                actor_in_words(&freeze.frozen_by, &names).into(),
                state_words(freeze, &names).into(),
            ]
        })
        .collect();
    let template = FrozenListPage {
        layout: layout(&visit, &by, "Frozen sites and accounts", FROZEN),
        freezes: (!freezes.is_empty())
            .then(|| named_table("What is frozen now", ["What", "Since", "By", "State"], rows)),
    };
    show_with(StatusCode::OK, &template)
}

#[derive(askama::Template)]
#[template(path = "casework/pages/frozen.html")]
pub struct FrozenPage {
    pub layout: Layout,
    pub form: Form,
    pub banner: Option<NotificationBanner>,
    pub facts: SummaryList,
    pub site: String,
    pub case: String,
    pub version: i64,
    /// What this person can do now; nothing once it is lifted.
    pub reason: Option<Textarea>,
    pub lift: Option<Button>,
    pub keep: Option<Button>,
    /// Why there is no button for lifting it.
    pub waits: &'static str,
}

async fn freeze_of(app: &App, id: &str) -> Result<Freeze, Interrupt> {
    directory_store::find_freeze(&app.database, id).await?.ok_or_else(Interrupt::not_found)
}

async fn show(
    app: &App,
    visit: &Visit,
    by: &CaseWorker,
    id: &str,
    form: Form,
    status: StatusCode,
    banner: Option<NotificationBanner>,
) -> Answer {
    let freeze = freeze_of(app, id).await?;
    let names = list_names(&app.database).await?;
    let site = match &freeze.what {
        Frozen::Site { ods_code } => directory_store::find_site_by_ods_code(&app.database, ods_code).await?,
        Frozen::Account { id } => directory_store::find_home_of_account(&app.database, id).await?,
    };
    let is_mine = freeze.agreed.as_ref().is_some_and(|first| first.case_worker == by.id);
    let (can_lift, can_keep) = match freeze.state {
        FreezeState::InForce => (true, false),
        FreezeState::LiftAgreed => (!is_mine, true),
        FreezeState::Lifted => (false, false),
    };
    let lift_words = match freeze.state {
        FreezeState::LiftAgreed => "Lift the freeze",
        FreezeState::InForce | FreezeState::Lifted => "Agree to lift the freeze",
    };
    let button = |words: &str, value: &str, is_main: bool| Button {
        text: words.to_owned(),
        name: DO.to_owned(),
        value: value.to_owned(),
        ..if is_main { form.button(words).warning() } else { form.second_button(words) }
    };
    let template = FrozenPage {
        layout: layout(visit, by, &freeze.name, FROZEN).with_problems(&form).back_to(FROZEN),
        banner,
        facts: facts(&freeze, &names),
        site: site.map_or_else(String::new, |site| format!("{SITES}/{}", site.id)),
        case: if freeze.registration.is_empty() {
            String::new()
        } else {
            format!("/casework/cases/{}", freeze.registration)
        },
        version: freeze.version,
        reason: (can_lift || can_keep).then(|| {
            form.lines(
                REASON,
                "Reason",
                "Whom you spoke to, on which number, and what you found out. It stays in the history. Do not write anything about people who receive care.",
            )
        }),
        lift: can_lift.then(|| button(lift_words, LIFT, true)),
        keep: can_keep.then(|| button("Keep it frozen", KEEP, false)),
        waits: if freeze.state == FreezeState::LiftAgreed && is_mine {
            "You agreed to lift this freeze. A second case worker must agree, too."
        } else {
            ""
        },
        form,
    };
    show_with(status, &template)
}

fn facts(freeze: &Freeze, names: &[(String, String)]) -> SummaryList {
    let worker = |id: &str| actor_in_words(&format!("case worker {id}"), names);
    let mut rows = vec![
        fact("State", state_words(freeze, names)),
        fact("Frozen", freeze.frozen_at.in_words()),
        fact("By", actor_in_words(&freeze.frozen_by, names)),
        fact("Why", freeze.reason.clone()),
    ];
    let agreements = [("First to agree to lift it", &freeze.agreed), ("Lifted by", &freeze.lifted)];
    for (key, agreement) in agreements {
        if let Some(agreement) = agreement {
            let words = format!(
                "{}, {}: {}",
                worker(&agreement.case_worker),
                agreement.at.in_words(),
                agreement.reason
            );
            rows.push(fact(key, words));
        }
    }
    for row in &mut rows {
        row.value.classes = "app-wrap".to_owned();
    }
    SummaryList { rows, ..Default::default() }
}

/// GET /casework/frozen/{id}
pub async fn page(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
    uri: Uri,
) -> Answer {
    let banner = done::banner::<FreezeDone>(&uri);
    show(&app, &visit, &by, &id, visit.empty_form(), StatusCode::OK, banner).await
}

/// POST /casework/frozen/{id}
pub async fn decide(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
    fields: Fields,
) -> Answer {
    let freeze = freeze_of(&app, &id).await?;
    let mut problems = Problems::none();
    if let Some(words) = text_problem(fields.text(REASON), "Enter the reason", "Reason") {
        problems.add(REASON, words);
    }
    if !problems.is_empty() {
        let form = visit.form(fields, problems);
        return show(&app, &visit, &by, &id, form, StatusCode::UNPROCESSABLE_ENTITY, None).await;
    }
    let permit = permit::<deed::LiftFreeze>(&by, Subject::Freeze { id: freeze.id.clone() })?;
    let order = LiftOrder { seen: version_of(fields.text(VERSION)), reason: fields.text(REASON).to_owned() };
    let outcome = match fields.text(DO) {
        LIFT => moves::lift_freeze(&app, permit, order).await.map(|lifting| match lifting {
            Lifting::FirstOfTwo => FreezeDone::FirstOfTwo,
            Lifting::Lifted => FreezeDone::Lifted,
        }),
        KEEP => moves::keep_freeze(&app, permit, order).await.map(|()| FreezeDone::Kept),
        _ => return Err(Interrupt::not_found()),
    };
    let words = match without_faults(outcome)? {
        Ok(done) => return go_to(done::address(&format!("{FROZEN}/{id}"), done)),
        Err(Declined::Refusal(refusal)) => refusal.words(),
        Err(Declined::Conflict(conflict)) => conflict.words,
    };
    let banner = not_done("This was not done", &words);
    let form = visit.form(fields, Problems::none());
    show(&app, &visit, &by, &id, form, StatusCode::CONFLICT, Some(banner)).await
}

#[derive(askama::Template)]
#[template(path = "casework/pages/freeze_site.html")]
pub struct FreezeSitePage {
    pub layout: Layout,
    pub form: Form,
    pub banner: Option<NotificationBanner>,
    pub site: String,
    pub reason: Textarea,
    pub confirm: Checkboxes,
}

async fn show_site(
    app: &App,
    visit: &Visit,
    by: &CaseWorker,
    id: &str,
    form: Form,
    status: StatusCode,
    banner: Option<NotificationBanner>,
) -> Answer {
    let loaded = load(app, by, id).await?;
    let template = FreezeSitePage {
        layout: layout(visit, by, "Freeze the site", SITES).with_problems(&form).back_to(loaded.path()),
        banner,
        site: loaded.called(),
        reason: reason_field(&form),
        confirm: form.tick(CONFIRM, &format!("Yes, freeze {}", loaded.site.name)),
        form,
    };
    show_with(status, &template)
}

/// GET /casework/sites/{id}/freeze
pub async fn site_page(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
) -> Answer {
    show_site(&app, &visit, &by, &id, visit.empty_form(), StatusCode::OK, None).await
}

/// POST /casework/sites/{id}/freeze
pub async fn freeze_site(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
    fields: Fields,
) -> Answer {
    let subject = directory_store::subject_of_site(&app.database, &id).await?;
    let mut problems = Problems::none();
    read(&fields, &mut problems);
    if !problems.is_empty() {
        let form = visit.form(fields, problems);
        return show_site(&app, &visit, &by, &id, form, StatusCode::UNPROCESSABLE_ENTITY, None).await;
    }
    let permit = permit::<deed::FreezeSite>(&by, subject.ok_or_else(Interrupt::not_found)?)?;
    let outcome = moves::freeze_site(&app, permit, fields.text(REASON).to_owned()).await;
    let words = match without_faults(outcome)? {
        Ok(()) => return go_to(done::address(&format!("{SITES}/{id}"), SiteDone::Frozen)),
        Err(Declined::Refusal(refusal)) => refusal.words(),
        Err(Declined::Conflict(conflict)) => conflict.words,
    };
    let banner = not_done("This was not done", &words);
    let form = visit.form(fields.with(CONFIRM, ""), Problems::none());
    show_site(&app, &visit, &by, &id, form, StatusCode::CONFLICT, Some(banner)).await
}
