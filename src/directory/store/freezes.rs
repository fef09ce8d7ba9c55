//! Freezes of sites and accounts.

use super::broken;
use crate::clock::Timestamp;
use crate::database::{FromRow, Reads, Result, Row, Tx};
use crate::directory::freeze::{Agreement, Freeze, FreezeState, Frozen};
use crate::directory::organisation::scoped;
use crate::directory::{Scope, Site, SiteState};
use crate::outbox::transitions::StateKind;
use crate::outbox::{self, Change};

/// Freezes in force that are listed at once.
const LISTED_MAX: i64 = 200;

macro_rules! freeze_by {
    ($rest:literal) => {
        concat!(
            "SELECT f.id, f.version, f.kind, f.named, f.name, f.about, f.registration, f.state, f.frozen_at, \
                    f.frozen_by, f.reason, f.agreed_by, f.agreed_at, f.agreed_reason, f.lifted_by, f.lifted_at, f.lifted_reason FROM freezes f ",
            $rest
        )
    };
}

fn agreement(row: &Row<'_>, first: usize) -> Result<Option<Agreement>> {
    let (by, at): (Option<String>, Option<Timestamp>) = (row.get(first)?, row.get(first + 1)?);
    let reason: String = row.get(first + 2)?;
    Ok(by.zip(at).map(|(case_worker, at)| Agreement { case_worker, at, reason }))
}

impl FromRow for Freeze {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (kind, named, state): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(7)?);
        Ok(Freeze {
            id: row.get(0)?,
            version: row.get(1)?,
            what: Frozen::parse(&kind, &named).ok_or_else(|| broken("kind of a freeze", &kind))?,
            name: row.get(4)?,
            about: row.get(5)?,
            registration: row.get(6)?,
            state: FreezeState::read(&state)?,
            frozen_at: row.get(8)?,
            frozen_by: row.get(9)?,
            reason: row.get(10)?,
            agreed: agreement(row, 11)?,
            lifted: agreement(row, 14)?,
        })
    }
}

pub async fn find_freeze(from: &impl Reads, id: &str) -> Result<Option<Freeze>> {
    from.maybe(freeze_by!("WHERE f.id = $1"), &[&id]).await
}

/// The freeze that stops something now.
pub async fn find_freeze_of(from: &impl Reads, what: &Frozen) -> Result<Option<Freeze>> {
    let (kind, named) = what.stored();
    from.maybe(
        freeze_by!("WHERE f.kind = $1 AND f.named = $2 AND f.state <> $3"),
        &[&kind, &named, &FreezeState::Lifted.stored()],
    )
    .await
}

/// What is frozen now, the longest first.
pub async fn list_freezes(scope: &Scope, from: &impl Reads) -> Result<Vec<Freeze>> {
    let (organisation, sites) = scope.parameters();
    // A site that has not joined is nobody's, so only those who see everything see its freeze.
    let statement = scope.statement(&scoped!(
        freeze_by!(
            "LEFT JOIN account_slots s ON f.kind = 'Account' AND s.account_id = f.named \
             LEFT JOIN sites t ON (f.kind = 'Site' AND t.ods_code = f.named) OR t.id = s.site_id"
        ),
        "AND f.state <> $3 ORDER BY f.frozen_at, f.id LIMIT $4"
    ));
    from.all(statement, &[&organisation, &sites, &FreezeState::Lifted.stored(), &LISTED_MAX]).await
}

/// How many sites and accounts are frozen now.
pub async fn count_freezes(from: &impl Reads) -> Result<i64> {
    let (count,): (i64,) =
        from.one("SELECT COUNT(*) FROM freezes WHERE state <> $1", &[&FreezeState::Lifted.stored()]).await?;
    Ok(count)
}

/// Adds a freeze; false where the same is frozen already.
pub async fn add_freeze(tx: &mut Tx, freeze: &Freeze) -> Result<bool> {
    let (kind, named) = freeze.what.stored();
    let added = tx
        .run(
            "INSERT INTO freezes (id, version, kind, named, name, about, registration, state, frozen_at, frozen_by, reason)
             VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
            &[
                &freeze.id,
                &kind,
                &named,
                &freeze.name,
                &freeze.about,
                &freeze.registration,
                &freeze.state.stored(),
                &freeze.frozen_at,
                &freeze.frozen_by,
                &freeze.reason,
            ],
        )
        .await?;
    Ok(added == 1)
}

/// Saves a move of a freeze with its entry; false when somebody else saved in between.
pub async fn save_freeze(tx: &mut Tx, now: Timestamp, change: &Change<Freeze>) -> Result<bool> {
    let freeze = &change.state;
    let parts = |agreement: &Option<Agreement>| match agreement {
        Some(agreement) => {
            (Some(agreement.case_worker.clone()), Some(agreement.at), agreement.reason.clone())
        }
        None => (None, None, String::new()),
    };
    let ((agreed_by, agreed_at, agreed_reason), (lifted_by, lifted_at, lifted_reason)) =
        (parts(&freeze.agreed), parts(&freeze.lifted));
    let saved = tx
        .run(
            "UPDATE freezes SET state = $1, agreed_by = $2, agreed_at = $3, agreed_reason = $4,
                    lifted_by = $5, lifted_at = $6, lifted_reason = $7, version = version + 1
              WHERE id = $8 AND version = $9",
            &[
                &freeze.state.stored(),
                &agreed_by,
                &agreed_at,
                &agreed_reason,
                &lifted_by,
                &lifted_at,
                &lifted_reason,
                &freeze.id,
                &freeze.version,
            ],
        )
        .await?;
    if saved == 0 {
        return Ok(false);
    }
    outbox::store::save_with(tx, now, change).await?;
    Ok(true)
}

/// Puts a site into another state; false when somebody else saved in between.
pub async fn set_site_state(tx: &mut Tx, site: &Site, state: SiteState) -> Result<bool> {
    let saved = tx
        .run(
            "UPDATE sites SET state = $1, version = version + 1 WHERE id = $2 AND version = $3",
            &[&state.stored(), &site.id, &site.version],
        )
        .await?;
    Ok(saved == 1)
}

/// The accounts that have their place at a site, in the order in which they are locked.
pub async fn list_accounts_of_site(scope: &Scope, from: &impl Reads, site: &str) -> Result<Vec<String>> {
    let (organisation, sites) = scope.parameters();
    let statement = scope.statement(&scoped!(
        "SELECT s.account_id FROM account_slots s JOIN sites t ON t.id = s.site_id",
        "AND t.id = $3 ORDER BY s.account_id"
    ));
    let found: Vec<(String,)> = from.all(statement, &[&organisation, &sites, &site]).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}
