//! The directory in the database.

use super::address;
use super::{
    Access, Account, Contact, Management, NewPerson, NewSite, Refusal, SharedMailbox, SharedMailboxState,
    Site, State,
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
             password_hash, made_at, activated_at, policy_accepted_at, provisioned_at FROM accounts ",
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
        account_by!("WHERE contact_is_live AND (address = $1 OR personal_email = $1) LIMIT 1"),
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
        })
    }
}

/// Everybody who may use a site's shared mailbox: those with a place there first, at most 350 (a
/// shared mailbox has at most 250 members and 100 owners).
pub async fn list_people(from: &mut impl Reads, site: &str) -> Result<Vec<PersonOfSite>> {
    from.all(
        "SELECT a.id, a.first_name, a.last_name, a.role, a.address, a.state, x.access, s.slot
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
            "INSERT INTO sites (id, ods_code, cqc_location_id, name, town, postcode, management, registration_id, joined_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
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
                                   contact_is_live, made_at)
             VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, TRUE, $9) ON CONFLICT DO NOTHING",
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
                    provisioned_at = $5, version = version + 1
              WHERE id = $6 AND version = $7",
            &[
                &account.state.stored(),
                &hash,
                &account.activated_at,
                &account.policy_accepted_at,
                &account.provisioned_at,
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

/// Makes other writers of the same registration's site wait until this transaction ends, so that of
/// two mailboxes that become ready together one sees the other.
pub async fn alone_with_site(tx: &mut Tx, registration: &str) -> Result<()> {
    let hash = Sha256::digest(registration.as_bytes());
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
          WHERE (state = 'Active' AND (password_hash IS NULL OR activated_at IS NULL OR policy_accepted_at IS NULL))
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
