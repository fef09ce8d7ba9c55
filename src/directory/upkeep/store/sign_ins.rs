//! Use: accounts and app passwords that mail programs signed in with.

use crate::clock::{Span, Timestamp};
use crate::database::{Database, Result, transaction};
use crate::directory::upkeep::SignInReport;
use std::collections::BTreeSet;

/// How fresh a noted use must be for another not to be written.
const USE_NOTED_EVERY: Span = Span::seconds(60);

/// Notes that mail programs signed in. Each account is written once a minute at most.
pub async fn note_use(database: &Database, now: Timestamp, reports: Vec<SignInReport>) -> Result<()> {
    let mut used: BTreeSet<(String, String)> = BTreeSet::new();
    for report in reports.into_iter().filter(|report| report.success) {
        used.insert((report.address.to_lowercase(), report.app_password));
    }
    if used.is_empty() {
        return Ok(());
    }
    let before = now.minus(USE_NOTED_EVERY);
    database
        .write(transaction!(async move |tx| {
                for (address, selector) in &used {
                    tx.run(
                        "UPDATE accounts SET last_used_at = $1
                          WHERE address = $2 AND state = 'Active' AND (last_used_at IS NULL OR last_used_at < $3)",
                        &[&now, address, &before],
                    )
                    .await?;
                    tx.run(
                        "UPDATE app_passwords SET last_used_at = $1
                          WHERE account_id = (SELECT id FROM accounts WHERE address = $2) AND selector = $3
                            AND revoked_at IS NULL AND (last_used_at IS NULL OR last_used_at < $4)",
                        &[&now, address, selector, &before],
                    )
                    .await?;
                }
                Ok(())
            }))
        .await
}

#[cfg(test)]
mod tests {
    use super::super::for_tests::{NOON, change, homes};
    use super::*;
    use crate::database::Reads;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn use_is_noted_forward_and_of_those_who_got_in() {
        for home in homes().await {
            let [asha, bo, _] = &home.people;
            change(
                &home.app,
                "INSERT INTO app_passwords (id, account_id, name, selector, hash, made_at)
                 SELECT 'of ' || id, id, 'Laptop', 'k7mq', 'hash', 0 FROM accounts",
            )
            .await;
            let report = |address: &str, app_password: &str, success| SignInReport {
                address: address.to_owned(),
                app_password: app_password.to_owned(),
                success,
            };
            let used = |account: &str| {
                let (account, from) = (account.to_owned(), &home.app.database);
                async move {
                    let (account, program): (Option<Timestamp>, Option<Timestamp>) = from
                        .one(
                            "SELECT a.last_used_at, p.last_used_at FROM accounts a
                               JOIN app_passwords p ON p.account_id = a.id WHERE a.id = $1",
                            &[&account],
                        )
                        .await
                        .expect("read");
                    (account, program)
                }
            };
            let database = &home.app.database;
            let note = |at: Timestamp, reports: Vec<SignInReport>| async move {
                note_use(database, at, reports).await.expect("noted");
            };
            note(NOON, Vec::new()).await;
            note(
                NOON,
                vec![
                    report("Asha.Patel@carepost.example", "k7mq", true),
                    report("asha.patel@carepost.example", "k7mq", true),
                    report("bo.li@carepost.example", "k7mq", false),
                    report("nobody@carepost.example", "k7mq", true),
                    report("' OR '1'='1", "' OR '1'='1", true),
                    report("", "", true),
                ],
            )
            .await;
            assert_eq!(used(asha).await, (Some(NOON), Some(NOON)));
            assert_eq!(used(bo).await, (None, None), "a wrong password is no use");

            // Within a minute it is not written again, and what is known never goes back.
            let again = || vec![report("asha.patel@carepost.example", "k7mq", true)];
            note(NOON.plus(Span::seconds(30)), again()).await;
            assert_eq!(used(asha).await, (Some(NOON), Some(NOON)));
            note(NOON.minus(Span::hours(1)), again()).await;
            assert_eq!(used(asha).await, (Some(NOON), Some(NOON)));
            let later = NOON.plus(Span::seconds(61));
            note(later, again()).await;
            assert_eq!(used(asha).await, (Some(later), Some(later)));

            // Another program's sign-in is use of the account and not of this program, and what was
            // revoked or disabled meanwhile stays as it was.
            let latest = NOON.plus(Span::hours(1));
            note(latest, vec![report("asha.patel@carepost.example", "zzzz", true)]).await;
            assert_eq!(used(asha).await, (Some(latest), Some(later)));
            change(&home.app, "UPDATE app_passwords SET revoked_at = 1").await;
            change(
                &home.app,
                "UPDATE accounts SET state = 'Disabled' WHERE address = 'bo.li@carepost.example'",
            )
            .await;
            note(latest, vec![report("bo.li@carepost.example", "k7mq", true)]).await;
            assert_eq!(used(bo).await, (None, None));
        }
    }
}
