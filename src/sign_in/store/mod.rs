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

pub(super) use account_holders::list_sites_owned;
pub use account_holders::{HolderRow, find_holder, holder};
pub(super) use authenticators::last_step_used;
pub use authenticators::{
    Authenticator, add_authenticator, authenticator, confirm_authenticator, count_authenticators,
    forget_waiting_authenticators, list_authenticators, use_authenticator_step, waiting_authenticator,
};
pub(super) use budgets::{give_back, read_budget, use_budget};
pub use case_workers::{
    CaseWorkerRow, add_case_worker, case_worker, find_case_worker, list_case_workers, use_app_step,
};
pub(super) use codes::{add_code, code_used_since, count_try, fresh_code, lock_code, use_code};
pub(super) use links::{add_link, has_fresh_link, link, use_link};
pub(super) use recovery_codes::recovery_code_used_since;
pub use recovery_codes::{RecoveryCodes, recovery_codes, replace_recovery_codes, use_recovery_code};
pub(super) use sessions::{NewSession, Rotation, begin_session, lock_browser, salt_of_rotation};
pub use sessions::{
    Session, end_sessions_of, end_sessions_of_browser, end_sessions_of_holder, factor_shown, has_begun_since,
    list_sessions, session_seen, use_session,
};

/// Makes others that sign the same case worker in wait until this transaction ends.
pub(super) async fn lock_case_worker(tx: &mut Tx, id: &str) -> Result<()> {
    lock(tx, &["case worker", id]).await
}

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
    use crate::sign_in::permits::SessionKind;

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
                    begins(tx, "t", SessionKind::SettingUpApp).await?;
                    add_authenticator(tx, "a1", NOON).await?;
                    assert!(!use_session(tx, "t", SessionKind::SettingUpApp, "a1").await?, "only the newest");
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

                    for kind in SessionKind::ALL {
                        begins(tx, kind.stored(), *kind).await?;
                    }
                    assert_eq!(end_sessions_of_holder(tx, "a1").await?, 3);
                    let left = list_sessions(tx, SessionKind::CaseWorker.stored()).await?;
                    assert_eq!(left.len(), 1, "the subject is a case worker's, not an account's");
                    tx.run("UPDATE sessions SET kind = 'Unheard of'", &[]).await?;
                    let unknown = list_sessions(tx, SessionKind::CaseWorker.stored()).await?;
                    assert_eq!(unknown.len(), 0, "what this version does not know opens nothing");
                    Ok(())
                }))
                .await
                .expect("written");
            assert_eq!(list_authenticators(&database).await.expect("listed").len(), 1);
        }
    }

    async fn begins(tx: &mut Tx, token_hash: &str, kind: SessionKind) -> Result<()> {
        let new = NewSession { kind, subject: "a1", masked: false, rotated: None };
        begin_session(tx, token_hash, &new, NOON, NOON).await
    }

    /// A confirmation that failed has taken the app out of force: whoever asked rolls it back.
    async fn run_again(tx: &mut Tx, id: &str) -> Result<()> {
        tx.run("UPDATE authenticators SET replaced_at = NULL WHERE id = $1", &[&id]).await?;
        Ok(())
    }
}
