//! The authenticator apps of account holders.

use crate::clock::Timestamp;
use crate::database::{Database, FromRow, Reads, Result, Row, Tx};
use crate::id::new_id;
use crate::sign_in::permits::SessionKind;

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

/// How many apps an account has ever had in force.
pub async fn count_authenticators(from: &impl Reads, account: &str) -> Result<i64> {
    let (count,): (i64,) = from
        .one(
            "SELECT COUNT(*) FROM authenticators WHERE account_id = $1 AND confirmed_at IS NOT NULL",
            &[&account],
        )
        .await?;
    Ok(count)
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
    super::end_sessions_of(tx, SessionKind::SettingUpApp, account).await?;
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

/// The newest step of its clock that an app in force has shown.
pub(in crate::sign_in) async fn last_step_used(from: &impl Reads, id: &str) -> Result<Option<i64>> {
    let found: Option<(i64,)> = from
        .maybe(
            "SELECT last_code_step FROM authenticators
              WHERE id = $1 AND confirmed_at IS NOT NULL AND replaced_at IS NULL",
            &[&id],
        )
        .await?;
    Ok(found.map(|(step,)| step))
}
