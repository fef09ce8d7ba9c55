//! The demo's page of codes, in place of an authenticator app.

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
    let rows = store::list_case_workers(&app.database)
        .await?
        .into_iter()
        .map(|worker| {
            let is_used = worker.last_code_step >= step;
            let good = if is_used { format!("Used. The next one comes in {left}") } else { left.clone() };
            let code = app_code::code_now(&app.key, Purpose::CaseWorkerApp, &worker.id, now);
            vec![
                worker.name.into(),
                super::wrapped(&worker.email),
                TableCell { text: code, classes: "nhsuk-u-font-code".to_owned(), ..Default::default() },
                good.into(),
            ]
        })
        .collect();
    let codes = Table {
        caption: Some(Heading {
            text: "Codes of this moment".to_owned(),
            classes: "nhsuk-u-visually-hidden".to_owned(),
            ..Default::default()
        }),
        head: vec!["Case worker".into(), "Email address".into(), "Code".into(), "Good for".into()],
        rows,
        first_cell_is_header: true,
        responsive: true,
        ..Default::default()
    };
    let layout = visit.layout("Codes of the authenticator app").back_to("/casework/sign-in/code");
    show_page(&CodesPage { layout, codes }, &Problems::none())
}
