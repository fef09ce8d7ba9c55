//! The demo's page of codes, in place of authenticator apps.

use crate::app::App;
use crate::sign_in::secrets::Purpose;
use crate::sign_in::{app_code, store};
use crate::web::components::{Heading, Table, TableCell};
use crate::web::form::counted;
use crate::web::{Answer, Layout, Problems, Visit, show as show_page};
use axum::extract::State as Shared;

#[derive(askama::Template)]
#[template(path = "casework/pages/demo_codes.html")]
pub struct CodesPage {
    pub layout: Layout,
    pub codes: Table,
}

/// GET /demo/codes
pub async fn page(Shared(app): Shared<App>, visit: Visit) -> Answer {
    let now = app.clock.now();
    let (step, seconds) = app_code::step_now(now);
    let left = counted(usize::try_from(seconds).unwrap_or(0), "second", "seconds");
    let row = |purpose: Purpose, id: &str, name: String, address: &str, last_step: i64| {
        let good =
            if last_step >= step { format!("Used. The next one comes in {left}") } else { left.clone() };
        let code = app_code::code_now(&app.key, purpose, id, now);
        vec![
            TableCell::from(name),
            super::wrapped(address),
            TableCell { text: code, classes: "nhsuk-u-font-code".to_owned(), ..Default::default() },
            good.into(),
        ]
    };
    let mut rows: Vec<_> = store::list_case_workers(&app.database)
        .await?
        .into_iter()
        .map(|worker| {
            row(Purpose::CaseWorkerApp, &worker.id, worker.name, &worker.email, worker.last_code_step)
        })
        .collect();
    for (id, name, address, last_step) in store::list_authenticators(&app.database).await? {
        rows.push(row(Purpose::AccountApp, &id, name, &address, last_step));
    }
    let codes = Table {
        caption: Some(Heading {
            text: "Codes of this moment".to_owned(),
            classes: "nhsuk-u-visually-hidden".to_owned(),
            ..Default::default()
        }),
        head: vec!["Name".into(), "Email address".into(), "Code".into(), "Good for".into()],
        rows,
        first_cell_is_header: true,
        responsive: true,
        ..Default::default()
    };
    let layout = visit.layout("Codes of the authenticator apps").back_to("/");
    show_page(&CodesPage { layout, codes }, &Problems::none())
}
