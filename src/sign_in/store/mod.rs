//! What signing in keeps in the database: a file for each thing that is stored.

mod account_holders;
mod authenticators;
mod budgets;
mod case_workers;
mod codes;
mod links;
mod recovery_codes;
mod sessions;

use crate::clock::{Span, Timestamp};
use crate::database::{Database, Result, Tx, transaction};
use sha2::{Digest, Sha256};

pub use account_holders::{HolderRow, find_holder, holder};
pub use authenticators::{
    Authenticator, add_authenticator, authenticator, confirm_authenticator, forget_waiting_authenticators,
    list_authenticators, use_authenticator_step, waiting_authenticator,
};
pub(super) use budgets::{read_budget, use_budget};
pub use case_workers::{
    CaseWorkerRow, add_case_worker, case_worker, find_case_worker, list_case_workers, use_app_step,
};
pub(super) use codes::{add_code, count_try, fresh_code, lock_code, recipient_of_code, use_code};
pub(super) use links::{add_link, has_fresh_link, link, use_link};
pub use recovery_codes::{RecoveryCodes, recovery_codes, replace_recovery_codes, use_recovery_code};
pub use sessions::{
    Session, begin_session, end_sessions_of, end_sessions_of_browser, end_sessions_of_holder, list_sessions,
    session_seen, use_session,
};

/// Makes other writers of what these words name wait until this transaction ends.
async fn lock(tx: &mut Tx, words: &[&str]) -> Result<()> {
    let hash = Sha256::digest(words.join(" ").as_bytes());
    let mut key = [0_u8; 8];
    key.copy_from_slice(&hash[..8]);
    tx.lock(i64::from_be_bytes(key)).await
}

/// Removes what has run out: sessions, codes and budgets nobody can use any more.
pub async fn forget_old(database: &Database, now: Timestamp) -> Result<()> {
    let day_ago = now.minus(Span::days(1));
    let two_days_ago = now.minus(Span::days(2));
    database
        .write(transaction!(async move |tx| {
            tx.run("DELETE FROM sessions WHERE ends_at < $1", &[&now]).await?;
            tx.run("DELETE FROM codes WHERE expires_at < $1", &[&day_ago]).await?;
            tx.run("DELETE FROM budgets WHERE window_starts_at < $1", &[&two_days_ago]).await?;
            Ok(())
        }))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Error;
    use crate::database::for_tests::{both_engines, run};
    use crate::sign_in::AccountState;

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
