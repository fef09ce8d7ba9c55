//! Giving somebody access to a shared mailbox, and letting the address of the site that was there
//! before lead to it.

use super::site_loaded::{Loaded, load};
use super::site_person::{CONFIRM, REASON, read, reason_field};
use super::{SITES, layout};
use crate::app::App;
use crate::audit::Actor;
use crate::clock::Timestamp;
use crate::database::{Error, Tx, transaction};
use crate::directory::access::Among;
use crate::directory::letters;
use crate::directory::store::{self as directory_store, PastAddress};
use crate::directory::{Access, Account, Refusal, Room, Scope, address};
use crate::letter::Letterhead;
use crate::sign_in::CaseWorker;
use crate::web::components::{Checkboxes, Radios, Textarea};
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
    let (in_app, reason, now) = (app.clone(), fields.text(REASON).to_owned(), app.clock.now());
    let actor = Actor::CaseWorker(by.id.clone());
    let (site, id) = (loaded.site.id.clone(), account.id.clone());
    let given = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            save_given(tx, &in_app, &site, &id, access, actor, &reason, now).await
        }))
        .await?;
    match given {
        Ok(()) => go_to(format!("{}?done=given", loaded.path())),
        Err(refusal) => {
            let form = visit.form(fields.with(CONFIRM, ""), Problems::one(ADDRESS, refusal.words()));
            show_give(&app, &visit, &by, &loaded, form, None, unprocessable).await
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "it is one decision, taken apart for the transaction")]
async fn save_given(
    tx: &mut Tx,
    app: &App,
    site: &str,
    account: &str,
    access: Access,
    by: Actor,
    reason: &str,
    now: Timestamp,
) -> Result<Result<(), Refusal>, Error> {
    let changed = || Error::Unavailable("the shared mailbox changed while access was given".to_owned());
    let site = directory_store::find_site(tx, site).await?.ok_or_else(changed)?;
    directory_store::lock_site(tx, &site.id).await?;
    let mailbox = directory_store::find_shared_mailbox_of_site(tx, &site.id).await?.ok_or_else(changed)?;
    let account = directory_store::find_account(tx, account).await?.ok_or_else(changed)?;
    let people = directory_store::list_people(&Scope::All, tx, &site.id).await?;
    let letter =
        letters::access_given_to(&Letterhead::of(&app.settings), now, &account, &mailbox, &site.name);
    match mailbox.give_access(
        Among { people: &people, room: Room::of(&app.settings) },
        &account,
        access,
        by,
        reason,
    ) {
        Ok(change) => {
            let saved = directory_store::save_access(tx, now, &change.telling(letter)).await?;
            if saved { Ok(Ok(())) } else { Err(changed()) }
        }
        Err(refusal) => Ok(Err(refusal)),
    }
}

#[derive(askama::Template)]
#[template(path = "casework/pages/site_add_address.html")]
pub struct AddAddressPage {
    pub layout: Layout,
    pub form: Form,
    pub site: String,
    pub mailbox: String,
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
    let refused = match (typed, problems.is_empty()) {
        (Some(typed), true) => {
            let (site, now, reason) =
                (loaded.site.id.clone(), app.clock.now(), fields.text(REASON).to_owned());
            let actor = Actor::CaseWorker(by.id.clone());
            app.database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    save_added(tx, &site, &typed, actor, &reason, now).await
                }))
                .await?
                .err()
        }
        (Some(_) | None, _) => {
            let form = visit.form(fields, problems);
            return show_add(&visit, &by, &loaded, form, StatusCode::UNPROCESSABLE_ENTITY);
        }
    };
    match refused {
        None => go_to(format!("{}?done=address", loaded.path())),
        Some(refusal) => {
            let form = visit.form(fields.with(CONFIRM, ""), Problems::one(ADDRESS, refusal.words()));
            show_add(&visit, &by, &loaded, form, StatusCode::UNPROCESSABLE_ENTITY)
        }
    }
}

async fn save_added(
    tx: &mut Tx,
    site: &str,
    typed: &str,
    by: Actor,
    reason: &str,
    now: Timestamp,
) -> Result<Result<(), Refusal>, Error> {
    let changed = || Error::Unavailable("the shared mailbox changed while an address was added".to_owned());
    match directory_store::past_address(tx, typed).await? {
        PastAddress::Free => {}
        PastAddress::NotASites => return Ok(Err(Refusal::NotASitesAddress(typed.to_owned()))),
        PastAddress::InUse => return Ok(Err(Refusal::AddressIsInUse(typed.to_owned()))),
    }
    let mailbox = directory_store::find_shared_mailbox_of_site(tx, site).await?.ok_or_else(changed)?;
    let change = mailbox.add_alias(typed, by, reason);
    if directory_store::add_alias(tx, now, &change, typed, reason).await? {
        Ok(Ok(()))
    } else {
        Err(changed())
    }
}
