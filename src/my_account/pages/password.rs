//! The password, with its rules before the field.

use super::Underway;
use crate::app::App;
use crate::database::{Error, transaction};
use crate::my_account::{Step, store};
use crate::settings::Secret;
use crate::sign_in::{Activating, password};
use crate::web::components::{ErrorMessage, Label, PasswordInput};
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, show};
use axum::extract::State;

#[derive(askama::Template)]
#[template(path = "my_account/pages/password.html")]
pub struct PasswordPage {
    pub layout: Layout,
    pub form: Form,
    /// So that the browser's own safe keeps the password under the right name.
    pub address: String,
    pub length_min: usize,
}

impl PasswordPage {
    fn field(&self) -> PasswordInput {
        PasswordInput {
            name: "password".to_owned(),
            id: "password".to_owned(),
            label: Label { text: "Password".to_owned(), ..Default::default() },
            error_message: self
                .form
                .problems
                .of("password")
                .map(|words| ErrorMessage { text: words.to_owned(), ..Default::default() }),
            autocomplete: "new-password".to_owned(),
            ..Default::default()
        }
    }
}

fn show_page(underway: &Underway, form: Form) -> Answer {
    let problems = form.problems.clone();
    let template = PasswordPage {
        layout: underway.visit.layout("Choose your password").with_problems(&form),
        form,
        address: underway.account.address.clone(),
        length_min: password::LENGTH_MIN,
    };
    show(&template, &problems)
}

/// GET /activate/password
pub async fn page(State(app): State<App>, visit: Visit, activating: Activating) -> Answer {
    let underway = Underway::at(Step::Password, app, visit, activating).await?;
    let form = underway.visit.empty_form();
    show_page(&underway, form)
}

/// POST /activate/password: keeps the password until the policy is accepted.
pub async fn save(State(app): State<App>, visit: Visit, activating: Activating, fields: Fields) -> Answer {
    let underway = Underway::at(Step::Password, app, visit, activating).await?;
    let sites = crate::directory::store::list_sites_of_account(
        &crate::directory::Scope::All,
        &underway.app.database,
        &underway.account.id,
    )
    .await?;
    let mut own_words = vec![underway.account.first_name.as_str(), underway.account.last_name.as_str()];
    own_words.extend(sites.iter().map(|site| site.name.as_str()));
    let typed = fields.text("password");
    if let Some(words) = password::problem(typed, &own_words) {
        // What was typed is never shown again.
        let form = underway.visit.form(Fields::default(), Problems::one("password", words));
        return show_page(&underway, form);
    }
    let hash = password::hash(&underway.app, typed.to_owned())
        .await
        .map_err(|error| Interrupt::fault("hashing a password", error))?;
    let (hash, link, browser) = (Secret::new(hash), underway.link, underway.browser);
    let kept = underway
        .app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            store::keep_password(tx, &link, &browser, &hash).await
        }))
        .await?;
    go_to(if kept { Step::Policy.path() } else { Step::Code.path() })
}
