//! What the central team does for one person of a site: each on a page of its own, with its reason.

use super::site_loaded::{Loaded, few_owners, load};
use super::{SITES, layout, not_done, text_problem};
use crate::app::App;
use crate::audit::{self, Actor, Entry};
use crate::clock::{Span, Timestamp};
use crate::database::{Error, Tx, transaction};
use crate::directory::access::{Among, can_do_without};
use crate::directory::letters;
use crate::directory::store as directory_store;
use crate::directory::{Access, Account, AccountState, Refusal, Room, SharedMailbox};
use crate::letter::Letterhead;
use crate::outbox::{self, Work};
use crate::sign_in::CaseWorker;
use crate::sign_in::store as sign_ins;
use crate::web::components::{Button, Checkboxes, NotificationBanner, Textarea, WarningCallout};
use crate::web::page::show_with;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to};
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;

pub(super) const REASON: &str = "reason";
pub(super) const CONFIRM: &str = "confirm";
const VERSION: &str = "version";

/// What can be done for one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    Disable,
    Enable,
    MakeOwner,
    MakeMember,
    Remove,
    /// Signs out everywhere and revokes every app password.
    SignOutAndRevoke,
}

impl Doing {
    const ALL: [Doing; 6] = [
        Doing::MakeOwner,
        Doing::MakeMember,
        Doing::Disable,
        Doing::Enable,
        Doing::SignOutAndRevoke,
        Doing::Remove,
    ];

    /// What can be done for somebody whose account and access are so.
    pub fn of(state: Option<AccountState>, access: Access) -> Vec<Self> {
        let Some(state) = state else { return Vec::new() };
        Self::ALL
            .into_iter()
            .filter(|doing| match (doing, state, access) {
                (Doing::Disable, AccountState::Active, _)
                | (Doing::Enable, AccountState::Disabled, _)
                | (Doing::SignOutAndRevoke, AccountState::Active | AccountState::Disabled, _)
                | (Doing::MakeOwner, _, Access::Member)
                | (Doing::MakeMember, _, Access::Owner)
                | (Doing::Remove, _, _) => true,
                (Doing::Disable, AccountState::Pending | AccountState::Disabled, _)
                | (Doing::Enable, AccountState::Pending | AccountState::Active, _)
                | (Doing::SignOutAndRevoke, AccountState::Pending, _)
                | (Doing::MakeOwner, _, Access::Owner)
                | (Doing::MakeMember, _, Access::Member) => false,
            })
            .collect()
    }

    pub fn slug(self) -> &'static str {
        match self {
            Doing::Disable => "disable",
            Doing::Enable => "enable",
            Doing::MakeOwner => "make-owner",
            Doing::MakeMember => "make-member",
            Doing::Remove => "remove",
            Doing::SignOutAndRevoke => "sign-out",
        }
    }

    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|doing| doing.slug() == slug)
    }

    /// The link on the site's page.
    pub fn link(self) -> &'static str {
        match self {
            Doing::Disable => "Disable",
            Doing::Enable => "Enable",
            Doing::MakeOwner => "Make an owner",
            Doing::MakeMember => "Make a member",
            Doing::Remove => "Remove access",
            Doing::SignOutAndRevoke => "Sign out and revoke",
        }
    }

    fn title(self, name: &str) -> String {
        match self {
            Doing::Disable => format!("Disable the account of {name}"),
            Doing::Enable => format!("Enable the account of {name}"),
            Doing::MakeOwner => format!("Make {name} an owner"),
            Doing::MakeMember => format!("Make {name} a member"),
            Doing::Remove => format!("Remove the access of {name}"),
            Doing::SignOutAndRevoke => format!("Sign {name} out and revoke all mail programs"),
        }
    }

    /// What follows from it, before it is done.
    fn consequences(self, until: Timestamp) -> Vec<String> {
        let lines: &[&str] = match self {
            Doing::Disable => &[
                "For long leave. They are signed out at once and cannot sign in, and their mail programs cannot open the mailbox.",
                "Mail to them is refused and its sender is told. Nothing is deleted, and no app password is revoked.",
                "They are told at their personal email address.",
            ],
            Doing::Enable => &[
                "They can sign in again, and the mail programs they had work again.",
                "They are told at their personal email address.",
            ],
            Doing::MakeOwner => &[
                "An owner reads and sends mail of the shared mailbox, and tells us who joins and who leaves.",
                "They are told by email.",
            ],
            Doing::MakeMember => &[
                "A member reads and sends mail of the shared mailbox. We no longer take changes for the site from them.",
                "They are told by email.",
            ],
            Doing::Remove => &[
                "They can no longer open the shared mailbox of this site. Their own account stays as it is, with its place.",
                "They are told by email.",
            ],
            Doing::SignOutAndRevoke => &[
                "For a lost phone or computer, or when somebody else may have got in.",
                "They are signed out in every browser and every app password stops working at once. Their password and authenticator app stay.",
                "They are told at their personal email address.",
            ],
        };
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        if self == Doing::Disable {
            lines.insert(2, format!("An account can be disabled until {} at most.", until.day()));
        }
        lines
    }

    fn confirmation(self, name: &str) -> String {
        match self {
            Doing::Disable => format!("Yes, disable the account of {name}"),
            Doing::Enable => format!("Yes, enable the account of {name}"),
            Doing::MakeOwner => format!("Yes, make {name} an owner"),
            Doing::MakeMember => format!("Yes, make {name} a member"),
            Doing::Remove => format!("Yes, remove the access of {name}"),
            Doing::SignOutAndRevoke => format!("Yes, sign {name} out and revoke all app passwords"),
        }
    }

    fn button(self) -> &'static str {
        match self {
            Doing::Disable => "Disable the account",
            Doing::Enable => "Enable the account",
            Doing::MakeOwner => "Make an owner",
            Doing::MakeMember => "Make a member",
            Doing::Remove => "Remove access",
            Doing::SignOutAndRevoke => "Sign out and revoke",
        }
    }

    /// What was done, on the site's page.
    pub fn done_words(self) -> &'static str {
        match self {
            Doing::Disable => "The account is disabled. The person was signed out and is told by email.",
            Doing::Enable => "The account is enabled. The person is told by email.",
            Doing::MakeOwner => "The person is an owner now and is told by email.",
            Doing::MakeMember => "The person is a member now and is told by email.",
            Doing::Remove => "The person can no longer open this shared mailbox and is told by email.",
            Doing::SignOutAndRevoke => {
                "The person was signed out everywhere, all app passwords are revoked, and they are told by email."
            }
        }
    }

    /// Whether it takes an owner from the site.
    fn takes_an_owner(self) -> bool {
        match self {
            Doing::Disable | Doing::MakeMember | Doing::Remove => true,
            Doing::Enable | Doing::MakeOwner | Doing::SignOutAndRevoke => false,
        }
    }
}

#[derive(askama::Template)]
#[template(path = "casework/pages/site_person.html")]
pub struct PersonPage {
    pub layout: Layout,
    pub form: Form,
    pub banner: Option<NotificationBanner>,
    pub site: String,
    pub address: String,
    pub consequences: Vec<String>,
    pub few_owners: Option<WarningCallout>,
    pub version: String,
    pub reason: Textarea,
    pub confirm: Checkboxes,
    pub button: Button,
}

/// The reason, as every form of these pages asks for it.
pub(super) fn reason_field(form: &Form) -> Textarea {
    form.lines(
        REASON,
        "Reason",
        "Who asked for it, and how you know that it was them. It stays in the history of the site. Do not write anything about people who receive care.",
    )
}

/// What is wrong with the reason and the box.
pub(super) fn read(fields: &Fields, problems: &mut Problems) {
    if let Some(words) = text_problem(fields.text(REASON), "Enter the reason", "Reason") {
        problems.add(REASON, words);
    }
    if fields.text(CONFIRM) != "yes" {
        problems.add(CONFIRM, "Tick the box if this is what should be done");
    }
}

/// Whom a page is about.
struct Subject {
    loaded: Loaded,
    account: Account,
    doing: Doing,
}

impl Subject {
    async fn load(
        app: &App,
        by: &CaseWorker,
        site: &str,
        account: &str,
        doing: &str,
    ) -> Result<Self, Interrupt> {
        let doing = Doing::from_slug(doing).ok_or_else(Interrupt::not_found)?;
        let loaded = load(app, by, site).await?;
        if !loaded.people.iter().any(|person| person.account_id == account) {
            return Err(Interrupt::not_found());
        }
        let account = directory_store::find_account(&app.database, account).await?;
        let account = account.ok_or_else(Interrupt::not_found)?;
        Ok(Subject { loaded, account, doing })
    }

    /// What somebody decides about: saving is refused where either changed meanwhile.
    fn version(&self) -> String {
        format!("{}-{}", self.account.version, self.loaded.mailbox.version)
    }

    fn show(
        &self,
        app: &App,
        visit: &Visit,
        by: &CaseWorker,
        form: Form,
        status: StatusCode,
        banner: Option<NotificationBanner>,
    ) -> Answer {
        let name = self.account.full_name();
        let until = app.clock.now().plus(Span::days(i64::from(app.settings.disabled_days_max)));
        let button = form.button(self.doing.button());
        // Whether too few owners would be left is said before, not only when none would be.
        let left: Vec<_> = self
            .loaded
            .people
            .iter()
            .filter(|person| person.account_id != self.account.id)
            .cloned()
            .collect();
        let template = PersonPage {
            layout: layout(visit, by, &self.doing.title(&name), SITES)
                .with_problems(&form)
                .back_to(self.loaded.path()),
            banner,
            site: self.loaded.called(),
            address: self.account.address.clone(),
            consequences: self.doing.consequences(until),
            few_owners: self.doing.takes_an_owner().then(|| few_owners(&left)).flatten(),
            version: self.version(),
            reason: reason_field(&form),
            confirm: form.tick(CONFIRM, &self.doing.confirmation(&name)),
            button: match self.doing {
                Doing::Enable | Doing::MakeOwner => button,
                Doing::Disable | Doing::MakeMember | Doing::Remove | Doing::SignOutAndRevoke => {
                    button.warning()
                }
            },
            form,
        };
        show_with(status, &template)
    }
}

/// GET /casework/sites/{id}/people/{account}/{doing}
pub async fn page(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path((site, account, doing)): Path<(String, String, String)>,
) -> Answer {
    let subject = Subject::load(&app, &by, &site, &account, &doing).await?;
    subject.show(&app, &visit, &by, visit.empty_form(), StatusCode::OK, None)
}

/// What became of it.
enum Done {
    Yes,
    Refused(Refusal),
    /// Somebody else changed the account or the shared mailbox in between.
    Changed,
}

/// POST /casework/sites/{id}/people/{account}/{doing}
pub async fn save(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path((site, account, doing)): Path<(String, String, String)>,
    fields: Fields,
) -> Answer {
    let subject = Subject::load(&app, &by, &site, &account, &doing).await?;
    let mut problems = Problems::none();
    read(&fields, &mut problems);
    if !problems.is_empty() {
        let form = visit.form(fields, problems);
        return subject.show(&app, &visit, &by, form, StatusCode::UNPROCESSABLE_ENTITY, None);
    }
    let order = Order {
        site,
        account,
        doing: subject.doing,
        version: fields.text(VERSION).to_owned(),
        by: Actor::CaseWorker(by.id.clone()),
        reason: fields.text(REASON).to_owned(),
        at: app.clock.now(),
    };
    let in_app = app.clone();
    let done = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| { carry_out(tx, &in_app, &order).await }))
        .await?;
    let words = match done {
        Done::Yes => {
            return go_to(format!("{}?done={}", subject.loaded.path(), subject.doing.slug()));
        }
        Done::Refused(refusal) => refusal.words(),
        Done::Changed => {
            "Somebody else changed this account or shared mailbox meanwhile. Look at it as it is now, and decide again."
                .to_owned()
        }
    };
    // As it is now, for deciding again.
    let subject = Subject::load(&app, &by, &subject.loaded.site.id, &subject.account.id, &doing).await?;
    let form = visit.form(fields.with(CONFIRM, ""), Problems::none());
    let banner = not_done("This was not done", &words);
    subject.show(&app, &visit, &by, form, StatusCode::CONFLICT, Some(banner))
}

/// What a case worker decided about somebody.
#[derive(Clone)]
struct Order {
    site: String,
    account: String,
    doing: Doing,
    version: String,
    by: Actor,
    reason: String,
    at: Timestamp,
}

async fn carry_out(tx: &mut Tx, app: &App, order: &Order) -> Result<Done, Error> {
    // Whoever changes owners of one of these mailboxes waits, so that the last two cannot go at once.
    for owned in directory_store::list_sites_owned(&crate::directory::Scope::All, tx, &order.account).await? {
        directory_store::lock_site(tx, &owned.id).await?;
    }
    let Some(site) = directory_store::find_site(tx, &order.site).await? else { return Ok(Done::Changed) };
    directory_store::lock_site(tx, &site.id).await?;
    let mailbox = directory_store::find_shared_mailbox_of_site(tx, &order.site).await?;
    let account = directory_store::find_account(tx, &order.account).await?;
    let (Some(mailbox), Some(account)) = (mailbox, account) else { return Ok(Done::Changed) };
    if format!("{}-{}", account.version, mailbox.version) != order.version {
        return Ok(Done::Changed);
    }
    match order.doing {
        Doing::Disable => disable(tx, app, order, account).await,
        Doing::Enable => enable(tx, app, order, account).await,
        Doing::SignOutAndRevoke => sign_out_and_revoke(tx, app, order, &account).await,
        Doing::MakeOwner => {
            change_access(tx, app, order, mailbox, &account, Some(Access::Owner), &site.name).await
        }
        Doing::MakeMember => {
            change_access(tx, app, order, mailbox, &account, Some(Access::Member), &site.name).await
        }
        Doing::Remove => change_access(tx, app, order, mailbox, &account, None, &site.name).await,
    }
}

async fn disable(tx: &mut Tx, app: &App, order: &Order, account: Account) -> Result<Done, Error> {
    for owned in directory_store::list_sites_owned(&crate::directory::Scope::All, tx, &account.id).await? {
        let people = directory_store::list_people(&crate::directory::Scope::All, tx, &owned.id).await?;
        if let Err(refusal) = can_do_without(&people, &account.id, &owned.name) {
            return Ok(Done::Refused(refusal));
        }
    }
    let until = order.at.plus(Span::days(i64::from(app.settings.disabled_days_max)));
    let letter = letters::disabled(&Letterhead::of(&app.settings), order.at, &account, until);
    let id = account.id.clone();
    let change = match account.disable(order.at, order.by.clone(), &order.reason) {
        Ok(change) => change.telling(letter),
        Err(refusal) => return Ok(Done::Refused(refusal)),
    };
    if !directory_store::save_account(tx, order.at, &change).await? {
        return Ok(Done::Changed);
    }
    sign_ins::end_sessions_of_holder(tx, &id).await?;
    Ok(Done::Yes)
}

async fn enable(tx: &mut Tx, app: &App, order: &Order, account: Account) -> Result<Done, Error> {
    let letter = letters::enabled(&Letterhead::of(&app.settings), order.at, &account);
    let change = match account.enable(order.at, order.by.clone(), &order.reason) {
        Ok(change) => change.telling(letter),
        Err(refusal) => return Ok(Done::Refused(refusal)),
    };
    Ok(if directory_store::save_account(tx, order.at, &change).await? { Done::Yes } else { Done::Changed })
}

async fn sign_out_and_revoke(
    tx: &mut Tx,
    app: &App,
    order: &Order,
    account: &Account,
) -> Result<Done, Error> {
    sign_ins::end_sessions_of_holder(tx, &account.id).await?;
    sign_ins::forget_waiting_authenticators(tx, &account.id).await?;
    directory_store::revoke_app_passwords(tx, order.at, &account.id).await?;
    let entry = Entry::new(order.by.clone(), "signed out everywhere and app passwords revoked", &account.id)
        .because(&order.reason);
    audit::store::add(tx, order.at, &entry).await?;
    let letter = letters::signed_out_and_revoked(&Letterhead::of(&app.settings), order.at, account);
    outbox::store::write_letter(tx, order.at, &letter).await?;
    let work = Work::ProvisionAccount { account: account.id.clone() };
    outbox::store::queue(tx, order.at, order.at, &work).await?;
    Ok(Done::Yes)
}

async fn change_access(
    tx: &mut Tx,
    app: &App,
    order: &Order,
    mailbox: SharedMailbox,
    account: &Account,
    access: Option<Access>,
    site: &str,
) -> Result<Done, Error> {
    let people = directory_store::list_people(&crate::directory::Scope::All, tx, &order.site).await?;
    let letter =
        letters::access_changed(&Letterhead::of(&app.settings), order.at, account, &mailbox, site, access);
    let (by, reason) = (order.by.clone(), order.reason.as_str());
    let change = match access {
        Some(access) => mailbox.change_access(
            Among { people: &people, room: Room::of(&app.settings) },
            &account.id,
            access,
            site,
            by,
            reason,
        ),
        None => mailbox.remove_access(&people, &account.id, site, by, reason),
    };
    let change = match change {
        Ok(change) => change.telling(letter),
        Err(refusal) => return Ok(Done::Refused(refusal)),
    };
    Ok(if directory_store::save_access(tx, order.at, &change).await? { Done::Yes } else { Done::Changed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_makes_sense_is_offered() {
        let check = |state: AccountState, access: Access, expect: &[Doing]| {
            assert_eq!(Doing::of(Some(state), access), expect, "{state:?} {access:?}");
        };
        use Doing::{Disable, Enable, MakeMember, MakeOwner, Remove, SignOutAndRevoke};
        check(AccountState::Active, Access::Owner, &[MakeMember, Disable, SignOutAndRevoke, Remove]);
        check(AccountState::Active, Access::Member, &[MakeOwner, Disable, SignOutAndRevoke, Remove]);
        check(AccountState::Disabled, Access::Member, &[MakeOwner, Enable, SignOutAndRevoke, Remove]);
        check(AccountState::Pending, Access::Owner, &[MakeMember, Remove]);
        for doing in Doing::ALL {
            assert_eq!(Doing::from_slug(doing.slug()), Some(doing));
            assert!(doing.title("Amy Reed").contains("Amy Reed"));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_last_two_owners_cannot_go_at_once() {
        use crate::app::for_tests::app;
        use crate::clock::Clock;
        use crate::contact::{Email, Mobile, Name};
        use crate::database::for_tests::both_engines;
        use crate::directory::{KnownOrganisation, Management, NewPerson, NewSite, Origin};
        let noon = Timestamp::from_milliseconds(43_200_000);
        for database in both_engines().await {
            let (app, _) = app(database, Clock::still(noon));
            for round in 0..10 {
                let person = |number: usize| NewPerson {
                    first_name: Name::parse("Asha", "name").expect("a name"),
                    last_name: Name::parse("Patel", "name").expect("a name"),
                    role: "Carer".to_owned(),
                    email: Email::parse(&format!("a{round}.{number}@home.example")).expect("an address"),
                    mobile: Mobile::parse(&format!("0770{round:04}{number:03}")).expect("a mobile"),
                    access: Access::Owner,
                    existing_account: None,
                };
                let new = NewSite {
                    origin: Origin::Registration(format!("registration {round}")),
                    organisation: KnownOrganisation::unknown("Rose Court Limited"),
                    management: Management::Nas,
                    ods_code: format!("VM{round}"),
                    cqc_location_id: format!("1-{round}"),
                    name: "Rose Court".to_owned(),
                    town: "Lincoln".to_owned(),
                    postcode: "LN1 1AA".to_owned(),
                    people: vec![person(1), person(2)],
                };
                let opened = app
                    .database
                    .write::<_, Error, _>(transaction!(async move |tx| {
                        let by = &Actor::Service;
                        let opened =
                            directory_store::open_site(tx, "carepost.example", noon, by, &new).await?;
                        let opened = opened.expect("opened");
                        for id in &opened.accounts {
                            let account = directory_store::find_account(tx, id).await?.expect("there");
                            let hash = crate::settings::Secret::new("hash".to_owned());
                            let change = account.activate(noon, hash).expect("activated");
                            assert!(directory_store::save_account(tx, noon, &change).await?);
                        }
                        Ok(opened)
                    }))
                    .await
                    .expect("written");
                let doings = [Doing::Disable, Doing::Remove];
                let going = opened.accounts.iter().zip(doings).map(|(account, doing)| {
                    let order = Order {
                        site: opened.site_id.clone(),
                        account: account.clone(),
                        doing,
                        version: "2-1".to_owned(),
                        by: Actor::Service,
                        reason: "left".to_owned(),
                        at: noon,
                    };
                    let app = app.clone();
                    tokio::spawn(async move {
                        let in_app = app.clone();
                        app.database
                            .write::<_, Error, _>(transaction!(async move |tx| {
                                carry_out(tx, &in_app, &order).await
                            }))
                            .await
                    })
                });
                let mut gone = 0;
                for one in going.collect::<Vec<_>>() {
                    let done = one.await.expect("no panic").expect("answered");
                    gone += usize::from(matches!(done, Done::Yes));
                }
                assert_eq!(gone, 1, "round {round} on {}", app.database.engine());
                let (site, mailbox) = (&opened.site_id, &opened.shared_mailbox_id);
                let history = crate::casework::store::site_history(&app.database, site, mailbox).await;
                assert!(history.expect("read").len() >= 2);
            }
        }
    }
}
