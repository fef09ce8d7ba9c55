//! What Postfix and the guard look up.

use super::super::rules::SENDERS_MAX;
use crate::database::{Database, FromRow, Reads, Result, Row};

/// How somebody holds the address they send from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Sender {
    pub(in super::super) account_id: String,
    /// Where the copy goes that colleagues see; for a shared mailbox only.
    pub(in super::super) sent_copy: Option<String>,
}

impl FromRow for Sender {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Sender { account_id: row.get(0)?, sent_copy: row.get(1)? })
    }
}

/// Whether somebody who has signed in holds an address, and how.
pub(in super::super) async fn sender(from: &Database, login: &str, address: &str) -> Result<Option<Sender>> {
    from.maybe(
        "SELECT account_id, sent_copy FROM senders WHERE login = $1 AND name = $2",
        &[&login, &address],
    )
    .await
}

/// The revision of the projection, which a submission session notes when it is opened.
pub(in super::super) async fn revision(from: &Database) -> Result<i64> {
    let (revision,): (i64,) = from.one("SELECT revision FROM revisions", &[]).await?;
    Ok(revision)
}

/// The revision before which no session of somebody counts: that of their last being signed out, or that with
/// which the tables began.
pub(in super::super) async fn signed_out_at(from: &Database, login: &str) -> Result<i64> {
    let rows: Vec<(i64,)> = from
        .all(
            "SELECT first_revision FROM revisions
             UNION ALL SELECT revision FROM signed_out WHERE login = $1",
            &[&login],
        )
        .await?;
    Ok(rows.into_iter().map(|(revision,)| revision).max().unwrap_or(i64::MAX))
}

/// A table that Postfix looks things up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum LookupTable {
    /// Addresses that take mail.
    Recipients,
    /// What senders to the others are told.
    Refusals,
    /// Who may send from an address.
    Senders,
    /// What is said of an address of ours that may yet turn out to be somebody's.
    Unfilled,
    /// Domains that take part in secure email.
    SecureDomains,
}

impl LookupTable {
    pub(in super::super) const ALL: [LookupTable; 5] = [
        LookupTable::Recipients,
        LookupTable::Refusals,
        LookupTable::Senders,
        LookupTable::Unfilled,
        LookupTable::SecureDomains,
    ];

    /// What it is called in Postfix's configuration.
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            LookupTable::Recipients => "recipients",
            LookupTable::Refusals => "refusals",
            LookupTable::Senders => "senders",
            LookupTable::Unfilled => "unfilled",
            LookupTable::SecureDomains => "secure-domains",
        }
    }

    /// How Postfix asks it by itself. A query that failed would keep it from this database for a
    /// minute, so each has an answer.
    pub(in super::super) fn query(self, schema: &str, secure: &str, domain: &str) -> String {
        let key = "lower('%s')";
        let unfilled = format!(
            "FROM {schema}unfilled WHERE lower('%d') = '{domain}' AND NOT EXISTS (SELECT 1 FROM {schema}users WHERE name = {key})"
        );
        match self {
            // The second half is for mail that comes while the tables are made again: once it has been
            // asked whether they are filled, nobody must be found to be nobody. Dovecot has it wait.
            LookupTable::Recipients => format!(
                "SELECT address FROM {schema}recipients WHERE name = {key} UNION ALL SELECT 'perhaps' {unfilled}"
            ),
            LookupTable::Refusals => format!("SELECT answer FROM {schema}refusals WHERE name = {key}"),
            LookupTable::Senders => format!(
                "SELECT login FROM {schema}senders WHERE name = {key} ORDER BY login LIMIT {SENDERS_MAX}"
            ),
            LookupTable::Unfilled => format!("SELECT reply {unfilled}"),
            LookupTable::SecureDomains => format!(
                "SELECT '{secure}' FROM {schema}enforced_domains WHERE domain = {key} UNION ALL SELECT '{secure}' FROM {schema}enforced_for_now"
            ),
        }
    }
}

/// What a table says about a key. Of [`LookupTable::Unfilled`] only addresses of our domain are asked.
pub(in super::super) async fn look_up(from: &Database, table: LookupTable, key: &str) -> Result<Vec<String>> {
    let found: Vec<(String,)> = match table {
        LookupTable::Recipients => {
            from.all("SELECT address FROM recipients WHERE name = $1", &[&key]).await?
        }
        LookupTable::Refusals => from.all("SELECT answer FROM refusals WHERE name = $1", &[&key]).await?,
        LookupTable::Senders => {
            let sql = "SELECT login FROM senders WHERE name = $1 ORDER BY login LIMIT $2";
            from.all(sql, &[&key, &SENDERS_MAX]).await?
        }
        LookupTable::Unfilled => {
            let sql = "SELECT reply FROM unfilled WHERE NOT EXISTS (SELECT 1 FROM users WHERE name = $1)";
            from.all(sql, &[&key]).await?
        }
        LookupTable::SecureDomains => {
            from.all(
                "SELECT domain FROM enforced_domains WHERE domain = $1
                 UNION ALL SELECT 'every domain' FROM enforced_for_now",
                &[&key],
            )
            .await?
        }
    };
    Ok(found.into_iter().map(|(value,)| value).collect())
}
