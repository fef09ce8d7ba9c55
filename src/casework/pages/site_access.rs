//! Giving somebody access to a shared mailbox, and letting the address of the site that was there
//! before lead to it.

use super::site::SiteDone;
use super::site_loaded::{Loaded, load};
use super::site_person::{CONFIRM, REASON, VERSION, allowed_for_mailbox, read, reason_field};
use super::{SITES, layout, version_of};
use crate::app::App;
use crate::directory::moves::{self, AddressOrder, GivingOrder};
use crate::directory::store as directory_store;
use crate::directory::{Access, Account, Refusal, Scope, address};
use crate::outbox::outcome::{Declined, without_faults};
use crate::sign_in::CaseWorker;
use crate::sign_in::authority::Who;
use crate::web::components::{Checkboxes, Radios, Textarea};
use crate::web::done;
use crate::web::page::show_with;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to};
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;

const ADDRESS: &str = "address";
const ACCESS: &str = "access";
const ACCOUNT: &str = "account";

/// An address that somebody typed, in its one written form.
fn typed_address(fields: &Fields, domain: &str) -> Result<String, String> {
    let typed = address::canonical(fields.text(ADDRESS));
    if typed.is_empty() {
        return Err("Enter the email address".to_owned());
    }
    let (local, of) = typed.split_once('@').unwrap_or((&typed, ""));
    if of != domain || local.is_empty() || local.len() > address::LOCAL_PART_MAX || !local.is_ascii() {
        return Err(format!("Email address must be one of ours, ending in @{domain}"));
    }
    Ok(typed)
}

#[derive(askama::Template)]
#[template(path = "casework/pages/site_give_access.html")]
pub struct GiveAccessPage {
    pub layout: Layout,
    pub form: Form,
    pub site: String,
    pub version: i64,
    pub access: Radios,
    pub reason: Textarea,
    /// Who was found at the address, for looking at before it is done.
    pub found: Option<PersonFound>,
}

/// Somebody who was found at an address.
pub struct PersonFound {
    pub id: String,
    pub name: String,
    pub role: String,
    pub works_at: String,
    pub confirm: Checkboxes,
}

async fn found(app: &App, account: &Account, form: &Form, site: &str) -> Result<PersonFound, Interrupt> {
    let sites = directory_store::list_sites_of_account(&Scope::All, &app.database, &account.id).await?;
    let works_at: Vec<String> =
        sites.into_iter().map(|site| format!("{}, {}", site.name, site.town)).collect();
    let name = account.full_name();
    Ok(PersonFound {
        id: account.id.clone(),
        role: account.role.clone(),
        works_at: if works_at.is_empty() { "no site".to_owned() } else { works_at.join("; ") },
        confirm: form.tick(CONFIRM, &format!("Yes, {name} may use the shared mailbox of {site}")),
        name,
    })
}

async fn show_give(
    app: &App,
    visit: &Visit,
    by: &CaseWorker,
    loaded: &Loaded,
    form: Form,
    account: Option<&Account>,
    status: StatusCode,
) -> Answer {
    let found = match account {
        Some(account) => Some(found(app, account, &form, &loaded.site.name).await?),
        None => None,
    };
    let template = GiveAccessPage {
        layout: layout(visit, by, "Give somebody access", SITES).with_problems(&form).back_to(loaded.path()),
        site: loaded.called(),
        version: loaded.mailbox.version,
        access: form
            .radios(ACCESS, "What may they do?")
            .in_page()
            .choice_hinted("member", "Member", "Reads and sends mail")
            .choice_hinted("owner", "Owner", "Reads and sends mail, and tells us who joins and leaves"),
        reason: reason_field(&form),
        found,
        form,
    };
    show_with(status, &template)
}

/// GET /casework/sites/{id}/give-access
pub async fn give_page(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
) -> Answer {
    let loaded = load(&app, &by, &id).await?;
    show_give(&app, &visit, &by, &loaded, visit.empty_form(), None, StatusCode::OK).await
}

/// POST /casework/sites/{id}/give-access: first shows who was found, then does it.
pub async fn give(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
    fields: Fields,
) -> Answer {
    let loaded = load(&app, &by, &id).await?;
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let mut problems = Problems::none();
    let typed = problems.take(ADDRESS, typed_address(&fields, &app.settings.mail_domain));
    let account = match &typed {
        Some(typed) => directory_store::find_account_by_address(&app.database, typed).await?,
        None => None,
    };
    if let (Some(typed), None) = (&typed, &account) {
        problems.add(ADDRESS, Refusal::NoAccount(typed.clone()).words());
    }
    let access = match fields.text(ACCESS) {
        "owner" => Some(Access::Owner),
        "member" => Some(Access::Member),
        _ => {
            problems.add(ACCESS, "Select what they may do");
            None
        }
    };
    // The box is shown with the person, so it is asked for only once they have been seen.
    let was_seen = account.as_ref().is_some_and(|account| fields.text(ACCOUNT) == account.id);
    let asked = if was_seen { fields.clone() } else { fields.clone().with(CONFIRM, "yes") };
    read(&asked, &mut problems);
    let (Some(account), Some(access)) = (account, access) else {
        let form = visit.form(fields.with(CONFIRM, ""), problems);
        return show_give(&app, &visit, &by, &loaded, form, None, unprocessable).await;
    };
    if !problems.is_empty() {
        let seen = was_seen.then_some(&account);
        let form = visit.form(fields, problems);
        return show_give(&app, &visit, &by, &loaded, form, seen, unprocessable).await;
    }
    if !was_seen {
        let form = visit.form(fields.with(CONFIRM, ""), Problems::none());
        return show_give(&app, &visit, &by, &loaded, form, Some(&account), StatusCode::OK).await;
    }
    let who = Who::CaseWorker { id: by.id.clone() };
    let permit = allowed_for_mailbox(&app, &who, &loaded.mailbox.id).await?;
    let order = GivingOrder {
        account: account.id.clone(),
        access,
        seen: version_of(fields.text(VERSION)),
        reason: fields.text(REASON).to_owned(),
    };
    let (status, words) = match without_faults(moves::give_access(&app, permit, order).await)? {
        Ok(()) => return go_to(done::address(&loaded.path(), SiteDone::AccessGiven)),
        Err(Declined::Refusal(refusal)) => (unprocessable, refusal.words()),
        Err(Declined::Conflict(conflict)) => (StatusCode::CONFLICT, conflict.words),
    };
    let form = visit.form(fields.with(CONFIRM, ""), Problems::one(ADDRESS, words));
    // As it is now, for deciding again.
    let loaded = load(&app, &by, &id).await?;
    show_give(&app, &visit, &by, &loaded, form, None, status).await
}

#[derive(askama::Template)]
#[template(path = "casework/pages/site_add_address.html")]
pub struct AddAddressPage {
    pub layout: Layout,
    pub form: Form,
    pub site: String,
    pub mailbox: String,
    pub version: i64,
    pub reason: Textarea,
    pub confirm: Checkboxes,
}

fn show_add(visit: &Visit, by: &CaseWorker, loaded: &Loaded, form: Form, status: StatusCode) -> Answer {
    let template = AddAddressPage {
        layout: layout(visit, by, "Add the address of the site that was here before", SITES)
            .with_problems(&form)
            .back_to(loaded.path()),
        site: loaded.called(),
        mailbox: loaded.mailbox.address.clone(),
        version: loaded.mailbox.version,
        reason: reason_field(&form),
        confirm: form
            .tick(CONFIRM, &format!("Yes, mail to that address should arrive at {}", loaded.site.name)),
        form,
    };
    show_with(status, &template)
}

/// GET /casework/sites/{id}/add-address
pub async fn add_page(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
) -> Answer {
    let loaded = load(&app, &by, &id).await?;
    show_add(&visit, &by, &loaded, visit.empty_form(), StatusCode::OK)
}

/// POST /casework/sites/{id}/add-address
pub async fn add(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
    fields: Fields,
) -> Answer {
    let loaded = load(&app, &by, &id).await?;
    let mut problems = Problems::none();
    let typed = problems.take(ADDRESS, typed_address(&fields, &app.settings.mail_domain));
    read(&fields, &mut problems);
    let Some(address) = typed.filter(|_| problems.is_empty()) else {
        let form = visit.form(fields, problems);
        return show_add(&visit, &by, &loaded, form, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let who = Who::CaseWorker { id: by.id.clone() };
    let permit = allowed_for_mailbox(&app, &who, &loaded.mailbox.id).await?;
    let order = AddressOrder {
        address,
        seen: version_of(fields.text(VERSION)),
        reason: fields.text(REASON).to_owned(),
    };
    let (status, words) = match without_faults(moves::add_address(&app, permit, order).await)? {
        Ok(()) => return go_to(done::address(&loaded.path(), SiteDone::AddressAdded)),
        Err(Declined::Refusal(refusal)) => (StatusCode::UNPROCESSABLE_ENTITY, refusal.words()),
        Err(Declined::Conflict(conflict)) => (StatusCode::CONFLICT, conflict.words),
    };
    let form = visit.form(fields.with(CONFIRM, ""), Problems::one(ADDRESS, words));
    let loaded = load(&app, &by, &id).await?;
    show_add(&visit, &by, &loaded, form, status)
}
