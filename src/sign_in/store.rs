//! Codes, links, budgets, sessions and case workers in the database.

use super::account_state::AccountState;
use super::secrets::Purpose;
use crate::clock::{Span, Timestamp};
use crate::database::{Database, Error, FromRow, Reads, Result, Row, Tx, transaction};
use crate::id::new_id;
use crate::settings::Secret;

/// The statements of one table of codes.
struct CodeTable {
    add: &'static str,
    count: &'static str,
    used: &'static str,
}

macro_rules! code_table {
    ($table:literal) => {
        CodeTable {
            add: concat!(
                "INSERT INTO ",
                $table,
                " (id, subject, browser, made_at, expires_at) VALUES ($1, $2, $3, $4, $5)"
            ),
            count: concat!(
                "UPDATE ",
                $table,
                " SET tries = tries + 1 WHERE id = (SELECT id FROM ",
                $table,
                " WHERE subject = $1 AND browser = $2 ORDER BY made_at DESC, id DESC LIMIT 1)",
                " AND used_at IS NULL AND expires_at > $3 AND tries < $4 RETURNING id"
            ),
            used: concat!("UPDATE ", $table, " SET used_at = $1 WHERE id = $2 AND used_at IS NULL"),
        }
    };
}

static EMAIL_CODES: CodeTable = code_table!("email_codes");
static SITE_CODES: CodeTable = code_table!("site_codes");
static ACTIVATION_CODES: CodeTable = code_table!("activation_codes");

fn code_table(purpose: Purpose) -> Result<&'static CodeTable> {
    match purpose {
        Purpose::EmailCode => Ok(&EMAIL_CODES),
        Purpose::SiteCode => Ok(&SITE_CODES),
        Purpose::ActivationCode => Ok(&ACTIVATION_CODES),
        Purpose::ActivationLink | Purpose::StopLink | Purpose::CaseWorkerApp | Purpose::AccountApp => {
            Err(Error::Misused(format!("{} is not a code", purpose.stored())))
        }
    }
}

pub(super) async fn add_code(
    tx: &mut Tx,
    purpose: Purpose,
    subject: &str,
    browser: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<String> {
    let id = new_id(now);
    tx.run(code_table(purpose)?.add, &[&id, &subject, &browser, &now, &expires_at]).await?;
    Ok(id)
}

/// Spends one try of the newest code; its identifier, if it may still be tried.
pub(super) async fn count_try(
    tx: &mut Tx,
    purpose: Purpose,
    subject: &str,
    browser: &str,
    now: Timestamp,
    tries_max: i64,
) -> Result<Option<String>> {
    let counted: Option<(String,)> =
        tx.maybe(code_table(purpose)?.count, &[&subject, &browser, &now, &tries_max]).await?;
    Ok(counted.map(|(id,)| id))
}

pub(super) async fn use_code(tx: &mut Tx, purpose: Purpose, id: &str, now: Timestamp) -> Result<bool> {
    Ok(tx.run(code_table(purpose)?.used, &[&now, &id]).await? == 1)
}

pub(super) async fn use_budget(
    tx: &mut Tx,
    now: Timestamp,
    name: &str,
    window: Span,
) -> Result<(Timestamp, i64)> {
    tx.one(
        "INSERT INTO budgets (name, window_starts_at, used) VALUES ($1, $2, 1)
         ON CONFLICT (name) DO UPDATE SET
           used = CASE WHEN budgets.window_starts_at <= $3 THEN 1 ELSE budgets.used + 1 END,
           window_starts_at = CASE WHEN budgets.window_starts_at <= $3 THEN $2 ELSE budgets.window_starts_at END
         RETURNING window_starts_at, used",
        &[&name, &now, &now.minus(window)],
    )
    .await
}

/// A session as stored.
#[derive(Clone, Debug)]
pub struct Session {
    pub kind: String,
    pub subject: String,
    pub masked: bool,
    pub seen_at: Timestamp,
    pub ends_at: Timestamp,
}

impl FromRow for Session {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Session {
            kind: row.get(0)?,
            subject: row.get(1)?,
            masked: row.get(2)?,
            seen_at: row.get(3)?,
            ends_at: row.get(4)?,
        })
    }
}

/// The sessions that hang on one browser's secret.
pub async fn list_sessions(from: &Database, token_hash: &str) -> Result<Vec<Session>> {
    from.all(
        "SELECT kind, subject, masked, seen_at, ends_at FROM sessions WHERE token_hash = $1 LIMIT 10",
        &[&token_hash],
    )
    .await
}

pub async fn begin_session(
    tx: &mut Tx,
    token_hash: &str,
    kind: &str,
    subject: &str,
    masked: bool,
    now: Timestamp,
    ends_at: Timestamp,
) -> Result<()> {
    tx.run(
        "INSERT INTO sessions (token_hash, kind, subject, masked, started_at, seen_at, ends_at)
         VALUES ($1, $2, $3, $4, $5, $5, $6)
         ON CONFLICT (token_hash, kind) DO UPDATE SET
           subject = $3, masked = $4, started_at = $5, seen_at = $5, ends_at = $6",
        &[&token_hash, &kind, &subject, &masked, &now, &ends_at],
    )
    .await?;
    Ok(())
}

pub async fn session_seen(tx: &mut Tx, token_hash: &str, kind: &str, now: Timestamp) -> Result<()> {
    tx.run(
        "UPDATE sessions SET seen_at = $1 WHERE token_hash = $2 AND kind = $3",
        &[&now, &token_hash, &kind],
    )
    .await?;
    Ok(())
}

/// Ends every session of one browser.
pub async fn end_sessions_of_browser(tx: &mut Tx, token_hash: &str) -> Result<u64> {
    tx.run("DELETE FROM sessions WHERE token_hash = $1", &[&token_hash]).await
}

/// Ends every session that acts for one subject (a draft, a case worker), in whatever browser.
pub async fn end_sessions_of(tx: &mut Tx, kind: &str, subject: &str) -> Result<u64> {
    tx.run("DELETE FROM sessions WHERE kind = $1 AND subject = $2", &[&kind, &subject]).await
}

/// Ends the session of one kind that one browser has for one subject; false when it is not there any
/// more. Whoever goes on from it asks this first, so that it leads on once.
pub async fn use_session(tx: &mut Tx, token_hash: &str, kind: &str, subject: &str) -> Result<bool> {
    let used = tx
        .run(
            "DELETE FROM sessions WHERE token_hash = $1 AND kind = $2 AND subject = $3",
            &[&token_hash, &kind, &subject],
        )
        .await?;
    Ok(used == 1)
}

/// Ends every session of an account holder, in whatever browser, those that are only half way
/// through signing in or setting up an app included.
pub async fn end_sessions_of_holder(tx: &mut Tx, account: &str) -> Result<u64> {
    tx.run(
        "DELETE FROM sessions WHERE subject = $1 AND kind IN ('HolderHalfSignedIn', 'SettingUpApp', 'AccountHolder')",
        &[&account],
    )
    .await
}

/// Removes what has run out: sessions, codes and budgets nobody can use any more.
pub async fn forget_old(database: &Database, now: Timestamp) -> Result<()> {
    let day_ago = now.minus(Span::days(1));
    let two_days_ago = now.minus(Span::days(2));
    database
        .write(transaction!(async move |tx| {
            tx.run("DELETE FROM sessions WHERE ends_at < $1", &[&now]).await?;
            tx.run("DELETE FROM email_codes WHERE expires_at < $1", &[&day_ago]).await?;
            tx.run("DELETE FROM site_codes WHERE expires_at < $1", &[&day_ago]).await?;
            tx.run("DELETE FROM activation_codes WHERE expires_at < $1", &[&day_ago]).await?;
            tx.run("DELETE FROM budgets WHERE window_starts_at < $1", &[&two_days_ago]).await?;
            Ok(())
        }))
        .await
}

/// A case worker as stored.
#[derive(Clone, Debug)]
pub struct CaseWorkerRow {
    pub id: String,
    pub name: String,
    pub email: String,
    pub password_hash: String,
    pub last_code_step: i64,
    pub disabled: bool,
}

impl FromRow for CaseWorkerRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let disabled_at: Option<Timestamp> = row.get(5)?;
        Ok(CaseWorkerRow {
            id: row.get(0)?,
            name: row.get(1)?,
            email: row.get(2)?,
            password_hash: row.get(3)?,
            last_code_step: row.get(4)?,
            disabled: disabled_at.is_some(),
        })
    }
}

pub async fn find_case_worker(from: &Database, email: &str) -> Result<Option<CaseWorkerRow>> {
    from.maybe(
        "SELECT id, name, email, password_hash, last_code_step, disabled_at FROM case_workers WHERE email = $1",
        &[&email],
    )
    .await
}

pub async fn case_worker(from: &Database, id: &str) -> Result<Option<CaseWorkerRow>> {
    from.maybe(
        "SELECT id, name, email, password_hash, last_code_step, disabled_at FROM case_workers WHERE id = $1",
        &[&id],
    )
    .await
}

/// The first case workers, at most 20: for the demo, whose codes stand on a page.
pub async fn list_case_workers(from: &Database) -> Result<Vec<CaseWorkerRow>> {
    from.all(
        "SELECT id, name, email, password_hash, last_code_step, disabled_at FROM case_workers
          ORDER BY added_at, id LIMIT 20",
        &[],
    )
    .await
}

/// Adds a case worker; false when the email address is taken.
pub async fn add_case_worker(
    tx: &mut Tx,
    id: &str,
    name: &str,
    email: &str,
    password_hash: &str,
    now: Timestamp,
) -> Result<bool> {
    let added = tx
        .run(
            "INSERT INTO case_workers (id, name, email, password_hash, added_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (email) DO NOTHING",
            &[&id, &name, &email, &password_hash, &now],
        )
        .await?;
    Ok(added == 1)
}

/// Marks a step of the authenticator app's clock as used; false when it, or a later one, was used
/// already.
pub async fn use_app_step(tx: &mut Tx, id: &str, step: i64) -> Result<bool> {
    let used = tx
        .run(
            "UPDATE case_workers SET last_code_step = $1 WHERE id = $2 AND last_code_step < $1",
            &[&step, &id],
        )
        .await?;
    Ok(used == 1)
}

/// An account as signing in sees it.
#[derive(Clone, Debug)]
pub struct HolderRow {
    pub id: String,
    pub name: String,
    pub address: String,
    pub state: AccountState,
    pub password_hash: Option<Secret<String>>,
}

impl FromRow for HolderRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (first, last, state): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(4)?);
        let hash: Option<String> = row.get(5)?;
        Ok(HolderRow {
            id: row.get(0)?,
            name: format!("{first} {last}"),
            address: row.get(3)?,
            state: AccountState::parse(&state)
                .ok_or_else(|| Error::Broken(format!("unknown state of an account: {state}")))?,
            password_hash: hash.map(Secret::new),
        })
    }
}

pub async fn holder(from: &impl Reads, account: &str) -> Result<Option<HolderRow>> {
    from.maybe(
        "SELECT id, first_name, last_name, address, state, password_hash FROM accounts WHERE id = $1",
        &[&account],
    )
    .await
}

/// The account at an address in its one written form.
pub async fn find_holder(from: &impl Reads, canonical: &str) -> Result<Option<HolderRow>> {
    from.maybe(
        "SELECT id, first_name, last_name, address, state, password_hash FROM accounts WHERE address = $1",
        &[&canonical],
    )
    .await
}

/// An authenticator app as stored. Its secret is derived from its identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticator {
    pub id: String,
    pub since: Timestamp,
}

impl FromRow for Authenticator {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Authenticator { id: row.get(0)?, since: row.get(1)? })
    }
}

/// The app an account holder signs in with, if they have set one up.
pub async fn authenticator(from: &impl Reads, account: &str) -> Result<Option<Authenticator>> {
    from.maybe(
        "SELECT id, confirmed_at FROM authenticators
          WHERE account_id = $1 AND confirmed_at IS NOT NULL AND replaced_at IS NULL",
        &[&account],
    )
    .await
}

/// The newest apps of account holders, at most 20: for the demo, whose codes stand on a page. Identifier, name and address of its holder, last step used.
pub async fn list_authenticators(from: &Database) -> Result<Vec<(String, String, String, i64)>> {
    from.all(
        "SELECT t.id, a.first_name || ' ' || a.last_name, a.address, t.last_code_step
           FROM authenticators t JOIN accounts a ON a.id = t.account_id
          WHERE t.replaced_at IS NULL ORDER BY t.made_at DESC, t.id DESC LIMIT 20",
        &[],
    )
    .await
}

/// The app that is being set up and has not shown a code yet: the newest.
pub async fn waiting_authenticator(from: &impl Reads, account: &str) -> Result<Option<Authenticator>> {
    from.maybe(
        "SELECT id, made_at FROM authenticators WHERE account_id = $1 AND confirmed_at IS NULL
          ORDER BY made_at DESC, id DESC LIMIT 1",
        &[&account],
    )
    .await
}

/// Lets one browser set up an app: whatever was being set up elsewhere stops.
pub async fn add_authenticator(tx: &mut Tx, account: &str, now: Timestamp) -> Result<()> {
    tx.run("DELETE FROM sessions WHERE kind = 'SettingUpApp' AND subject = $1", &[&account]).await?;
    forget_waiting_authenticators(tx, account).await?;
    tx.run(
        "INSERT INTO authenticators (id, account_id, made_at) VALUES ($1, $2, $3)",
        &[&new_id(now), &account, &now],
    )
    .await?;
    Ok(())
}

/// Forgets apps that were being set up and have shown no code yet.
pub async fn forget_waiting_authenticators(tx: &mut Tx, account: &str) -> Result<()> {
    tx.run("DELETE FROM authenticators WHERE account_id = $1 AND confirmed_at IS NULL", &[&account]).await?;
    Ok(())
}

/// Puts the app that has just shown its first code in force, in place of the one before; false when
/// it is not waiting any more.
pub async fn confirm_authenticator(
    tx: &mut Tx,
    account: &str,
    id: &str,
    step: i64,
    now: Timestamp,
) -> Result<bool> {
    tx.run(
        "UPDATE authenticators SET replaced_at = $1
          WHERE account_id = $2 AND confirmed_at IS NOT NULL AND replaced_at IS NULL",
        &[&now, &account],
    )
    .await?;
    let confirmed = tx
        .run(
            "UPDATE authenticators SET confirmed_at = $1, last_code_step = $2
              WHERE id = $3 AND account_id = $4 AND confirmed_at IS NULL",
            &[&now, &step, &id, &account],
        )
        .await?;
    Ok(confirmed == 1)
}

/// Marks a step of an app's clock as used; false when it, or a later one, was used already, or the
/// app has been replaced.
pub async fn use_authenticator_step(tx: &mut Tx, id: &str, step: i64) -> Result<bool> {
    let used = tx
        .run(
            "UPDATE authenticators SET last_code_step = $1
              WHERE id = $2 AND last_code_step < $1 AND confirmed_at IS NOT NULL AND replaced_at IS NULL",
            &[&step, &id],
        )
        .await?;
    Ok(used == 1)
}

/// Keeps the hashes of new recovery codes; the ones before stop working.
pub async fn replace_recovery_codes(
    tx: &mut Tx,
    account: &str,
    hashes: &[String],
    now: Timestamp,
) -> Result<()> {
    tx.run("DELETE FROM recovery_codes WHERE account_id = $1", &[&account]).await?;
    for hash in hashes {
        tx.run(
            "INSERT INTO recovery_codes (account_id, hash, made_at) VALUES ($1, $2, $3)",
            &[&account, hash, &now],
        )
        .await?;
    }
    Ok(())
}

/// Uses a recovery code up; false where it is none of theirs or was used before.
pub async fn use_recovery_code(tx: &mut Tx, account: &str, hash: &str, now: Timestamp) -> Result<bool> {
    let used = tx
        .run(
            "UPDATE recovery_codes SET used_at = $1 WHERE account_id = $2 AND hash = $3 AND used_at IS NULL",
            &[&now, &account, &hash],
        )
        .await?;
    Ok(used == 1)
}

/// How many recovery codes an account has that still work, and when they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryCodes {
    pub left: i64,
    /// Nothing where none were ever made.
    pub made_at: Option<Timestamp>,
}

pub async fn recovery_codes(from: &impl Reads, account: &str) -> Result<RecoveryCodes> {
    let (left, made_at): (i64, Option<Timestamp>) = from
        .one(
            "SELECT COUNT(*) - COUNT(used_at), MAX(made_at) FROM recovery_codes WHERE account_id = $1",
            &[&account],
        )
        .await?;
    Ok(RecoveryCodes { left, made_at })
}

/// A single-use link as stored.
#[derive(Clone, Debug)]
pub struct Link {
    /// What it is for: an account or a registration.
    pub subject: String,
    pub expires_at: Timestamp,
    pub used: bool,
}

impl FromRow for Link {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let used_at: Option<Timestamp> = row.get(2)?;
        Ok(Link { subject: row.get(0)?, expires_at: row.get(1)?, used: used_at.is_some() })
    }
}

pub async fn add_stop_link(
    tx: &mut Tx,
    registration: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<String> {
    let id = new_id(now);
    tx.run(
        "INSERT INTO stop_links (id, registration_id, made_at, expires_at) VALUES ($1, $2, $3, $4)",
        &[&id, &registration, &now, &expires_at],
    )
    .await?;
    Ok(id)
}

pub async fn stop_link(from: &Database, id: &str) -> Result<Option<Link>> {
    from.maybe("SELECT registration_id, expires_at, used_at FROM stop_links WHERE id = $1", &[&id]).await
}

pub async fn use_stop_link(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool> {
    let used = tx
        .run(
            "UPDATE stop_links SET used_at = $1 WHERE id = $2 AND used_at IS NULL AND expires_at > $1",
            &[&now, &id],
        )
        .await?;
    Ok(used == 1)
}

/// Makes an activation link; older ones of the same account stop working.
pub async fn add_activation_link(
    tx: &mut Tx,
    account: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<String> {
    let id = new_id(now);
    tx.run(
        "UPDATE activation_links SET used_at = $1 WHERE account_id = $2 AND used_at IS NULL",
        &[&now, &account],
    )
    .await?;
    tx.run(
        "INSERT INTO activation_links (id, account_id, made_at, expires_at) VALUES ($1, $2, $3, $4)",
        &[&id, &account, &now, &expires_at],
    )
    .await?;
    Ok(id)
}

pub async fn activation_link(from: &Database, id: &str) -> Result<Option<Link>> {
    from.maybe("SELECT account_id, expires_at, used_at FROM activation_links WHERE id = $1", &[&id]).await
}

pub async fn use_activation_link(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool> {
    let used = tx
        .run(
            "UPDATE activation_links SET used_at = $1 WHERE id = $2 AND used_at IS NULL AND expires_at > $1",
            &[&now, &id],
        )
        .await?;
    Ok(used == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::for_tests::{both_engines, run};

    const NOON: Timestamp = Timestamp::from_milliseconds(43_200_000);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_app_is_bound_once_and_codes_are_used_once() {
        for database in both_engines().await {
            run(
                &database,
                "INSERT INTO addresses VALUES ('a@b.example', 'a', 0, 'a1', 1);
                 INSERT INTO accounts (id, version, state, first_name, last_name, role, address, personal_email,
                                       mobile, contact_is_live, password_hash, made_at, state_since)
                 VALUES ('a1', 1, 'Active', 'Asha', 'Patel', 'Carer', 'a@b.example', 'a@home.example',
                         '+447700900123', TRUE, 'hash', 1, 1);",
            )
            .await;
            database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    let found = find_holder(tx, "a@b.example").await?.expect("found");
                    assert_eq!((found.name.as_str(), found.state), ("Asha Patel", AccountState::Active));
                    assert_eq!(holder(tx, "a1").await?.map(|row| row.address), Some(found.address));
                    add_authenticator(tx, "a1", NOON).await?;
                    begin_session(tx, "t", "SettingUpApp", "a1", false, NOON, NOON).await?;
                    add_authenticator(tx, "a1", NOON).await?;
                    assert!(!use_session(tx, "t", "SettingUpApp", "a1").await?, "only the newest");
                    let waiting = waiting_authenticator(tx, "a1").await?.expect("one waits");
                    assert!(!use_authenticator_step(tx, &waiting.id, 7).await?, "not in force");
                    assert!(confirm_authenticator(tx, "a1", &waiting.id, 7, NOON).await?);
                    assert!(!confirm_authenticator(tx, "a1", &waiting.id, 8, NOON).await?);
                    run_again(tx, &waiting.id).await?;
                    let in_force = authenticator(tx, "a1").await?.expect("in force");
                    assert_eq!(in_force.id, waiting.id);
                    assert!(!use_authenticator_step(tx, &waiting.id, 7).await?, "replayed");
                    assert!(use_authenticator_step(tx, &waiting.id, 8).await?);

                    let none = RecoveryCodes { left: 0, made_at: None };
                    assert_eq!(recovery_codes(tx, "a1").await?, none);
                    let hashes = ["h1".to_owned(), "h2".to_owned()];
                    replace_recovery_codes(tx, "a1", &hashes, NOON).await?;
                    assert!(use_recovery_code(tx, "a1", "h1", NOON).await?);
                    assert!(!use_recovery_code(tx, "a1", "h1", NOON).await?, "once");
                    assert!(!use_recovery_code(tx, "a2", "h2", NOON).await?, "somebody else's");
                    let one = RecoveryCodes { left: 1, made_at: Some(NOON) };
                    assert_eq!(recovery_codes(tx, "a1").await?, one);

                    for kind in ["HolderHalfSignedIn", "SettingUpApp", "AccountHolder", "CaseWorker"] {
                        begin_session(tx, kind, kind, "a1", false, NOON, NOON).await?;
                    }
                    assert_eq!(end_sessions_of_holder(tx, "a1").await?, 3);
                    Ok(())
                }))
                .await
                .expect("written");
            assert_eq!(list_authenticators(&database).await.expect("listed").len(), 1);
        }
    }

    /// A confirmation that failed has taken the app out of force: whoever asked rolls it back.
    async fn run_again(tx: &mut Tx, id: &str) -> Result<()> {
        tx.run("UPDATE authenticators SET replaced_at = NULL WHERE id = $1", &[&id]).await?;
        Ok(())
    }
}
