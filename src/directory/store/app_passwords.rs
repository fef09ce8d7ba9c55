//! App passwords: what mail programs sign in with.

use crate::clock::Timestamp;
use crate::database::{FromRow, Reads, Result, Row, Tx};
use crate::directory::app_password::NewAppPassword;
use crate::directory::{APP_PASSWORDS_MAX, AppPassword};
use crate::outbox::{self, Change};
use crate::settings::Secret;

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
pub async fn list_app_passwords_in_force(from: &impl Reads, account: &str) -> Result<Vec<AppPassword>> {
    from.all(
        "SELECT id, name, selector, hash, made_at, last_used_at FROM app_passwords
          WHERE account_id = $1 AND revoked_at IS NULL ORDER BY made_at, id LIMIT $2",
        &[&account, &APP_PASSWORDS_MAX],
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

#[cfg(test)]
mod tests {
    use super::super::for_tests::{NOON, open_in, site_of};
    use super::super::{find_account, list_aliases, mark_used};
    use super::*;
    use crate::database::Error;
    use crate::database::for_tests::both_engines;
    use crate::database::transaction;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_the_mail_engine_must_know_is_listed_and_use_is_noted() {
        for database in both_engines().await {
            let opened = open_in(&database, site_of("VM195", 1, 1)).await.expect("written").expect("opened");
            let (account, mailbox) = (opened.accounts[0].clone(), opened.shared_mailbox_id.clone());
            let id = account.clone();
            let late = NOON.plus(crate::clock::Span::hours(1));
            database
                .write::<_, Error, _>(transaction!(async move |tx| {
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
                    }))
                .await
                .expect("written");
            let passwords = list_app_passwords_in_force(&database, &account).await.expect("listed");
            let seen: Vec<_> = passwords
                .iter()
                .map(|known| (known.id.as_str(), known.selector.as_str(), known.hash.reveal().as_str()))
                .collect();
            assert_eq!(seen, [("p1", "p1", "hash")], "what was revoked is not in force");
            assert_eq!(passwords[0].last_used_at, Some(late));
            let account = find_account(&database, &account).await.expect("read").expect("there");
            assert_eq!((account.last_used_at, account.version), (Some(late), 1));
            let aliases = list_aliases(&database, &opened.shared_mailbox_id).await.expect("listed");
            assert_eq!(aliases, ["asha.patel@carepost.example"]);
        }
    }
}
