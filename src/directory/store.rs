//! The directory in the database.

use super::access::AccessChange;
use super::address;
use super::app_password::NewAppPassword;
use super::{
    Access, Account, AppPassword, Contact, Management, NewPerson, NewSite, Refusal, SharedMailbox,
    SharedMailboxState, Site, SiteSearch, State,
};
use crate::audit::{self, Actor, Entry};
use crate::clock::Timestamp;
use crate::contact::{Email, Mobile, Name};
use crate::database::{Database, Error, FromRow, Reads, Result, Row, Tx};
use crate::id::new_id;
use crate::outbox::{self, Change, Work};
use crate::settings::Secret;
use sha2::{Digest, Sha256};

/// How often the next number after a name is tried in one transaction. Each try that fails means
/// that somebody else took a number meanwhile.
const NUMBER_TRIES_MAX: usize = 500;
/// Sites of one town that are looked through for look-alikes; the largest English towns have about
/// 400 care sites.
const LOOK_ALIKES_MAX: i64 = 1_000;
/// Sites listed for one account. People work at two or three; agencies at a few dozen.
const SITES_OF_ACCOUNT_MAX: i64 = 100;

macro_rules! site_by {
    ($rest:literal) => {
        concat!(
            "SELECT id, ods_code, cqc_location_id, name, town, postcode, management, registration_id, joined_at \
             FROM sites ",
            $rest
        )
    };
}

macro_rules! shared_mailbox_by {
    ($rest:literal) => {
        concat!(
            "SELECT id, version, site_id, state, address, display_name, made_at FROM shared_mailboxes ",
            $rest
        )
    };
}

macro_rules! account_by {
    ($rest:literal) => {
        concat!(
            "SELECT id, version, state, first_name, last_name, role, address, personal_email, mobile, \
             password_hash, made_at, activated_at, policy_accepted_at, provisioned_at, state_since, state_reason, \
             last_used_at FROM accounts ",
            $rest
        )
    };
}

fn broken(what: &str, text: &str) -> Error {
    Error::Broken(format!("{what}: {text}"))
}

impl FromRow for Site {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let management: String = row.get(6)?;
        Ok(Site {
            id: row.get(0)?,
            ods_code: row.get(1)?,
            cqc_location_id: row.get(2)?,
            name: row.get(3)?,
            town: row.get(4)?,
            postcode: row.get(5)?,
            management: Management::parse(&management)
                .ok_or_else(|| broken("management of a site", &management))?,
            registration_id: row.get(7)?,
            joined_at: row.get(8)?,
        })
    }
}

impl FromRow for SharedMailbox {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let state: String = row.get(3)?;
        Ok(SharedMailbox {
            id: row.get(0)?,
            version: row.get(1)?,
            site_id: row.get(2)?,
            state: SharedMailboxState::parse(&state)
                .ok_or_else(|| broken("state of a shared mailbox", &state))?,
            address: row.get(4)?,
            display_name: row.get(5)?,
            made_at: row.get(6)?,
        })
    }
}

impl FromRow for Account {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (state, first_name, last_name): (String, String, String) =
            (row.get(2)?, row.get(3)?, row.get(4)?);
        let (email, mobile): (String, String) = (row.get(7)?, row.get(8)?);
        let password_hash: Option<String> = row.get(9)?;
        Ok(Account {
            id: row.get(0)?,
            version: row.get(1)?,
            state: State::parse(&state).ok_or_else(|| broken("state of an account", &state))?,
            first_name: Name::parse(&first_name, "first name")
                .map_err(|words| broken("an account", &words))?,
            last_name: Name::parse(&last_name, "last name").map_err(|words| broken("an account", &words))?,
            role: row.get(5)?,
            address: row.get(6)?,
            personal_email: Email::parse(&email).map_err(|words| broken("an account", &words))?,
            mobile: Mobile::parse(&mobile).map_err(|words| broken("an account", &words))?,
            password_hash: password_hash.map(Secret::new),
            made_at: row.get(10)?,
            activated_at: row.get(11)?,
            policy_accepted_at: row.get(12)?,
            provisioned_at: row.get(13)?,
            state_since: row.get(14)?,
            state_reason: row.get(15)?,
            last_used_at: row.get(16)?,
        })
    }
}

pub async fn find_site(from: &mut impl Reads, id: &str) -> Result<Option<Site>> {
    from.maybe(site_by!("WHERE id = $1"), &[&id]).await
}

pub async fn find_site_by_ods_code(from: &mut impl Reads, ods_code: &str) -> Result<Option<Site>> {
    from.maybe(site_by!("WHERE ods_code = $1"), &[&ods_code]).await
}

/// The site of a CQC location, if it has joined.
pub async fn find_site_by_cqc_location(from: &mut impl Reads, location: &str) -> Result<Option<Site>> {
    from.maybe(site_by!("WHERE cqc_location_id = $1 ORDER BY joined_at, id LIMIT 1"), &[&location]).await
}

pub async fn find_site_of_registration(from: &mut impl Reads, registration: &str) -> Result<Option<Site>> {
    from.maybe(site_by!("WHERE registration_id = $1"), &[&registration]).await
}

pub async fn find_shared_mailbox(from: &mut impl Reads, id: &str) -> Result<Option<SharedMailbox>> {
    from.maybe(shared_mailbox_by!("WHERE id = $1"), &[&id]).await
}

pub async fn find_shared_mailbox_of_site(from: &mut impl Reads, site: &str) -> Result<Option<SharedMailbox>> {
    from.maybe(shared_mailbox_by!("WHERE site_id = $1"), &[&site]).await
}

pub async fn find_account(from: &mut impl Reads, id: &str) -> Result<Option<Account>> {
    from.maybe(account_by!("WHERE id = $1"), &[&id]).await
}

pub async fn find_account_by_address(from: &mut impl Reads, address: &str) -> Result<Option<Account>> {
    from.maybe(account_by!("WHERE address = $1"), &[&address::canonical(address)]).await
}

/// The live account whose own address or personal email this is. The register of personal contacts
/// is for finding an account, never for showing.
pub async fn find_account_by_any_email(from: &mut impl Reads, email: &Email) -> Result<Option<Account>> {
    from.maybe(
        account_by!(
            "WHERE id IN (SELECT id FROM accounts WHERE address = $1 AND contact_is_live \
                          UNION SELECT id FROM accounts WHERE personal_email = $1 AND contact_is_live) LIMIT 1"
        ),
        &[&email.as_str()],
    )
    .await
}

/// Somebody who may use a site's shared mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonOfSite {
    pub account_id: String,
    pub first_name: String,
    pub last_name: String,
    pub role: String,
    pub address: String,
    pub state: String,
    pub access: Access,
    /// Their numbered place at this site; none where their account belongs to another site.
    pub slot: Option<i64>,
    pub last_used_at: Option<Timestamp>,
}

impl FromRow for PersonOfSite {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let access: String = row.get(6)?;
        Ok(PersonOfSite {
            account_id: row.get(0)?,
            first_name: row.get(1)?,
            last_name: row.get(2)?,
            role: row.get(3)?,
            address: row.get(4)?,
            state: row.get(5)?,
            access: Access::parse(&access).ok_or_else(|| broken("access to a shared mailbox", &access))?,
            slot: row.get(7)?,
            last_used_at: row.get(8)?,
        })
    }
}

/// Everybody who may use a site's shared mailbox: those with a place there first, at most 350 (a
/// shared mailbox has at most 250 members and 100 owners).
pub async fn list_people(from: &mut impl Reads, site: &str) -> Result<Vec<PersonOfSite>> {
    from.all(
        "SELECT a.id, a.first_name, a.last_name, a.role, a.address, a.state, x.access, s.slot, a.last_used_at
           FROM shared_mailboxes m
           JOIN shared_mailbox_access x ON x.shared_mailbox_id = m.id
           JOIN accounts a ON a.id = x.account_id
           LEFT JOIN account_slots s ON s.account_id = a.id AND s.site_id = m.site_id
          WHERE m.site_id = $1
          ORDER BY CASE WHEN s.slot IS NULL THEN 1 ELSE 0 END, s.slot, a.id LIMIT 350",
        &[&site],
    )
    .await
}

/// A site as one of its people sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteOfAccount {
    pub site_id: String,
    pub name: String,
    pub town: String,
    pub registration_id: String,
    pub shared_mailbox: String,
    pub access: Access,
}

impl FromRow for SiteOfAccount {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let access: String = row.get(5)?;
        Ok(SiteOfAccount {
            site_id: row.get(0)?,
            name: row.get(1)?,
            town: row.get(2)?,
            registration_id: row.get(3)?,
            shared_mailbox: row.get(4)?,
            access: Access::parse(&access).ok_or_else(|| broken("access to a shared mailbox", &access))?,
        })
    }
}

/// The sites whose shared mailboxes an account may use; the one it has its place at comes first.
pub async fn list_sites_of_account(from: &mut impl Reads, account: &str) -> Result<Vec<SiteOfAccount>> {
    from.all(
        "SELECT t.id, t.name, t.town, t.registration_id, m.address, x.access
           FROM shared_mailbox_access x
           JOIN shared_mailboxes m ON m.id = x.shared_mailbox_id
           JOIN sites t ON t.id = m.site_id
           LEFT JOIN account_slots s ON s.account_id = x.account_id AND s.site_id = t.id
          WHERE x.account_id = $1
          ORDER BY CASE WHEN s.slot IS NULL THEN 1 ELSE 0 END, x.since, t.id LIMIT $2",
        &[&account, &SITES_OF_ACCOUNT_MAX],
    )
    .await
}

/// Name and town of the site an account has its place at, whatever it may use.
pub async fn home_of_account(from: &mut impl Reads, account: &str) -> Result<Option<(String, String)>> {
    from.maybe(
        "SELECT t.name, t.town FROM account_slots s JOIN sites t ON t.id = s.site_id WHERE s.account_id = $1",
        &[&account],
    )
    .await
}

/// Which of these people's contacts belong to a live account, by place.
pub async fn taken_contacts(
    from: &mut impl Reads,
    people: &[(&Email, &Mobile)],
) -> Result<Vec<(usize, Contact)>> {
    let mut taken = Vec::new();
    for (place, (email, mobile)) in people.iter().enumerate() {
        taken.extend(taken_of(from, email, mobile).await?.into_iter().map(|contact| (place, contact)));
    }
    Ok(taken)
}

async fn taken_of(from: &mut impl Reads, email: &Email, mobile: &Mobile) -> Result<Vec<Contact>> {
    let (by_email, by_mobile): (i64, i64) = from
        .one(
            "SELECT (SELECT COUNT(*) FROM accounts WHERE personal_email = $1 AND contact_is_live),
                    (SELECT COUNT(*) FROM accounts WHERE mobile = $2 AND contact_is_live)",
            &[&email.as_str(), &mobile.as_str()],
        )
        .await?;
    let mut taken = Vec::new();
    if by_email > 0 {
        taken.push(Contact::Email);
    }
    if by_mobile > 0 {
        taken.push(Contact::Mobile);
    }
    Ok(taken)
}

/// Sites of the same town whose names could be taken for this one's, in words; for warning a case
/// worker.
pub async fn list_look_alike_sites(
    from: &mut impl Reads,
    name: &str,
    town: &str,
    ods_code: &str,
) -> Result<Vec<String>> {
    let near: Vec<(String, String)> = from
        .all(
            "SELECT ods_code, name FROM sites WHERE town = $1 AND ods_code <> $2 ORDER BY ods_code LIMIT $3",
            &[&town, &ods_code, &LOOK_ALIKES_MAX],
        )
        .await?;
    Ok(near
        .into_iter()
        .filter(|(_, other)| address::look_alike(name, other))
        .map(|(code, other)| format!("{other} ({code})"))
        .collect())
}

/// What was made for a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub site_id: String,
    pub shared_mailbox_id: String,
    pub shared_mailbox_address: String,
    /// The accounts made, in the order of the people; those who had one are not among them.
    pub accounts: Vec<String>,
}

/// Opens a site: everything that is in the directory because a registration was approved, in the
/// transaction of the approval. Where it is refused, nothing was changed, so the caller may go on
/// and commit what it has to say about that.
pub async fn open_site(
    tx: &mut Tx,
    domain: &str,
    at: Timestamp,
    by: &Actor,
    new: &NewSite,
) -> Result<std::result::Result<Opened, Refusal>> {
    if let Err(refusal) = new.check() {
        return Ok(Err(refusal));
    }
    tx.run("SAVEPOINT site", &[]).await?;
    let opened = open(tx, domain, at, by, new).await?;
    // Two writers can only be told apart by the constraints, which speak up half way through.
    let end = if opened.is_ok() { "RELEASE site" } else { "ROLLBACK TO site" };
    tx.run(end, &[]).await?;
    Ok(opened)
}

async fn open(
    tx: &mut Tx,
    domain: &str,
    at: Timestamp,
    by: &Actor,
    new: &NewSite,
) -> Result<std::result::Result<Opened, Refusal>> {
    let site_id = new_id(at);
    // First, so that a second writer for the same site waits here and then hears that it is there.
    let added = tx
        .run(
            "INSERT INTO sites (id, ods_code, cqc_location_id, name, town, postcode, management, registration_id,
                                joined_at, name_plain)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
            &[
                &site_id,
                &new.ods_code,
                &new.cqc_location_id,
                &new.name,
                &new.town,
                &new.postcode,
                &Management::Nas.stored(),
                &new.registration_id,
                &at,
                &super::plain_words(&new.name),
            ],
        )
        .await?;
    if added == 0 {
        let (name,): (String,) = tx
            .one(
                "SELECT name FROM sites WHERE ods_code = $1 OR registration_id = $2 LIMIT 1",
                &[&new.ods_code, &new.registration_id],
            )
            .await?;
        return Ok(Err(Refusal::SiteIsThere(name)));
    }
    audit::store::add(tx, at, &Entry::new(by.clone(), "site opened", &site_id).because(&new.registration_id))
        .await?;

    let shared_mailbox_id = new_id(at);
    let stem = address::shared_mailbox_stem(&new.ods_code);
    let shared_mailbox_address = address::of_person(&stem, 0, domain);
    if !add_address(tx, at, &shared_mailbox_address, &stem, 0, &shared_mailbox_id).await? {
        return Ok(Err(Refusal::AddressIsTaken(shared_mailbox_address)));
    }
    tx.run(
        "INSERT INTO shared_mailboxes (id, version, site_id, state, address, display_name, made_at)
         VALUES ($1, 1, $2, $3, $4, $5, $6)",
        &[
            &shared_mailbox_id,
            &site_id,
            &SharedMailboxState::Pending.stored(),
            &shared_mailbox_address,
            &address::shared_mailbox_display_name(&new.ods_code, &new.name, &new.town),
            &at,
        ],
    )
    .await?;
    let entry = Entry::new(by.clone(), "shared mailbox opened", &shared_mailbox_id).because(&site_id);
    audit::store::add(tx, at, &entry).await?;

    // In the order of their names, so that two sites with the same names never wait for each other.
    let mut order: Vec<&NewPerson> = new.people.iter().collect();
    order.sort_by_cached_key(|person| address::stem(&person.first_name, &person.last_name));
    let mut accounts: Vec<(&NewPerson, String)> = Vec::new();
    for person in order {
        let account = match &person.existing_account {
            Some(theirs) => {
                let found = find_account_by_address(tx, theirs).await?;
                match found.filter(|account| super::same_last_name(&account.last_name, &person.last_name)) {
                    Some(account) => account.id,
                    None => {
                        return Ok(Err(Refusal::NotTheirAccount {
                            person: person.full_name(),
                            address: theirs.clone(),
                        }));
                    }
                }
            }
            None => {
                let id = new_id(at);
                let address = take_address(tx, at, person, domain, &id).await?;
                if !add_account(tx, at, person, &id, &address).await? {
                    let taken = taken_of(tx, &person.email, &person.mobile).await?;
                    let contact = taken.into_iter().next().ok_or_else(|| broken("a new account", &id))?;
                    return Ok(Err(Refusal::ContactIsTaken { person: person.full_name(), contact }));
                }
                id
            }
        };
        accounts.push((person, account));
    }

    let mut made = Vec::new();
    for person in &new.people {
        let Some((_, account)) = accounts.iter().find(|(known, _)| std::ptr::eq(*known, person)) else {
            continue;
        };
        tx.run(
            "INSERT INTO shared_mailbox_access (shared_mailbox_id, account_id, access, since) VALUES ($1, $2, $3, $4)",
            &[&shared_mailbox_id, account, &person.access.stored(), &at],
        )
        .await?;
        let (action, detail) = match person.existing_account {
            Some(_) => ("shared mailbox access given", &shared_mailbox_id),
            None => {
                made.push(account.clone());
                let slot = i64::try_from(made.len()).unwrap_or(i64::MAX);
                tx.run(
                    "INSERT INTO account_slots (site_id, slot, account_id) VALUES ($1, $2, $3)",
                    &[&site_id, &slot, account],
                )
                .await?;
                ("account opened", &site_id)
            }
        };
        audit::store::add(tx, at, &Entry::new(by.clone(), action, account).because(detail)).await?;
    }

    for account in &made {
        outbox::store::queue(tx, at, at, &Work::ProvisionAccount { account: account.clone() }).await?;
    }
    let work = Work::ProvisionSharedMailbox { shared_mailbox: shared_mailbox_id.clone() };
    outbox::store::queue(tx, at, at, &work).await?;
    Ok(Ok(Opened { site_id, shared_mailbox_id, shared_mailbox_address, accounts: made }))
}

/// Takes an address for good; false when it was ever taken.
async fn add_address(
    tx: &mut Tx,
    at: Timestamp,
    address: &str,
    stem: &str,
    number: i64,
    names: &str,
) -> Result<bool> {
    let added = tx
        .run(
            "INSERT INTO addresses (canonical, stem, number, names, taken_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
            &[&address, &stem, &number, &names, &at],
        )
        .await?;
    Ok(added == 1)
}

/// Takes the next address that a person's name gives.
async fn take_address(
    tx: &mut Tx,
    at: Timestamp,
    person: &NewPerson,
    domain: &str,
    names: &str,
) -> Result<String> {
    let stem = address::stem(&person.first_name, &person.last_name);
    let mut number = 0;
    for _ in 0..NUMBER_TRIES_MAX {
        let address = address::of_person(&stem, number, domain);
        if add_address(tx, at, &address, &stem, number, names).await? {
            return Ok(address);
        }
        let last: Option<(i64,)> = tx
            .maybe("SELECT number FROM addresses WHERE stem = $1 ORDER BY number DESC LIMIT 1", &[&stem])
            .await?;
        number = last.map_or(0, |(last,)| last).max(number) + 1;
    }
    Err(Error::Unavailable(format!("too many people are called {stem} just now")))
}

/// Adds an account; false when a contact belongs to another live account.
async fn add_account(
    tx: &mut Tx,
    at: Timestamp,
    person: &NewPerson,
    id: &str,
    address: &str,
) -> Result<bool> {
    let added = tx
        .run(
            "INSERT INTO accounts (id, version, state, first_name, last_name, role, address, personal_email, mobile,
                                   contact_is_live, made_at, state_since)
             VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, TRUE, $9, $9) ON CONFLICT DO NOTHING",
            &[
                &id,
                &State::Pending.stored(),
                &person.first_name.as_str(),
                &person.last_name.as_str(),
                &person.role,
                &address,
                &person.email.as_str(),
                &person.mobile.as_str(),
                &at,
            ],
        )
        .await?;
    Ok(added == 1)
}

/// Saves a move of an account with its entry, its work and its letters; false when somebody else
/// saved in between.
pub async fn save_account(tx: &mut Tx, now: Timestamp, change: &Change<Account>) -> Result<bool> {
    let account = &change.state;
    let hash = account.password_hash.as_ref().map(Secret::reveal);
    let saved = tx
        .run(
            "UPDATE accounts SET state = $1, password_hash = $2, activated_at = $3, policy_accepted_at = $4,
                    provisioned_at = $5, state_since = $6, state_reason = $7, version = version + 1
              WHERE id = $8 AND version = $9",
            &[
                &account.state.stored(),
                &hash,
                &account.activated_at,
                &account.policy_accepted_at,
                &account.provisioned_at,
                &account.state_since,
                &account.state_reason,
                &account.id,
                &account.version,
            ],
        )
        .await?;
    if saved == 0 {
        return Ok(false);
    }
    outbox::store::save_with(tx, now, change).await?;
    Ok(true)
}

/// Saves a move of a shared mailbox; false when somebody else saved in between.
pub async fn save_shared_mailbox(
    tx: &mut Tx,
    now: Timestamp,
    change: &Change<SharedMailbox>,
) -> Result<bool> {
    let mailbox = &change.state;
    let saved = tx
        .run(
            "UPDATE shared_mailboxes SET state = $1, version = version + 1 WHERE id = $2 AND version = $3",
            &[&mailbox.state.stored(), &mailbox.id, &mailbox.version],
        )
        .await?;
    if saved == 0 {
        return Ok(false);
    }
    outbox::store::save_with(tx, now, change).await?;
    Ok(true)
}

/// Notes that an account was used: a sign-in on the pages, a mail program that opened the mailbox, a
/// message sent. Moves forward only, and is no change of the account that others must see.
pub async fn mark_used(tx: &mut Tx, account: &str, at: Timestamp) -> Result<()> {
    tx.run(
        "UPDATE accounts SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)",
        &[&at, &account],
    )
    .await?;
    Ok(())
}

/// Further addresses that lead to a mailbox of an account or a site, in order; at most 100.
pub async fn list_aliases(from: &mut impl Reads, mailbox: &str) -> Result<Vec<String>> {
    let found: Vec<(String,)> = from
        .all("SELECT canonical FROM aliases WHERE mailbox_id = $1 ORDER BY canonical LIMIT 100", &[&mailbox])
        .await?;
    Ok(found.into_iter().map(|(address,)| address).collect())
}

impl FromRow for AppPassword {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(AppPassword {
            id: row.get(0)?,
            name: row.get(1)?,
            selector: row.get(2)?,
            hash: Secret::new(row.get(3)?),
            made_at: row.get(4)?,
            last_used_at: row.get(5)?,
        })
    }
}

/// The app passwords of an account that have not been revoked, the oldest first.
pub async fn list_app_passwords_in_force(from: &mut impl Reads, account: &str) -> Result<Vec<AppPassword>> {
    from.all(
        "SELECT id, name, selector, hash, made_at, last_used_at FROM app_passwords
          WHERE account_id = $1 AND revoked_at IS NULL ORDER BY made_at, id LIMIT $2",
        &[&account, &super::APP_PASSWORDS_MAX],
    )
    .await
}

/// Notes that a mail program signed in with its app password; moves forward only.
pub async fn mark_app_password_used(tx: &mut Tx, id: &str, at: Timestamp) -> Result<()> {
    tx.run(
        "UPDATE app_passwords SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)",
        &[&at, &id],
    )
    .await?;
    Ok(())
}

/// Keeps an app password that has just been made; false where another of the account begins with the
/// same letters, which chance brings about once in a long while.
pub async fn add_app_password(tx: &mut Tx, now: Timestamp, change: &Change<NewAppPassword>) -> Result<bool> {
    let new = &change.state;
    let added = tx
        .run(
            "INSERT INTO app_passwords (id, account_id, name, selector, hash, made_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            &[&new.id, &new.account, &new.name, &new.selector, new.hash.reveal(), &now],
        )
        .await?;
    if added == 0 {
        return Ok(false);
    }
    outbox::store::save_with(tx, now, change).await?;
    Ok(true)
}

/// Revokes an app password of an account; false where it is not in force.
pub async fn revoke_app_password(tx: &mut Tx, now: Timestamp, account: &str, id: &str) -> Result<bool> {
    let revoked = tx
        .run(
            "UPDATE app_passwords SET revoked_at = $1 WHERE id = $2 AND account_id = $3 AND revoked_at IS NULL",
            &[&now, &id, &account],
        )
        .await?;
    Ok(revoked == 1)
}

/// Revokes every app password of an account; answers how many there were.
pub async fn revoke_app_passwords(tx: &mut Tx, now: Timestamp, account: &str) -> Result<u64> {
    tx.run(
        "UPDATE app_passwords SET revoked_at = $1 WHERE account_id = $2 AND revoked_at IS NULL",
        &[&now, &account],
    )
    .await
}

/// Saves who may use a shared mailbox; false when somebody else changed it in between.
pub async fn save_access(tx: &mut Tx, now: Timestamp, change: &Change<AccessChange>) -> Result<bool> {
    let AccessChange { mailbox, account, access } = &change.state;
    let saved = tx
        .run(
            "UPDATE shared_mailboxes SET version = version + 1 WHERE id = $1 AND version = $2",
            &[&mailbox.id, &mailbox.version],
        )
        .await?;
    if saved == 0 {
        return Ok(false);
    }
    match access {
        Some(access) => {
            tx.run(
                "INSERT INTO shared_mailbox_access (shared_mailbox_id, account_id, access, since) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (shared_mailbox_id, account_id) DO UPDATE SET access = $3, since = $4",
                &[&mailbox.id, account, &access.stored(), &now],
            )
            .await?;
        }
        None => {
            tx.run(
                "DELETE FROM shared_mailbox_access WHERE shared_mailbox_id = $1 AND account_id = $2",
                &[&mailbox.id, account],
            )
            .await?;
        }
    }
    outbox::store::save_with(tx, now, change).await?;
    Ok(true)
}

/// Where an address of the past stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PastAddress {
    /// It was a shared mailbox's and leads nowhere now.
    Free,
    /// It was never a site's.
    NotASites,
    /// A mailbox that is in use has it, or it is an alias.
    InUse,
}

/// Whether an address of the past can lead to another shared mailbox.
pub async fn past_address(from: &mut impl Reads, canonical: &str) -> Result<PastAddress> {
    let found: Option<(String,)> =
        from.maybe("SELECT stem FROM addresses WHERE canonical = $1", &[&canonical]).await?;
    if !found.is_some_and(|(stem,)| address::is_shared_mailbox_stem(&stem)) {
        return Ok(PastAddress::NotASites);
    }
    let (used,): (i64,) = from
        .one(
            "SELECT (SELECT COUNT(*) FROM shared_mailboxes WHERE address = $1 AND state NOT IN ('Deleted', 'Purged'))
                  + (SELECT COUNT(*) FROM accounts WHERE address = $1)
                  + (SELECT COUNT(*) FROM aliases WHERE canonical = $1)",
            &[&canonical],
        )
        .await?;
    Ok(if used == 0 { PastAddress::Free } else { PastAddress::InUse })
}

/// Lets an address of the past lead to a shared mailbox; false when it leads somewhere already, or
/// the mailbox changed in between.
pub async fn add_alias(
    tx: &mut Tx,
    now: Timestamp,
    change: &Change<SharedMailbox>,
    canonical: &str,
    because: &str,
) -> Result<bool> {
    let added = tx
        .run(
            "INSERT INTO aliases (canonical, mailbox_id, since, because) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            &[&canonical, &change.state.id, &now, &because],
        )
        .await?;
    Ok(added == 1 && save_shared_mailbox(tx, now, change).await?)
}

/// Sites on one page of a search.
pub const SITES_PAGE: i64 = 25;

/// A site as a search shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteLine {
    pub id: String,
    pub name: String,
    pub town: String,
    pub postcode: String,
    pub ods_code: String,
    pub shared_mailbox: String,
    /// Owners whose accounts are active.
    pub owners: i64,
}

impl FromRow for SiteLine {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(SiteLine {
            id: row.get(0)?,
            name: row.get(1)?,
            town: row.get(2)?,
            postcode: row.get(3)?,
            ods_code: row.get(4)?,
            shared_mailbox: row.get(5)?,
            owners: row.get(6)?,
        })
    }
}

macro_rules! site_lines {
    ($rest:literal) => {
        concat!(
            "SELECT t.id, t.name, t.town, t.postcode, t.ods_code, m.address,                (SELECT COUNT(*) FROM shared_mailbox_access x JOIN accounts a ON a.id = x.account_id                  WHERE x.shared_mailbox_id = m.id AND x.access = 'Owner' AND a.state = 'Active')              FROM sites t JOIN shared_mailboxes m ON m.site_id = t.id ",
            $rest
        )
    };
}

/// A page of the sites that have joined, by name; `page` counts from 0. One line more than a page
/// where there is another.
pub async fn list_sites(from: &mut impl Reads, page: i64) -> Result<Vec<SiteLine>> {
    from.all(
        site_lines!("ORDER BY t.name, t.id LIMIT $1 OFFSET $2"),
        &[&(SITES_PAGE + 1), &(SITES_PAGE * page)],
    )
    .await
}

/// A page of the sites that something typed names: their own name, from its beginning or from the
/// beginning of a word in it, a code, a postcode, or an address of the site or of one of its people.
pub async fn search_sites(from: &mut impl Reads, typed: &SiteSearch, page: i64) -> Result<Vec<SiteLine>> {
    from.all(
        site_lines!(
            "WHERE t.name_plain LIKE $1 OR t.name_plain LIKE $2 OR t.ods_code = $3 OR t.cqc_location_id = $3
                OR t.postcode = $4
                OR m.address = $5
                OR m.id IN (SELECT mailbox_id FROM aliases WHERE canonical = $5)
                OR m.id IN (SELECT x.shared_mailbox_id FROM shared_mailbox_access x
                              JOIN accounts a ON a.id = x.account_id WHERE a.address = $5)
             ORDER BY t.name, t.id LIMIT $6 OFFSET $7"
        ),
        &[
            &typed.beginning,
            &typed.word,
            &typed.code,
            &typed.postcode,
            &typed.address,
            &(SITES_PAGE + 1),
            &(SITES_PAGE * page),
        ],
    )
    .await
}

/// Unread mail in a shared mailbox that has waited too long, as last looked at: how many messages,
/// and when. Nothing where nobody has looked or nothing waits.
pub async fn unread_alarm(from: &mut impl Reads, shared_mailbox: &str) -> Result<Option<(i64, Timestamp)>> {
    from.maybe(
        "SELECT unread, looked_at FROM unread_alarms WHERE shared_mailbox_id = $1 AND unread > 0",
        &[&shared_mailbox],
    )
    .await
}

/// The sites whose shared mailboxes an account owns.
pub async fn list_sites_owned(from: &mut impl Reads, account: &str) -> Result<Vec<Site>> {
    from.all(
        site_by!(
            "WHERE id IN (SELECT m.site_id FROM shared_mailboxes m
                            JOIN shared_mailbox_access x ON x.shared_mailbox_id = m.id
                           WHERE x.account_id = $1 AND x.access = 'Owner') ORDER BY name, id LIMIT 100"
        ),
        &[&account],
    )
    .await
}

/// Makes other writers of the same account wait until this transaction ends.
pub async fn alone_with_account(tx: &mut Tx, account: &str) -> Result<()> {
    alone_with(tx, account).await
}

/// Makes other writers of the same registration's site wait until this transaction ends, so that of
/// two mailboxes that become ready together one sees the other.
pub async fn alone_with_site(tx: &mut Tx, registration: &str) -> Result<()> {
    alone_with(tx, registration).await
}

async fn alone_with(tx: &mut Tx, what: &str) -> Result<()> {
    let hash = Sha256::digest(what.as_bytes());
    let mut key = [0_u8; 8];
    key.copy_from_slice(&hash[..8]);
    tx.alone(i64::from_be_bytes(key)).await
}

/// The registration of the site an account has its place at.
pub async fn registration_of_account(from: &mut impl Reads, account: &str) -> Result<Option<String>> {
    let found: Option<(String,)> = from
        .maybe(
            "SELECT t.registration_id FROM account_slots s JOIN sites t ON t.id = s.site_id WHERE s.account_id = $1",
            &[&account],
        )
        .await?;
    Ok(found.map(|(registration,)| registration))
}

/// How far a registration's site is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Mailboxes that the mail engine does not hold yet.
    pub unprovisioned: i64,
    /// An owner who has activated, if there is one: the first.
    pub first_owner: Option<String>,
}

/// How far a registration's site is; nothing where it has not been opened.
pub async fn progress(from: &mut impl Reads, registration: &str) -> Result<Option<Progress>> {
    let unprovisioned: Option<(i64,)> = from
        .maybe(
            "SELECT (SELECT COUNT(*) FROM account_slots s JOIN accounts a ON a.id = s.account_id
                      WHERE s.site_id = t.id AND a.provisioned_at IS NULL)
                  + (SELECT COUNT(*) FROM shared_mailboxes m WHERE m.site_id = t.id AND m.state = 'Pending')
               FROM sites t WHERE t.registration_id = $1",
            &[&registration],
        )
        .await?;
    let Some((unprovisioned,)) = unprovisioned else { return Ok(None) };
    let first_owner: Option<(String,)> = from
        .maybe(
            "SELECT a.id FROM sites t
               JOIN shared_mailboxes m ON m.site_id = t.id
               JOIN shared_mailbox_access x ON x.shared_mailbox_id = m.id AND x.access = 'Owner'
               JOIN accounts a ON a.id = x.account_id AND a.state = 'Active'
              WHERE t.registration_id = $1 ORDER BY a.activated_at, a.id LIMIT 1",
            &[&registration],
        )
        .await?;
    Ok(Some(Progress { unprovisioned, first_owner: first_owner.map(|(id,)| id) }))
}

/// What must always be true of the directory and of everything that is used once, each with the
/// statement that counts breaches.
const INVARIANTS: &[(&str, &str)] = &[
    (
        "sites with more than ten accounts and no exception",
        "SELECT COUNT(*) FROM (SELECT site_id FROM account_slots WHERE exception = ''
                                GROUP BY site_id HAVING COUNT(*) > 10) many",
    ),
    (
        "accounts in a place that is not there, or in one taken twice",
        "SELECT (SELECT COUNT(*) FROM account_slots WHERE exception = '' AND (slot < 1 OR slot > 10))
              + (SELECT COUNT(*) FROM (SELECT 1 AS one FROM account_slots GROUP BY site_id, slot HAVING COUNT(*) > 1) twice)
              + (SELECT COUNT(*) FROM (SELECT 1 AS one FROM account_slots GROUP BY account_id HAVING COUNT(*) > 1) twice)
              + (SELECT COUNT(*) FROM account_slots s
                  WHERE NOT EXISTS (SELECT 1 FROM sites t WHERE t.id = s.site_id)
                     OR NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = s.account_id))",
    ),
    (
        "accounts without a place at a site",
        "SELECT COUNT(*) FROM accounts a
          WHERE a.contact_is_live AND NOT EXISTS (SELECT 1 FROM account_slots s WHERE s.account_id = a.id)",
    ),
    (
        "sites without exactly one shared mailbox",
        "SELECT COUNT(*) FROM sites t
          WHERE (SELECT COUNT(*) FROM shared_mailboxes m WHERE m.site_id = t.id) <> 1",
    ),
    (
        "addresses that name two things",
        "SELECT (SELECT COUNT(*) FROM (SELECT address FROM (SELECT address FROM accounts
                                                            UNION ALL SELECT address FROM shared_mailboxes) all_of_them
                                        GROUP BY address HAVING COUNT(*) > 1) twice)
              + (SELECT COUNT(*) FROM (SELECT canonical FROM addresses GROUP BY canonical HAVING COUNT(*) > 1) twice)",
    ),
    (
        "accounts and shared mailboxes whose address names something else",
        "SELECT (SELECT COUNT(*) FROM accounts a WHERE NOT EXISTS
                   (SELECT 1 FROM addresses d WHERE d.canonical = a.address AND d.names = a.id))
              + (SELECT COUNT(*) FROM shared_mailboxes m WHERE NOT EXISTS
                   (SELECT 1 FROM addresses d WHERE d.canonical = m.address AND d.names = m.id))",
    ),
    (
        "personal email addresses or mobile numbers in two live accounts",
        "SELECT (SELECT COUNT(*) FROM (SELECT personal_email FROM accounts WHERE contact_is_live
                                        GROUP BY personal_email HAVING COUNT(*) > 1) twice)
              + (SELECT COUNT(*) FROM (SELECT mobile FROM accounts WHERE contact_is_live
                                        GROUP BY mobile HAVING COUNT(*) > 1) twice)",
    ),
    (
        "sites without an owner",
        "SELECT COUNT(*) FROM sites t WHERE NOT EXISTS
           (SELECT 1 FROM shared_mailboxes m
              JOIN shared_mailbox_access x ON x.shared_mailbox_id = m.id AND x.access = 'Owner'
              JOIN accounts a ON a.id = x.account_id AND a.contact_is_live
             WHERE m.site_id = t.id)",
    ),
    (
        "access of nobody, or to nothing",
        "SELECT COUNT(*) FROM shared_mailbox_access x
          WHERE NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = x.account_id)
             OR NOT EXISTS (SELECT 1 FROM shared_mailboxes m WHERE m.id = x.shared_mailbox_id)",
    ),
    (
        "accounts whose state and password do not agree",
        "SELECT COUNT(*) FROM accounts
          WHERE (state IN ('Active', 'Disabled') AND (password_hash IS NULL OR activated_at IS NULL OR policy_accepted_at IS NULL))
             OR (state = 'Pending' AND (password_hash IS NOT NULL OR activated_at IS NOT NULL))",
    ),
    (
        "activated accounts whose link was not used",
        "SELECT COUNT(*) FROM accounts a
          WHERE a.activated_at IS NOT NULL AND NOT EXISTS
            (SELECT 1 FROM activation_links l WHERE l.account_id = a.id AND l.used_at = a.activated_at)",
    ),
    (
        "accounts with two links that work, or a link of nobody",
        "SELECT (SELECT COUNT(*) FROM (SELECT account_id FROM activation_links WHERE used_at IS NULL
                                        GROUP BY account_id HAVING COUNT(*) > 1) twice)
              + (SELECT COUNT(*) FROM activation_links l
                  WHERE NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = l.account_id))",
    ),
    (
        "codes and links used before they were made, after they ended, or without a try",
        "SELECT (SELECT COUNT(*) FROM email_codes WHERE used_at < made_at OR used_at > expires_at OR (used_at IS NOT NULL AND tries < 1))
              + (SELECT COUNT(*) FROM site_codes WHERE used_at < made_at OR used_at > expires_at OR (used_at IS NOT NULL AND tries < 1))
              + (SELECT COUNT(*) FROM activation_codes WHERE used_at < made_at OR used_at > expires_at OR (used_at IS NOT NULL AND tries < 1))
              + (SELECT COUNT(*) FROM stop_links WHERE used_at < made_at OR used_at > expires_at)
              + (SELECT COUNT(*) FROM activation_links WHERE used_at < made_at)",
    ),
    (
        "aliases that are the address of a mailbox in use, or lead to none",
        "SELECT (SELECT COUNT(*) FROM aliases l
                  WHERE EXISTS (SELECT 1 FROM shared_mailboxes m WHERE m.address = l.canonical AND m.state NOT IN ('Deleted', 'Purged'))
                     OR EXISTS (SELECT 1 FROM accounts a WHERE a.address = l.canonical))
              + (SELECT COUNT(*) FROM aliases l
                  WHERE NOT EXISTS (SELECT 1 FROM shared_mailboxes m WHERE m.id = l.mailbox_id)
                    AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = l.mailbox_id))",
    ),
    (
        "accounts with two authenticator apps in force, or with more than twenty app passwords",
        "SELECT (SELECT COUNT(*) FROM (SELECT account_id FROM authenticators
                                        WHERE confirmed_at IS NOT NULL AND replaced_at IS NULL
                                        GROUP BY account_id HAVING COUNT(*) > 1) twice)
              + (SELECT COUNT(*) FROM (SELECT account_id FROM app_passwords WHERE revoked_at IS NULL
                                        GROUP BY account_id HAVING COUNT(*) > 20) many)",
    ),
    (
        "sessions of account holders whose account is not active",
        "SELECT COUNT(*) FROM sessions s
          WHERE s.kind IN ('HolderHalfSignedIn', 'SettingUpApp', 'AccountHolder')
            AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = s.subject AND a.state = 'Active')",
    ),
    (
        "work about nothing",
        "SELECT (SELECT COUNT(*) FROM outbox o WHERE o.kind = 'ProvisionAccount'
                   AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = o.subject))
              + (SELECT COUNT(*) FROM outbox o WHERE o.kind = 'ProvisionSharedMailbox'
                   AND NOT EXISTS (SELECT 1 FROM shared_mailboxes m WHERE m.id = o.subject))
              + (SELECT COUNT(*) FROM outbox o WHERE o.kind = 'SendLetter'
                   AND NOT EXISTS (SELECT 1 FROM letters l WHERE l.id = o.subject))
              + (SELECT COUNT(*) FROM outbox o WHERE o.kind IN ('RunChecks', 'Decide', 'FollowSite')
                   AND NOT EXISTS (SELECT 1 FROM registrations r WHERE r.id = o.subject))",
    ),
    (
        "mailboxes that the mail engine lacks and no work is about",
        "SELECT (SELECT COUNT(*) FROM accounts a WHERE a.provisioned_at IS NULL AND NOT EXISTS
                   (SELECT 1 FROM outbox o WHERE o.subject = a.id AND o.kind = 'ProvisionAccount' AND o.state <> 'Done'))
              + (SELECT COUNT(*) FROM shared_mailboxes m WHERE m.state = 'Pending' AND NOT EXISTS
                   (SELECT 1 FROM outbox o WHERE o.subject = m.id AND o.kind = 'ProvisionSharedMailbox' AND o.state <> 'Done'))",
    ),
    (
        "letters that were not sent and no work is about",
        "SELECT COUNT(*) FROM letters l WHERE l.sent_at IS NULL AND NOT EXISTS
           (SELECT 1 FROM outbox o WHERE o.subject = l.id AND o.kind = 'SendLetter' AND o.state <> 'Done')",
    ),
    (
        "registrations left behind by their site",
        "SELECT COUNT(*) FROM sites t JOIN registrations r ON r.id = t.registration_id
          WHERE NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = r.id AND o.kind = 'FollowSite' AND o.state <> 'Done')
            AND ((r.state = 'Approved'
                  AND NOT EXISTS (SELECT 1 FROM shared_mailboxes m WHERE m.site_id = t.id AND m.state = 'Pending')
                  AND NOT EXISTS (SELECT 1 FROM account_slots s JOIN accounts a ON a.id = s.account_id
                                   WHERE s.site_id = t.id AND a.provisioned_at IS NULL))
              OR (r.state = 'Provisioning' AND EXISTS
                   (SELECT 1 FROM shared_mailboxes m
                      JOIN shared_mailbox_access x ON x.shared_mailbox_id = m.id AND x.access = 'Owner'
                      JOIN accounts a ON a.id = x.account_id AND a.state = 'Active'
                     WHERE m.site_id = t.id))
              OR r.state NOT IN ('Approved', 'Provisioning', 'Live'))",
    ),
];

/// What must always be true, each with the number of breaches found. Reads everything; for
/// `carepost check`, not for a page.
pub async fn invariants(database: &Database) -> Result<Vec<(&'static str, i64)>> {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    let mut found = Vec::new();
    for (name, sql) in INVARIANTS {
        let count = Arc::new(AtomicI64::new(0));
        let counted = Arc::clone(&count);
        database
            .each(sql, move |row| {
                counted.store(row.get(0)?, Ordering::Relaxed);
                Ok(())
            })
            .await?;
        found.push((*name, count.load(Ordering::Relaxed)));
    }
    // Lower case is not asked of SQL, whose ideas of it differ.
    let count = Arc::new(AtomicI64::new(0));
    let counted = Arc::clone(&count);
    database
        .each("SELECT canonical FROM addresses", move |row| {
            let text: String = row.get(0)?;
            let plain = text.is_ascii() && address::canonical(&text) == text;
            counted.fetch_add(i64::from(!plain), Ordering::Relaxed);
            Ok(())
        })
        .await?;
    found.push(("addresses that are not in their one written form", count.load(Ordering::Relaxed)));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{name, new_site, person};
    use super::*;
    use crate::database::for_tests::{both_engines, run, sqlite};

    const DOMAIN: &str = "carepost.example";
    const NOON: Timestamp = Timestamp::from_milliseconds(43_200_000);

    type Answer = std::result::Result<Opened, Refusal>;

    async fn open_in(database: &Database, new: NewSite) -> Result<Answer> {
        open_at(database, NOON, new).await
    }

    async fn open_at(database: &Database, at: Timestamp, new: NewSite) -> Result<Answer> {
        database
            .write(move |tx: &mut Tx| {
                Box::pin(async move {
                    open_site(tx, DOMAIN, at, &Actor::CaseWorker("worker".to_owned()), &new).await
                })
            })
            .await
    }

    /// A site with this many people, whose contacts begin at `first`.
    fn site_of(ods_code: &str, people: usize, first: usize) -> NewSite {
        let people = (0..people)
            .map(|place| {
                let access = if place == 0 { Access::Owner } else { Access::Member };
                person("Asha", "Patel", first + place, access)
            })
            .collect();
        new_site(ods_code, people)
    }

    /// How many rows each table of the directory holds, and how many entries and pieces of work
    /// there are.
    async fn counts(mut from: &Database) -> [i64; 8] {
        let (a, b, c, d, e, f, g, h) = from
            .one(
                "SELECT (SELECT COUNT(*) FROM sites), (SELECT COUNT(*) FROM shared_mailboxes),
                        (SELECT COUNT(*) FROM accounts), (SELECT COUNT(*) FROM account_slots),
                        (SELECT COUNT(*) FROM shared_mailbox_access), (SELECT COUNT(*) FROM addresses),
                        (SELECT COUNT(*) FROM audit_entries), (SELECT COUNT(*) FROM outbox)",
                &[],
            )
            .await
            .expect("counted");
        [a, b, c, d, e, f, g, h]
    }

    async fn breaches(database: &Database) -> Vec<&'static str> {
        let found = invariants(database).await.expect("checked");
        assert_eq!(found.len(), INVARIANTS.len() + 1);
        found.into_iter().filter(|(_, count)| *count > 0).map(|(name, _)| name).collect()
    }

    /// The registrations that sites of tests say they come from.
    async fn add_registrations(database: &Database) {
        database
            .write(|tx: &mut Tx| {
                Box::pin(async move {
                    tx.run(
                        "INSERT INTO registrations (id, reference, version, state, state_data, questions_version, answers,
                                                    browser, network, started_at, changed_at, expires_at)
                         SELECT registration_id, id, 1, 'Approved', '\"Approved\"', 1, '{}', '', '', 0, 0, 0 FROM sites
                         WHERE TRUE ON CONFLICT DO NOTHING",
                        &[],
                    )
                    .await
                })
            })
            .await
            .expect("added");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_site_is_opened_with_everything_it_needs() {
        for database in both_engines().await {
            let mut reads = &database;
            let mut new = site_of("VM195", 2, 1);
            new.people.push(person("Bo", "Li", 3, Access::Owner));
            let opened = open_in(&database, new).await.expect("written").expect("opened");
            assert_eq!(opened.shared_mailbox_address, "care.vm195@carepost.example");
            assert_eq!(opened.accounts.len(), 3);
            assert_eq!(counts(&database).await, [1, 1, 3, 3, 3, 4, 5, 4]);

            let site = find_site_by_ods_code(&mut reads, "VM195").await.expect("read").expect("a site");
            assert_eq!(find_site(&mut reads, &opened.site_id).await.expect("read").as_ref(), Some(&site));
            let by_location = find_site_by_cqc_location(&mut reads, "1-VM195").await.expect("read");
            assert_eq!(by_location.as_ref(), Some(&site));
            assert_eq!(site.management, Management::Nas);
            let of_registration =
                find_site_of_registration(&mut reads, "registration of VM195").await.expect("read");
            assert_eq!(of_registration, Some(site.clone()));

            let mailbox =
                find_shared_mailbox_of_site(&mut reads, &site.id).await.expect("read").expect("one");
            assert_eq!(mailbox.display_name, "Care.VM195 (Rose Court, Lincoln)");
            assert_eq!(mailbox.state, SharedMailboxState::Pending);

            let people = list_people(&mut reads, &site.id).await.expect("listed");
            let seen: Vec<_> =
                people.iter().map(|person| (person.address.as_str(), person.access, person.slot)).collect();
            assert_eq!(
                seen,
                [
                    ("asha.patel@carepost.example", Access::Owner, Some(1)),
                    ("asha.patel1@carepost.example", Access::Member, Some(2)),
                    ("bo.li@carepost.example", Access::Owner, Some(3)),
                ]
            );
            let bo = find_account_by_address(&mut reads, "Bo.Li@Carepost.Example").await.expect("read");
            let bo = bo.expect("an account");
            assert_eq!(
                (bo.state, bo.password_hash.is_none(), bo.last_name.as_str()),
                (State::Pending, true, "Li")
            );
            let sites = list_sites_of_account(&mut reads, &bo.id).await.expect("listed");
            assert_eq!((sites.len(), sites[0].shared_mailbox.as_str()), (1, "care.vm195@carepost.example"));
            let registration = registration_of_account(&mut reads, &bo.id).await.expect("read");
            assert_eq!(registration.as_deref(), Some("registration of VM195"));
            let progress = progress(&mut reads, "registration of VM195").await.expect("read");
            assert_eq!(progress, Some(Progress { unprovisioned: 4, first_owner: None }));

            let by_email = find_account_by_any_email(&mut reads, &bo.personal_email).await.expect("read");
            assert_eq!(by_email.map(|account| account.id), Some(bo.id.clone()));
            let own = Email::parse(&bo.address).expect("an address");
            let by_address = find_account_by_any_email(&mut reads, &own).await.expect("read");
            assert_eq!(by_address.map(|account| account.id), Some(bo.id));

            add_registrations(&database).await;
            assert_eq!(breaches(&database).await, [""; 0]);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_refused_leaves_nothing_behind() {
        for database in both_engines().await {
            open_in(&database, site_of("VM195", 2, 1)).await.expect("written").expect("opened");
            let before = counts(&database).await;
            let check = async |new: NewSite, expect: &str| {
                let refusal = open_in(&database, new).await.expect("answered").expect_err(expect);
                assert!(refusal.words().contains(expect), "{}", refusal.words());
                assert_eq!(counts(&database).await, before, "{}: {expect}", database.engine());
            };
            check(site_of("VM195", 2, 11), "joined already, as Rose Court").await;
            check(
                NewSite { registration_id: "registration of VM195".to_owned(), ..site_of("VM196", 2, 11) },
                "joined already",
            )
            .await;
            check(site_of("VM196", 0, 11), "Nobody is named").await;
            check(site_of("VM196", 11, 11), "11 people are named").await;

            // The last of the people stands in the way, when everything before is written.
            let mut new = site_of("VM196", 3, 11);
            new.people.push(person("Cy", "Fox", 2, Access::Member));
            let contacts: Vec<_> = new.people.iter().map(|person| (&person.email, &person.mobile)).collect();
            let taken = taken_contacts(&mut &database, &contacts).await.expect("read");
            assert_eq!(taken, [(3, Contact::Email), (3, Contact::Mobile)]);
            check(new.clone(), "The email address given for Cy Fox belongs to another account").await;
            new.people[3].email = Email::parse("cy@home.example").expect("an address");
            check(new.clone(), "The mobile number given for Cy Fox belongs to another account").await;

            new.people[3].existing_account = Some("nobody@carepost.example".to_owned());
            check(new.clone(), "could not match Cy Fox to the account nobody@").await;
            new.people[3].existing_account = Some("asha.patel@carepost.example".to_owned());
            check(new, "could not match Cy Fox to the account asha.patel@").await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn somebody_who_works_at_two_sites_has_one_account() {
        for database in both_engines().await {
            open_in(&database, site_of("VM195", 1, 1)).await.expect("written").expect("opened");
            let mut new = site_of("VM196", 1, 11);
            // The same person, with the same contacts, which are theirs.
            new.people.push(NewPerson {
                existing_account: Some("Asha.Patel@carepost.example".to_owned()),
                ..person("Asha", "Patel", 1, Access::Owner)
            });
            let opened = open_in(&database, new).await.expect("written").expect("opened");
            assert_eq!(opened.accounts.len(), 1);
            let people = list_people(&mut &database, &opened.site_id).await.expect("listed");
            let seen: Vec<_> = people.iter().map(|person| (person.address.as_str(), person.slot)).collect();
            assert_eq!(
                seen,
                [("asha.patel1@carepost.example", Some(1)), ("asha.patel@carepost.example", None)]
            );
            let sites = list_sites_of_account(&mut &database, &people[1].account_id).await.expect("listed");
            assert_eq!(sites.len(), 2);
            assert_eq!(sites[0].shared_mailbox, "care.vm195@carepost.example", "their own site first");
            add_registrations(&database).await;
            assert_eq!(breaches(&database).await, [""; 0]);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_the_mail_engine_must_know_is_listed_and_use_is_noted() {
        for database in both_engines().await {
            let opened = open_in(&database, site_of("VM195", 1, 1)).await.expect("written").expect("opened");
            let (account, mailbox) = (opened.accounts[0].clone(), opened.shared_mailbox_id.clone());
            let id = account.clone();
            let late = NOON.plus(crate::clock::Span::hours(1));
            database
                .write::<_, Error, _>(move |tx: &mut Tx| {
                    Box::pin(async move {
                        for (password, revoked_at) in [("p1", None), ("p2", Some(NOON))] {
                            tx.run(
                                "INSERT INTO app_passwords (id, account_id, name, selector, hash, made_at, revoked_at)
                                 VALUES ($1, $2, 'Phone', $1, 'hash', 1, $3)",
                                &[&password, &id, &revoked_at],
                            )
                            .await?;
                        }
                        for at in [NOON, late, NOON] {
                            mark_used(tx, &id, at).await?;
                            mark_app_password_used(tx, "p1", at).await?;
                        }
                        tx.run(
                            "INSERT INTO aliases (canonical, mailbox_id, since, because) VALUES ('asha.patel@carepost.example', $1, 1, 'x')",
                            &[&mailbox],
                        )
                        .await?;
                        Ok(())
                    })
                })
                .await
                .expect("written");
            let mut reads = &database;
            let passwords = list_app_passwords_in_force(&mut reads, &account).await.expect("listed");
            let seen: Vec<_> = passwords
                .iter()
                .map(|known| (known.id.as_str(), known.selector.as_str(), known.hash.reveal().as_str()))
                .collect();
            assert_eq!(seen, [("p1", "p1", "hash")], "what was revoked is not in force");
            assert_eq!(passwords[0].last_used_at, Some(late));
            let account = find_account(&mut reads, &account).await.expect("read").expect("there");
            assert_eq!((account.last_used_at, account.version), (Some(late), 1));
            let aliases = list_aliases(&mut reads, &opened.shared_mailbox_id).await.expect("listed");
            assert_eq!(aliases, ["asha.patel@carepost.example"]);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sites_are_searched_and_old_addresses_known_on_both_engines() {
        for database in both_engines().await {
            open_in(&database, site_of("VM195", 1, 1)).await.expect("written").expect("opened");
            let mut reads = &database;
            for typed in ["rose", "COURT", "vm195", "ln11aa", "care.vm195", "asha.patel@carepost.example"] {
                let search = SiteSearch::read(typed, DOMAIN).expect("a search");
                let found = search_sites(&mut reads, &search, 0).await.expect("searched");
                assert_eq!(found.len(), 1, "{typed} on {}", database.engine());
            }
            let listed = list_sites(&mut reads, 0).await.expect("listed");
            assert_eq!((listed.len(), listed[0].owners), (1, 0), "nobody is active yet");
            let past = past_address(&mut reads, "care.vm195@carepost.example").await.expect("read");
            assert_eq!(past, PastAddress::InUse);
            let never = past_address(&mut reads, "asha.patel@carepost.example").await.expect("read");
            assert_eq!(never, PastAddress::NotASites);
            let mailbox =
                find_shared_mailbox_of_site(&mut reads, &listed[0].id).await.expect("read").expect("one");
            assert_eq!(unread_alarm(&mut reads, &mailbox.id).await.expect("read"), None);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_transaction_that_fails_half_way_leaves_nothing() {
        for database in both_engines().await {
            let failed: Result<()> = database
                .write(|tx: &mut Tx| {
                    Box::pin(async move {
                        let opened =
                            open_site(tx, DOMAIN, NOON, &Actor::Service, &site_of("VM195", 10, 1)).await?;
                        assert!(opened.is_ok());
                        Err(Error::Broken("the power went".to_owned()))
                    })
                })
                .await;
            assert!(failed.is_err());
            assert_eq!(counts(&database).await, [0; 8], "{}", database.engine());
            open_in(&database, site_of("VM195", 10, 1)).await.expect("written").expect("opened afterwards");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_address_once_used_never_names_anybody_else() {
        for database in both_engines().await {
            open_in(&database, site_of("VM195", 1, 1)).await.expect("written").expect("opened");
            // However an account ends, its address stays taken.
            run(
                &database,
                "DELETE FROM shared_mailbox_access; DELETE FROM account_slots; DELETE FROM accounts;
                 DELETE FROM shared_mailboxes; DELETE FROM sites",
            )
            .await;
            let again = open_in(&database, site_of("VM195", 1, 1)).await.expect("answered");
            assert_eq!(again, Err(Refusal::AddressIsTaken("care.vm195@carepost.example".to_owned())));
            let other = open_in(&database, site_of("VM196", 1, 1)).await.expect("written").expect("opened");
            let people = list_people(&mut &database, &other.site_id).await.expect("listed");
            assert_eq!(people[0].address, "asha.patel1@carepost.example");
            for sql in ["UPDATE addresses SET names = 'x'", "DELETE FROM addresses"] {
                let refused =
                    database.write(move |tx: &mut Tx| Box::pin(async move { tx.run(sql, &[]).await })).await;
                assert!(matches!(refused, Err(Error::Broken(_))), "{}: {refused:?}", database.engine());
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sites_of_one_town_that_look_alike_are_found() {
        for database in both_engines().await {
            open_in(&database, site_of("VM195", 1, 1)).await.expect("written").expect("opened");
            let mut reads = &database;
            let near = |name: &'static str, town: &'static str| async move {
                list_look_alike_sites(&mut { reads }, name, town, "VM999").await.expect("listed")
            };
            assert_eq!(near("Rose Coutr", "Lincoln").await, ["Rose Court (VM195)"]);
            assert_eq!(near("Oak House", "Lincoln").await, [""; 0]);
            assert_eq!(near("Rose Court", "York").await, [""; 0]);
            let own =
                list_look_alike_sites(&mut reads, "Rose Court", "Lincoln", "VM195").await.expect("listed");
            assert_eq!(own, [""; 0]);
        }
    }

    /// How many races are run: a few while working, a thousand in `make test`.
    #[expect(clippy::disallowed_methods, reason = "the test run says how many races there are")]
    fn races() -> usize {
        std::env::var("CAREPOST_TEST_RACES").ok().and_then(|text| text.parse().ok()).unwrap_or(25)
    }

    /// Writers that set off together.
    const WRITERS: usize = 64;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_race_gives_a_site_an_eleventh_account() {
        for database in both_engines().await {
            for race in 0..races() {
                let code = format!("R{race}");
                let site = open_in(&database, site_of(&code, 7, race * 1_000)).await;
                let site = site.expect("written").expect("opened").site_id;
                let writers: Vec<_> = (0..WRITERS)
                    .map(|writer| {
                        let (database, site) = (database.clone(), site.clone());
                        let code = format!("Q{race}");
                        tokio::spawn(async move {
                            if writer % 4 == 0 {
                                // The same site, opened from many sides at once.
                                let new = site_of(&code, 3, race * 1_000 + 100 + writer * 4);
                                return open_in(&database, new).await.is_ok_and(|answer| answer.is_ok());
                            }
                            // A writer who knows nothing of the rules and takes whatever place it likes.
                            let slot = i64::try_from(writer % 13).expect("small");
                            let new = person("Asha", "Patel", race * 1_000 + 500 + writer, Access::Member);
                            let written: Result<()> = database
                                .write(move |tx: &mut Tx| {
                                    Box::pin(async move {
                                        let id = new_id(NOON);
                                        let address = take_address(tx, NOON, &new, DOMAIN, &id).await?;
                                        add_account(tx, NOON, &new, &id, &address).await?;
                                        tx.run(
                                            "INSERT INTO account_slots (site_id, slot, account_id) VALUES ($1, $2, $3)",
                                            &[&site, &slot, &id],
                                        )
                                        .await?;
                                        Ok(())
                                    })
                                })
                                .await;
                            written.is_ok()
                        })
                    })
                    .collect();
                let mut won = [0; 2];
                for (writer, task) in writers.into_iter().enumerate() {
                    won[usize::from(writer % 4 == 0)] += usize::from(task.await.expect("no panic"));
                }
                assert_eq!(won, [3, 1], "race {race} on {}", database.engine());
            }
            let found = invariants(&database).await.expect("checked");
            // The writers above gave nobody access and queued no work; places and addresses hold.
            for (name, count) in found {
                if name.contains("place") || name.contains("ten accounts") || name.contains("addresses") {
                    assert_eq!(count, 0, "{name} on {}", database.engine());
                }
            }
            let (most,): (i64,) = (&database)
                .one(
                    "SELECT MAX(people) FROM (SELECT COUNT(*) AS people FROM account_slots GROUP BY site_id) t",
                    &[],
                )
                .await
                .expect("counted");
            assert_eq!(most, 10);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_race_gives_two_people_one_address() {
        for database in both_engines().await {
            for race in 0..races() {
                let last: String =
                    race.to_string().bytes().map(|digit| char::from(b'a' + digit - b'0')).collect();
                let writers: Vec<_> = (0..WRITERS)
                    .map(|writer| {
                        let database = database.clone();
                        let new = NewPerson {
                            last_name: name(&last),
                            ..person("Asha", "Patel", writer, Access::Member)
                        };
                        tokio::spawn(async move {
                            database
                                .write(move |tx: &mut Tx| {
                                    Box::pin(async move {
                                        take_address(tx, NOON, &new, DOMAIN, &new_id(NOON)).await
                                    })
                                })
                                .await
                        })
                    })
                    .collect();
                let mut taken = Vec::new();
                for writer in writers {
                    taken.push(writer.await.expect("no panic").expect("an address"));
                }
                taken.sort();
                taken.dedup();
                assert_eq!(taken.len(), WRITERS, "race {race} on {}", database.engine());
                let (highest,): (i64,) = (&database)
                    .one("SELECT MAX(number) FROM addresses WHERE stem = $1", &[&format!("asha.{last}")])
                    .await
                    .expect("read");
                assert_eq!(highest, 63, "no number is left out");
            }
        }
    }

    /// The tables again without anything that keeps them right.
    const UNPROTECTED: &str = "
        DROP TABLE activations; DROP TABLE recovery_codes; DROP TABLE unread_alarms;
        CREATE TABLE h AS SELECT * FROM authenticators; DROP TABLE authenticators;
        ALTER TABLE h RENAME TO authenticators;
        CREATE TABLE i AS SELECT * FROM app_passwords; DROP TABLE app_passwords;
        ALTER TABLE i RENAME TO app_passwords;
        CREATE TABLE j AS SELECT * FROM aliases; DROP TABLE aliases; ALTER TABLE j RENAME TO aliases;
        CREATE TABLE g AS SELECT * FROM activation_links; DROP TABLE activation_links;
        ALTER TABLE g RENAME TO activation_links;
        CREATE TABLE a AS SELECT * FROM shared_mailbox_access; DROP TABLE shared_mailbox_access;
        CREATE TABLE b AS SELECT * FROM account_slots; DROP TABLE account_slots;
        CREATE TABLE c AS SELECT * FROM shared_mailboxes; DROP TABLE shared_mailboxes;
        CREATE TABLE d AS SELECT * FROM accounts; DROP TABLE accounts;
        CREATE TABLE e AS SELECT * FROM sites; DROP TABLE sites;
        CREATE TABLE f AS SELECT * FROM addresses; DROP TABLE addresses;
        ALTER TABLE a RENAME TO shared_mailbox_access; ALTER TABLE b RENAME TO account_slots;
        ALTER TABLE c RENAME TO shared_mailboxes; ALTER TABLE d RENAME TO accounts;
        ALTER TABLE e RENAME TO sites; ALTER TABLE f RENAME TO addresses;
        INSERT INTO letters (id, message_id, channel, recipient, name, subject, body, about, written_at, sent_at)
          VALUES ('letter', 'm', 'Email', 'a@b.example', 'n', 's', 'b', '', 1, 2);";

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_gets_past_the_constraints_is_found() {
        let cases: &[(&str, &str)] = &[
            (
                "sites with more than ten accounts",
                "INSERT INTO account_slots SELECT site_id, slot + 5, account_id || 'x', '' FROM account_slots; INSERT INTO account_slots SELECT site_id, slot + 10, account_id || 'y', '' FROM account_slots; INSERT INTO account_slots SELECT site_id, slot + 20, account_id || 'z', '' FROM account_slots",
            ),
            ("in a place that is not there", "UPDATE account_slots SET slot = 0 WHERE slot = 1"),
            ("in a place that is not there", "UPDATE account_slots SET slot = 11 WHERE slot = 1"),
            ("in one taken twice", "UPDATE account_slots SET slot = 2"),
            (
                "in one taken twice",
                "INSERT INTO account_slots SELECT site_id, 5, account_id, '' FROM account_slots WHERE slot = 1",
            ),
            ("in a place that is not there", "UPDATE account_slots SET site_id = 'gone' WHERE slot = 1"),
            ("accounts without a place", "DELETE FROM account_slots WHERE slot = 2"),
            ("without exactly one shared mailbox", "DELETE FROM shared_mailboxes"),
            (
                "without exactly one shared mailbox",
                "INSERT INTO shared_mailboxes SELECT 'other', 1, site_id, state, 'other', 'x', 0 FROM shared_mailboxes",
            ),
            ("addresses that name two things", "UPDATE accounts SET address = 'asha.patel@carepost.example'"),
            (
                "addresses that name two things",
                "INSERT INTO addresses SELECT * FROM addresses WHERE stem = 'asha.patel' AND number = 0",
            ),
            (
                "addresses that name two things",
                "UPDATE shared_mailboxes SET address = 'asha.patel@carepost.example'",
            ),
            ("whose address names something else", "UPDATE addresses SET names = 'other' WHERE number = 1"),
            ("whose address names something else", "DELETE FROM addresses WHERE stem = 'care.vm195'"),
            ("in two live accounts", "UPDATE accounts SET personal_email = 'same@home.example'"),
            ("in two live accounts", "UPDATE accounts SET mobile = '+447700900123'"),
            ("sites without an owner", "UPDATE shared_mailbox_access SET access = 'Member'"),
            ("sites without an owner", "UPDATE accounts SET contact_is_live = FALSE"),
            (
                "access of nobody",
                "INSERT INTO shared_mailbox_access SELECT id, 'nobody', 'Member', 0 FROM shared_mailboxes",
            ),
            (
                "access of nobody, or to nothing",
                "UPDATE shared_mailbox_access SET shared_mailbox_id = 'gone' WHERE access = 'Member'",
            ),
            ("whose state and password", "UPDATE accounts SET state = 'Active'"),
            ("whose state and password", "UPDATE accounts SET password_hash = 'x'"),
            (
                "whose link was not used",
                "UPDATE accounts SET state = 'Active', password_hash = 'x', activated_at = 5, policy_accepted_at = 5",
            ),
            (
                "two links that work",
                "INSERT INTO activation_links (id, account_id, made_at, expires_at) SELECT id || 'l', id, 1, 2 FROM accounts; INSERT INTO activation_links (id, account_id, made_at, expires_at) SELECT id || 'm', id, 1, 2 FROM accounts",
            ),
            (
                "a link of nobody",
                "INSERT INTO activation_links (id, account_id, made_at, expires_at) VALUES ('l', 'nobody', 1, 2)",
            ),
            (
                "without a try",
                "INSERT INTO email_codes (id, subject, browser, made_at, expires_at, tries, used_at) VALUES ('c', 's', 'b', 1, 5, 0, 3)",
            ),
            (
                "before they were made",
                "INSERT INTO site_codes (id, subject, browser, made_at, expires_at, tries, used_at) VALUES ('c', 's', 'b', 4, 5, 1, 3)",
            ),
            (
                "after they ended",
                "INSERT INTO activation_codes (id, subject, browser, made_at, expires_at, tries, used_at) VALUES ('c', 's', 'b', 1, 5, 1, 9)",
            ),
            (
                "after they ended",
                "INSERT INTO stop_links (id, registration_id, made_at, expires_at, used_at) VALUES ('c', 's', 1, 5, 9)",
            ),
            (
                "before they were made",
                "INSERT INTO activation_links (id, account_id, made_at, expires_at, used_at) SELECT 'l', id, 3, 5, 2 FROM accounts WHERE address LIKE 'asha.patel@%'",
            ),
            (
                "address of a mailbox in use",
                "INSERT INTO aliases (canonical, mailbox_id, since, because) SELECT address, id, 1, 'x' FROM shared_mailboxes",
            ),
            (
                "or lead to none",
                "INSERT INTO aliases (canonical, mailbox_id, since, because) VALUES ('care.vm1@carepost.example', 'gone', 1, 'x')",
            ),
            (
                "two authenticator apps in force",
                "INSERT INTO authenticators (id, account_id, made_at, confirmed_at) VALUES ('a', 'x', 1, 1), ('b', 'x', 1, 1)",
            ),
            (
                "more than twenty app passwords",
                "INSERT INTO app_passwords (id, account_id, name, selector, hash, made_at) SELECT id, 'x', 'n', id, 'h', 1 FROM (WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 21) SELECT id FROM n)",
            ),
            (
                "whose account is not active",
                "INSERT INTO sessions (token_hash, kind, subject, started_at, seen_at, ends_at) SELECT 't', 'AccountHolder', id, 1, 1, 2 FROM accounts WHERE address LIKE 'asha.patel@%'",
            ),
            ("work about nothing", "UPDATE outbox SET subject = 'gone' WHERE kind = 'ProvisionAccount'"),
            (
                "work about nothing",
                "UPDATE outbox SET subject = 'gone' WHERE kind = 'ProvisionSharedMailbox'",
            ),
            (
                "work about nothing",
                "INSERT INTO outbox (id, kind, work, subject, state, queued_at, due_at) VALUES ('o', 'SendLetter', '{}', 'gone', 'Waiting', 1, 1)",
            ),
            (
                "work about nothing",
                "INSERT INTO outbox (id, kind, work, subject, state, queued_at, due_at) VALUES ('o', 'Decide', '{}', 'gone', 'Waiting', 1, 1)",
            ),
            (
                "that the mail engine lacks",
                "UPDATE outbox SET state = 'Done' WHERE kind = 'ProvisionSharedMailbox'",
            ),
            ("that the mail engine lacks", "DELETE FROM outbox WHERE kind = 'ProvisionAccount'"),
            ("letters that were not sent", "UPDATE letters SET sent_at = NULL"),
            (
                "left behind by their site",
                "UPDATE accounts SET provisioned_at = 1; UPDATE shared_mailboxes SET state = 'Active'",
            ),
            ("left behind by their site", "UPDATE registrations SET state = 'Declined'"),
            (
                "not in their one written form",
                "UPDATE addresses SET canonical = 'Asha.Patel@carepost.example' WHERE number = 0 AND stem = 'asha.patel'",
            ),
        ];
        for (expect, tamper) in cases {
            let database = sqlite().await;
            open_in(&database, site_of("VM195", 2, 1)).await.expect("written").expect("opened");
            add_registrations(&database).await;
            run(&database, UNPROTECTED).await;
            assert_eq!(breaches(&database).await, [""; 0], "nothing is wrong yet");
            run(&database, tamper).await;
            let found = breaches(&database).await;
            assert!(found.iter().any(|name| name.contains(expect)), "{tamper}: {found:?}");
        }
        let mut seen: Vec<_> = INVARIANTS.iter().map(|(name, _)| *name).collect();
        seen.retain(|name| !cases.iter().any(|(expect, _)| name.contains(expect)));
        assert_eq!(seen, [""; 0], "every invariant has a case");
        // The statements are the same for both engines; that each runs on both, the round trip shows.
    }
}
