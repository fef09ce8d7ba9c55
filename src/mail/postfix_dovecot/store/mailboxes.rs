//! The mailboxes themselves, with their names, passwords and people.

use super::super::super::{
    EngineError, Ensured, Standing, WantedAccount, WantedPassword, WantedSharedMailbox,
};
use super::super::rules::{self, Mailbox, MailboxAccess, MailboxKind};
use super::{lock_mailbox, steps};
use crate::database::{Database, Error, FromRow, Reads, Result, Row, Tx, transaction};

struct MailboxRow {
    id: String,
    kind: MailboxKind,
    address: String,
    display_name: String,
    quota_bytes: u64,
    standing: Standing,
}

/// A stored word as its enum has it.
fn known<T>(word: &str, found: Option<T>) -> Result<T> {
    found.ok_or_else(|| Error::Broken(format!("this program does not know the word {word}")))
}

impl FromRow for MailboxRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (kind, quota_bytes, standing): (String, i64, String) = (row.get(1)?, row.get(4)?, row.get(5)?);
        Ok(MailboxRow {
            id: row.get(0)?,
            kind: known(&kind, MailboxKind::from_stored(&kind))?,
            address: row.get(2)?,
            display_name: row.get(3)?,
            quota_bytes: u64::try_from(quota_bytes).unwrap_or(0),
            standing: known(&standing, Standing::from_stored(&standing))?,
        })
    }
}

async fn mailbox_of(from: &impl Reads, row: MailboxRow) -> Result<Mailbox> {
    let names: Vec<(String,)> =
        from.all("SELECT name FROM names WHERE mailbox_id = $1 ORDER BY name", &[&row.id]).await?;
    let aliases = names.into_iter().map(|(name,)| name).filter(|name| *name != row.address).collect();
    match row.kind {
        MailboxKind::Account => {
            let passwords: Vec<(String, String)> = from
                .all(
                    "SELECT selector, hash FROM passwords WHERE mailbox_id = $1 ORDER BY selector, hash",
                    &[&row.id],
                )
                .await?;
            let mut wanted: Vec<WantedPassword> = Vec::new();
            for (selector, hash) in passwords {
                match wanted.last_mut().filter(|last| last.selector == selector) {
                    Some(last) => {
                        last.hash.push(' ');
                        last.hash.push_str(&hash);
                    }
                    None => wanted.push(WantedPassword { selector, hash }),
                }
            }
            Ok(Mailbox::Account(WantedAccount {
                id: row.id,
                address: row.address,
                aliases,
                display_name: row.display_name,
                quota_bytes: row.quota_bytes,
                standing: row.standing,
                passwords: wanted,
            }))
        }
        MailboxKind::SharedMailbox => {
            let people: Vec<(String, String)> = from
                .all(
                    "SELECT person, access FROM access WHERE shared_mailbox_id = $1 ORDER BY person",
                    &[&row.id],
                )
                .await?;
            let (mut owners, mut members) = (Vec::new(), Vec::new());
            for (person, access) in people {
                match known(&access, MailboxAccess::from_stored(&access))? {
                    MailboxAccess::Owner => owners.push(person),
                    MailboxAccess::Member => members.push(person),
                }
            }
            Ok(Mailbox::SharedMailbox(WantedSharedMailbox {
                id: row.id,
                address: row.address,
                aliases,
                display_name: row.display_name,
                quota_bytes: row.quota_bytes,
                standing: row.standing,
                owners,
                members,
            }))
        }
    }
}

/// A mailbox as it is kept now.
pub(in super::super) async fn find(from: &impl Reads, id: &str) -> Result<Option<Mailbox>> {
    let row: Option<MailboxRow> = from
        .maybe(
            "SELECT id, kind, address, display_name, quota_bytes, standing FROM mailboxes WHERE id = $1",
            &[&id],
        )
        .await?;
    match row {
        None => Ok(None),
        Some(row) => Ok(Some(mailbox_of(from, row).await?)),
    }
}

/// The mailboxes after an identifier, in order.
pub(in super::super) async fn list(from: &Database, after: &str, limit: u32) -> Result<Vec<Mailbox>> {
    let limit = i64::from(limit);
    let rows: Vec<MailboxRow> = from
        .all(
            "SELECT id, kind, address, display_name, quota_bytes, standing FROM mailboxes
              WHERE id > $1 ORDER BY id LIMIT $2",
            &[&after, &limit],
        )
        .await?;
    let mut mailboxes = Vec::with_capacity(rows.len());
    for row in rows {
        mailboxes.push(mailbox_of(from, row).await?);
    }
    Ok(mailboxes)
}

/// The shared mailboxes, by identifier and address, that somebody uses now: one with this identifier, or all
/// of them where the identifier is that of the person's own account.
pub(in super::super) async fn list_used(
    from: &Database,
    person: &str,
    id: &str,
) -> Result<Vec<(String, String)>> {
    from.all(
        "SELECT shared.id, shared.address FROM access
           JOIN mailboxes shared ON shared.id = access.shared_mailbox_id
           JOIN mailboxes own ON own.address = access.person
          WHERE access.person = $1 AND access.uses_it AND own.holder_uses_it
            AND (shared.id = $2 OR own.id = $2)
          ORDER BY shared.id",
        &[&person, &id],
    )
    .await
}

/// Keeps a mailbox as wanted, with the steps that follow.
pub(in super::super) async fn ensure(
    database: &Database,
    wanted: Mailbox,
) -> std::result::Result<Ensured, EngineError> {
    let wanted = wanted.in_order();
    // Nothing to do is the usual case, and needs no transaction.
    if find(database, wanted.id()).await?.as_ref() == Some(&wanted) {
        return Ok(Ensured::AlreadyRight);
    }
    database
        .write::<_, EngineError, _>(transaction!(async move |tx| {
            lock_mailbox(tx, wanted.id()).await?;
            let before = find(tx, wanted.id()).await?;
            if before.as_ref() == Some(&wanted) {
                return Ok(Ensured::AlreadyRight);
            }
            let id = wanted.id().to_owned();
            for name in wanted.names() {
                let other: Option<(String,)> = tx
                    .maybe("SELECT mailbox_id FROM names WHERE name = $1 AND mailbox_id <> $2", &[name, &id])
                    .await?;
                if other.is_some() {
                    // It is released when the other mailbox is provisioned.
                    return Err(EngineError::Later(format!("{name} still belongs to another mailbox")));
                }
            }
            remove_rows(tx, &id).await?;
            add_rows(tx, &wanted).await?;
            let steps = rules::steps_between(before.as_ref(), &wanted);
            steps::add(tx, &id, &steps).await?;
            let is_account = wanted.kind() == MailboxKind::Account;
            if is_account && steps.iter().any(|step| step.kind == rules::StepKind::EndSessions) {
                steps::sign_out(tx, &id).await?;
            }
            Ok(if before.is_some() { Ensured::Updated } else { Ensured::Created })
        }))
        .await
}

async fn add_rows(tx: &mut Tx, wanted: &Mailbox) -> Result<()> {
    let (id, address, facts) = (wanted.id(), wanted.address(), rules::facts(wanted));
    let (kind, standing) = (wanted.kind().stored(), wanted.standing().stored());
    let (display_name, quota_bytes) = match wanted {
        Mailbox::Account(account) => (&account.display_name, account.quota_bytes),
        Mailbox::SharedMailbox(mailbox) => (&mailbox.display_name, mailbox.quota_bytes),
    };
    let quota_bytes = i64::try_from(quota_bytes).unwrap_or(i64::MAX);
    tx.run(
        "INSERT INTO mailboxes
           (id, kind, address, display_name, quota_bytes, standing, folder, mail_folder, refusal,
            holder_uses_it, sent_copy)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &[
            &id,
            &kind,
            &address,
            display_name,
            &quota_bytes,
            &standing,
            &facts.folder,
            &facts.mail_folder,
            &facts.refusal,
            &facts.holder_uses_it,
            &facts.sent_copy,
        ],
    )
    .await?;
    for name in wanted.names() {
        tx.run("INSERT INTO names (name, mailbox_id) VALUES ($1, $2)", &[name, &id]).await?;
    }
    if let Mailbox::Account(account) = wanted {
        for password in &account.passwords {
            for hash in password.hash.split(' ') {
                tx.run(
                    "INSERT INTO passwords (mailbox_id, selector, hash) VALUES ($1, $2, $3)",
                    &[&id, &password.selector, &hash],
                )
                .await?;
            }
        }
    }
    for (person, access) in wanted.people() {
        let access = access.stored();
        tx.run(
            "INSERT INTO access (shared_mailbox_id, person, access, uses_it) VALUES ($1, $2, $3, $4)",
            &[&id, person, &access, &facts.people_use_it],
        )
        .await?;
    }
    Ok(())
}

async fn remove_rows(tx: &mut Tx, id: &str) -> Result<()> {
    tx.run("DELETE FROM access WHERE shared_mailbox_id = $1", &[&id]).await?;
    tx.run("DELETE FROM passwords WHERE mailbox_id = $1", &[&id]).await?;
    tx.run("DELETE FROM names WHERE mailbox_id = $1", &[&id]).await?;
    tx.run("DELETE FROM mailboxes WHERE id = $1", &[&id]).await?;
    Ok(())
}

/// Keeps nothing for a mailbox any more, with the steps that follow. Answers whether it was kept.
pub(in super::super) async fn ensure_absent(database: &Database, id: &str) -> Result<bool> {
    let id = id.to_owned();
    database
        .write(transaction!(async move |tx| {
            lock_mailbox(tx, &id).await?;
            let before = find(tx, &id).await?;
            tx.run("DELETE FROM steps WHERE mailbox_id = $1", &[&id]).await?;
            tx.run("DELETE FROM sign_outs WHERE mailbox_id = $1", &[&id]).await?;
            remove_rows(tx, &id).await?;
            steps::add(tx, &id, &rules::steps_of_removal(before.as_ref(), &id)).await?;
            Ok(before.is_some())
        }))
        .await
}
