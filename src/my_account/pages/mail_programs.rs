//! Mail programs: an app password for each, shown once, named, and revoked on its own.

use super::just_done::JustDone;
use super::{layout, own_account, paths, security};
use crate::app::App;
use crate::directory;
use crate::directory::app_password::{
    APP_PASSWORDS_MAX, AppPassword, GROUP_LETTERS, NAME_LETTERS_MAX, NewAppPassword,
};
use crate::my_account::moves::{self, AppPasswordRefusal};
use crate::outbox::outcome::{Declined, without_faults};
use crate::sign_in::AccountHolder;
use crate::sign_in::permits::SIGN_IN;
use crate::web::components::{
    Heading, Html, NotificationBanner, PasswordInput, Table, TableCell, TableHeader,
};
use crate::web::done;
use crate::web::page::show_with;
use crate::web::parts::wrapped;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, show};
use axum::extract::{Path, State as Shared};
use axum::http::{StatusCode, Uri};

const NAME: &str = "name";

#[derive(askama::Template)]
#[template(path = "my_account/pages/mail_programs.html")]
pub struct MailProgramsPage {
    pub layout: Layout,
    pub banner: Option<NotificationBanner>,
    pub programs: Option<Table>,
    pub can_add: bool,
    pub most: i64,
}

#[derive(askama::Template)]
#[template(
    source = r#"<a href="/my-account/mail-programs/{{ id }}/revoke">Revoke<span class="nhsuk-u-visually-hidden"> the app password of {{ name }}</span></a>"#,
    ext = "html"
)]
struct RevokeLink<'a> {
    id: &'a str,
    name: &'a str,
}
impl askama::filters::HtmlSafe for RevokeLink<'_> {}

fn table(programs: &[AppPassword]) -> Table {
    let rows = programs
        .iter()
        .map(|program| {
            let link = RevokeLink { id: &program.id, name: &program.name };
            vec![
                wrapped(&program.name),
                program.made_at.in_words().into(),
                program.last_used_at.map_or_else(|| "Not used yet".to_owned(), |at| at.in_words()).into(),
                TableCell { html: Some(Html::of(&link)), ..Default::default() },
            ]
        })
        .collect();
    Table {
        caption: Some(Heading {
            text: "App passwords that work".to_owned(),
            classes: "nhsuk-table__caption--m".to_owned(),
            ..Default::default()
        }),
        head: ["Name", "Made", "Last used", "Revoke"].into_iter().map(TableHeader::from).collect(),
        rows,
        first_cell_is_header: true,
        responsive: true,
        ..Default::default()
    }
}

async fn in_force(app: &App, by: &AccountHolder) -> Result<Vec<AppPassword>, Interrupt> {
    Ok(directory::store::list_app_passwords_in_force(&app.database, &by.account).await?)
}

/// GET /my-account/mail-programs
pub async fn page(Shared(app): Shared<App>, visit: Visit, by: AccountHolder, uri: Uri) -> Answer {
    let programs = in_force(&app, &by).await?;
    let template = MailProgramsPage {
        layout: layout(&visit, &by, "Mail programs", paths::MAIL_PROGRAMS),
        banner: done::banner_among(&uri, &[JustDone::AppPasswordRevoked]),
        programs: (!programs.is_empty()).then(|| table(&programs)),
        can_add: i64::try_from(programs.len()).unwrap_or(i64::MAX) < APP_PASSWORDS_MAX,
        most: APP_PASSWORDS_MAX,
    };
    show(&template, &Problems::none())
}

#[derive(askama::Template)]
#[template(path = "my_account/pages/mail_program_add.html")]
pub struct AddPage {
    pub layout: Layout,
    pub form: Form,
    /// The password and a code, where the last code was shown some time ago.
    pub password: Option<PasswordInput>,
}

fn show_add(app: &App, visit: &Visit, by: &AccountHolder, form: Form, status: StatusCode) -> Answer {
    let password = by.must_prove_again(app.clock.now()).then(|| security::password_field(&form));
    let layout = layout(visit, by, "Add a mail program", paths::MAIL_PROGRAMS)
        .with_problems(&form)
        .back_to(paths::MAIL_PROGRAMS);
    show_with(status, &AddPage { layout, form, password })
}

/// GET /my-account/mail-programs/add
pub async fn add_page(Shared(app): Shared<App>, visit: Visit, by: AccountHolder) -> Answer {
    show_add(&app, &visit, &by, visit.empty_form(), StatusCode::OK)
}

#[derive(askama::Template)]
#[template(path = "my_account/pages/mail_program_added.html")]
pub struct AddedPage {
    pub layout: Layout,
    pub name: String,
    pub address: String,
    /// The password in groups that stand apart for the eye only: copied, it is one word.
    pub groups: Vec<String>,
}

/// POST /my-account/mail-programs/add: makes an app password and shows it, this once.
pub async fn add(Shared(app): Shared<App>, visit: Visit, by: AccountHolder, fields: Fields) -> Answer {
    let missing = "Enter a name for the mail program, like Reception computer";
    let name = match fields.line(NAME, NAME_LETTERS_MAX, missing, "Name") {
        Ok(name) => name,
        Err(words) => {
            let form = visit.form(fields, Problems::one(NAME, words));
            return show_add(&app, &visit, &by, form, StatusCode::UNPROCESSABLE_ENTITY);
        }
    };
    let permit = own_account(&app, &by.who(), &by.account).await?;
    let order = security::proof_order(&visit, &fields);
    let made = moves::add_app_password(&app, permit, &by, order, &name).await;
    let declined = match without_faults(made)? {
        Ok(new) => return show_added(&visit, by, &new),
        Err(Declined::Refusal(AppPasswordRefusal::Directory(refusal))) => {
            let form = visit.form(fields, Problems::one(NAME, refusal.words()));
            return show_add(&app, &visit, &by, form, StatusCode::UNPROCESSABLE_ENTITY);
        }
        Err(Declined::Refusal(AppPasswordRefusal::Proof(refusal))) => Declined::Refusal(refusal),
        Err(Declined::Conflict(conflict)) => Declined::Conflict(conflict),
    };
    match security::problems_of(&app, declined) {
        Some((problems, status)) => {
            let form = visit.form(Fields::default().with(NAME, &name), problems);
            show_add(&app, &visit, &by, form, status)
        }
        None => go_to(SIGN_IN),
    }
}

fn show_added(visit: &Visit, by: AccountHolder, new: &NewAppPassword) -> Answer {
    let groups = new.value.reveal().as_bytes().chunks(GROUP_LETTERS);
    let template = AddedPage {
        layout: layout(visit, &by, "Your app password", paths::MAIL_PROGRAMS),
        name: new.name.clone(),
        address: by.address,
        groups: groups.map(|group| String::from_utf8_lossy(group).into_owned()).collect(),
    };
    show(&template, &Problems::none())
}

#[derive(askama::Template)]
#[template(path = "my_account/pages/mail_program_revoke.html")]
pub struct RevokePage {
    pub layout: Layout,
    pub form: Form,
    pub id: String,
    pub name: String,
}

/// GET /my-account/mail-programs/{id}/revoke
pub async fn revoke_page(
    Shared(app): Shared<App>,
    visit: Visit,
    by: AccountHolder,
    Path(id): Path<String>,
) -> Answer {
    let program = in_force(&app, &by).await?.into_iter().find(|program| program.id == id);
    let Some(program) = program else { return go_to(paths::MAIL_PROGRAMS) };
    let template = RevokePage {
        layout: layout(&visit, &by, "Revoke an app password", paths::MAIL_PROGRAMS)
            .back_to(paths::MAIL_PROGRAMS),
        form: visit.empty_form(),
        id,
        name: program.name,
    };
    show(&template, &Problems::none())
}

/// POST /my-account/mail-programs/{id}/revoke: a second click finds nothing more to revoke.
pub async fn revoke(Shared(app): Shared<App>, by: AccountHolder, Path(id): Path<String>) -> Answer {
    let permit = own_account(&app, &by.who(), &by.account).await?;
    if moves::revoke_app_password(&app, permit, &id).await? {
        return go_to(JustDone::AppPasswordRevoked.on(paths::MAIL_PROGRAMS));
    }
    go_to(paths::MAIL_PROGRAMS)
}
