//! Accounts: people, and the contacts that belong to one live account alone.

use super::broken;
use crate::clock::Timestamp;
use crate::contact::{Email, Mobile, Name};
use crate::database::{FromRow, Reads, Result, Row, Tx};
use crate::directory::{Account, AccountState, Contact, NewPerson, address};
use crate::outbox::{self, Change};
use crate::settings::Secret;

macro_rules! account_by {
    ($rest:literal) => {
        concat!(
            "SELECT id, version, state, first_name, last_name, role, address, personal_email, mobile, \
             password_hash, made_at, activated_at, policy_accepted_at, provisioned_at, state_since, state_reason, \
             last_used_at, frozen_from FROM accounts ",
            $rest
        )
    };
}

impl FromRow for Account {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (state, first_name, last_name): (String, String, String) =
            (row.get(2)?, row.get(3)?, row.get(4)?);
        let (email, mobile): (String, String) = (row.get(7)?, row.get(8)?);
        let (password_hash, frozen_from): (Option<String>, Option<String>) = (row.get(9)?, row.get(17)?);
        Ok(Account {
            id: row.get(0)?,
            version: row.get(1)?,
            state: AccountState::parse(&state).ok_or_else(|| broken("state of an account", &state))?,
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
            frozen_from: frozen_from
                .map(|was| AccountState::parse(&was).ok_or_else(|| broken("state of an account", &was)))
                .transpose()?,
        })
    }
}

pub async fn find_account(from: &impl Reads, id: &str) -> Result<Option<Account>> {
    from.maybe(account_by!("WHERE id = $1"), &[&id]).await
}

pub async fn find_account_by_address(from: &impl Reads, address: &str) -> Result<Option<Account>> {
    from.maybe(account_by!("WHERE address = $1"), &[&address::canonical(address)]).await
}

/// The live account whose own address or personal email this is. The register of personal contacts
/// is for finding an account, never for showing.
pub async fn find_account_by_any_email(from: &impl Reads, email: &Email) -> Result<Option<Account>> {
    from.maybe(
        account_by!(
            "WHERE id IN (SELECT id FROM accounts WHERE address = $1 AND contact_is_live \
                          UNION SELECT id FROM accounts WHERE personal_email = $1 AND contact_is_live) LIMIT 1"
        ),
        &[&email.as_str()],
    )
    .await
}

/// Name and town of the site an account has its place at, whatever it may use.
pub async fn home_of_account(from: &impl Reads, account: &str) -> Result<Option<(String, String)>> {
    from.maybe(
        "SELECT t.name, t.town FROM account_slots s JOIN sites t ON t.id = s.site_id WHERE s.account_id = $1",
        &[&account],
    )
    .await
}

/// Which of these people's contacts belong to a live account, by place.
pub async fn taken_contacts(
    from: &impl Reads,
    people: &[(&Email, &Mobile)],
) -> Result<Vec<(usize, Contact)>> {
    let mut taken = Vec::new();
    for (place, (email, mobile)) in people.iter().enumerate() {
        taken.extend(taken_of(from, email, mobile).await?.into_iter().map(|contact| (place, contact)));
    }
    Ok(taken)
}

pub(super) async fn taken_of(from: &impl Reads, email: &Email, mobile: &Mobile) -> Result<Vec<Contact>> {
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

/// Adds an account; false when a contact belongs to another live account.
pub(super) async fn add_account(
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
                &AccountState::Pending.stored(),
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
                    provisioned_at = $5, state_since = $6, state_reason = $7, frozen_from = $8,
                    version = version + 1
              WHERE id = $9 AND version = $10",
            &[
                &account.state.stored(),
                &hash,
                &account.activated_at,
                &account.policy_accepted_at,
                &account.provisioned_at,
                &account.state_since,
                &account.state_reason,
                &account.frozen_from.map(AccountState::stored),
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
