//! What must always be true of the directory, looked for row by row.

use crate::database::{Database, Result};
use crate::directory::address;

/// What must always be true of the directory and of everything that is used once, each with the
/// statement that counts breaches.
pub(super) const INVARIANTS: &[(&str, &str)] = &[
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
        "sites frozen without a freeze, or not frozen in spite of one",
        "SELECT COUNT(*) FROM sites t
          WHERE (t.state = 'Frozen') <> (EXISTS
            (SELECT 1 FROM freezes f WHERE f.kind = 'Site' AND f.named = t.ods_code AND f.lifted_by IS NULL))",
    ),
    (
        "accounts frozen without a freeze, or not frozen in spite of one",
        "SELECT COUNT(*) FROM accounts a
          WHERE a.state NOT IN ('Deleted', 'Purged') AND (a.state = 'Frozen') <> (
            EXISTS (SELECT 1 FROM freezes f WHERE f.kind = 'Account' AND f.named = a.id AND f.lifted_by IS NULL)
            OR EXISTS (SELECT 1 FROM account_slots s JOIN sites t ON t.id = s.site_id
                        WHERE s.account_id = a.id AND t.state = 'Frozen'))",
    ),
    (
        "freezes lifted by fewer than two people",
        "SELECT COUNT(*) FROM freezes
          WHERE lifted_by IS NOT NULL AND (agreed_by IS NULL OR agreed_by = lifted_by)",
    ),
    (
        "activated accounts whose link was not used",
        "SELECT COUNT(*) FROM accounts a
          WHERE a.activated_at IS NOT NULL AND NOT EXISTS
            (SELECT 1 FROM links l WHERE l.purpose = 'ActivationLink' AND l.subject = a.id AND l.used_at = a.activated_at)",
    ),
    (
        "accounts with two links that work, or a link of nobody",
        "SELECT (SELECT COUNT(*) FROM (SELECT subject FROM links WHERE used_at IS NULL
                                        GROUP BY purpose, subject HAVING COUNT(*) > 1) twice)
              + (SELECT COUNT(*) FROM links l WHERE l.purpose = 'ActivationLink'
                    AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = l.subject))",
    ),
    (
        "codes and links used before they were made, after they ended, or without a try",
        "SELECT (SELECT COUNT(*) FROM codes WHERE used_at < made_at OR used_at > expires_at OR (used_at IS NOT NULL AND tries < 1))
              + (SELECT COUNT(*) FROM links WHERE used_at < made_at OR used_at > expires_at)",
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
              + (SELECT COUNT(*) FROM outbox o WHERE o.kind IN ('RunChecks', 'Decide')
                   AND NOT EXISTS (SELECT 1 FROM registrations r WHERE r.id = o.subject))
              + (SELECT COUNT(*) FROM outbox o WHERE o.kind = 'FollowSite'
                   AND NOT EXISTS (SELECT 1 FROM sites t WHERE t.id = o.subject))",
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
        "SELECT COUNT(*) FROM sites t JOIN registrations r ON t.origin = 'Registration' AND r.id = t.origin_id
          WHERE NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = t.id AND o.kind = 'FollowSite' AND o.state <> 'Done')
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
    use super::super::for_tests::{add_registrations, breaches, open_in, site_of};
    use super::*;
    use crate::database::for_tests::{run, sqlite};

    /// The tables again without anything that keeps them right.
    const UNPROTECTED: &str = "
        DROP TABLE activations; DROP TABLE recovery_codes; DROP TABLE unread_alarms;
        CREATE TABLE h AS SELECT * FROM authenticators; DROP TABLE authenticators;
        ALTER TABLE h RENAME TO authenticators;
        CREATE TABLE i AS SELECT * FROM app_passwords; DROP TABLE app_passwords;
        ALTER TABLE i RENAME TO app_passwords;
        CREATE TABLE j AS SELECT * FROM aliases; DROP TABLE aliases; ALTER TABLE j RENAME TO aliases;
        CREATE TABLE k AS SELECT * FROM freezes; DROP TABLE freezes; ALTER TABLE k RENAME TO freezes;
        CREATE TABLE g AS SELECT * FROM links; DROP TABLE links; ALTER TABLE g RENAME TO links;
        CREATE TABLE a AS SELECT * FROM shared_mailbox_access; DROP TABLE shared_mailbox_access;
        CREATE TABLE b AS SELECT * FROM account_slots; DROP TABLE account_slots;
        CREATE TABLE c AS SELECT * FROM shared_mailboxes; DROP TABLE shared_mailboxes;
        CREATE TABLE d AS SELECT * FROM accounts; DROP TABLE accounts;
        CREATE TABLE e AS SELECT * FROM sites; DROP TABLE sites;
        CREATE TABLE f AS SELECT * FROM addresses; DROP TABLE addresses;
        ALTER TABLE a RENAME TO shared_mailbox_access; ALTER TABLE b RENAME TO account_slots;
        ALTER TABLE c RENAME TO shared_mailboxes; ALTER TABLE d RENAME TO accounts;
        ALTER TABLE e RENAME TO sites; ALTER TABLE f RENAME TO addresses;
        INSERT INTO letters (id, message_id, channel, language, recipient, name, subject, body, about, written_at, sent_at)
          VALUES ('letter', 'm', 'Email', 'en', 'a@b.example', 'n', 's', 'b', '', 1, 2);";

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
            ("sites frozen without a freeze", "UPDATE sites SET state = 'Frozen'"),
            (
                "sites frozen without a freeze, or not",
                "INSERT INTO freezes (id, version, kind, named, name, about, registration, state, frozen_at, frozen_by, reason) VALUES ('f', 1, 'Site', 'VM195', 'n', 'a', '', 'InForce', 1, 'x', 'y')",
            ),
            (
                "accounts frozen without a freeze",
                "UPDATE accounts SET state = 'Frozen', frozen_from = 'Pending'",
            ),
            (
                "fewer than two people",
                "INSERT INTO freezes (id, version, kind, named, name, about, registration, state, frozen_at, frozen_by, reason, agreed_by, lifted_by) VALUES ('f', 1, 'Site', 'VM1', 'n', 'a', '', 'Lifted', 1, 'x', 'y', 'one', 'one')",
            ),
            (
                "whose link was not used",
                "UPDATE accounts SET state = 'Active', password_hash = 'x', activated_at = 5, policy_accepted_at = 5",
            ),
            (
                "two links that work",
                "INSERT INTO links (id, purpose, subject, made_at, expires_at) SELECT id || 'l', 'ActivationLink', id, 1, 2 FROM accounts; INSERT INTO links (id, purpose, subject, made_at, expires_at) SELECT id || 'm', 'ActivationLink', id, 1, 2 FROM accounts",
            ),
            (
                "a link of nobody",
                "INSERT INTO links (id, purpose, subject, made_at, expires_at) VALUES ('l', 'ActivationLink', 'nobody', 1, 2)",
            ),
            (
                "without a try",
                "INSERT INTO codes (id, purpose, subject, recipient, browser, made_at, expires_at, tries, used_at) VALUES ('c', 'EmailCode', 's', 'r', 'b', 1, 5, 0, 3)",
            ),
            (
                "before they were made",
                "INSERT INTO codes (id, purpose, subject, recipient, browser, made_at, expires_at, tries, used_at) VALUES ('c', 'SiteCode', 's', 'r', 'b', 4, 5, 1, 3)",
            ),
            (
                "after they ended",
                "INSERT INTO codes (id, purpose, subject, recipient, browser, made_at, expires_at, tries, used_at) VALUES ('c', 'ActivationCode', 's', 'r', 'b', 1, 5, 1, 9)",
            ),
            (
                "after they ended",
                "INSERT INTO links (id, purpose, subject, made_at, expires_at, used_at) VALUES ('c', 'StopLink', 's', 1, 5, 9)",
            ),
            (
                "before they were made",
                "INSERT INTO links (id, purpose, subject, made_at, expires_at, used_at) SELECT 'l', 'ActivationLink', id, 3, 5, 2 FROM accounts WHERE address LIKE 'asha.patel@%'",
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
                "INSERT INTO sessions (token_hash, kind, subject, started_at, seen_at, ends_at, factor_at) SELECT 't', 'AccountHolder', id, 1, 1, 2, 1 FROM accounts WHERE address LIKE 'asha.patel@%'",
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
