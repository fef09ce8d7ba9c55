//! Reads the whole trail and says what is not as it was written.

use super::log::{OUT_OF_ORDER, hashes_of};
use crate::audit::{Written, leaf, text_hash};
use crate::clock::{Span, Timestamp};
use crate::database::{Database, Error, Reads, Result, Row};
use crate::transparency_log::tree::{self, Hash, Nodes};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// How long an entry may wait for the log before `carepost check` calls it a breach. The worker looks every half
/// second; a minute allows for a busy or stopped worker.
pub const LOG_LIMIT: Span = Span::minutes(1);

/// What a walk along the whole log found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Rows of the log.
    pub entries: u64,
    /// Entries that are not those their leaves were made of.
    pub changed: i64,
    /// Leaves whose entry is not there.
    pub missing: i64,
    /// Places of the log that are not there.
    pub gaps: i64,
    /// Rows of the log whose hashes do not follow from those before.
    pub wrong_hashes: i64,
    /// Entries that are dated long before one in front of them.
    pub out_of_order: i64,
    /// Texts that are not those which were written.
    pub changed_texts: i64,
    /// Entries that are neither in the log nor waiting for it, or waiting too long.
    pub unlogged: i64,
    /// The hash over the first so many entries, made from the entries themselves, for each size asked for.
    pub roots: BTreeMap<u64, Hash>,
}

impl Found {
    /// What was found, each in words with its number; 0 where nothing is wrong.
    pub fn in_words(&self) -> [(&'static str, i64); 7] {
        [
            ("audit entries that were changed after they were written", self.changed),
            ("audit entries that are in the log and no longer there", self.missing),
            ("places of the audit log that are missing", self.gaps),
            ("rows of the audit log whose hashes are not those of the log", self.wrong_hashes),
            ("audit entries dated more than an hour before those in front of them", self.out_of_order),
            ("texts of audit entries that were changed", self.changed_texts),
            ("audit entries that are not in the log", self.unlogged),
        ]
    }
}

#[derive(Default)]
struct Walk {
    found: Found,
    sizes: Vec<u64>,
    expected: i64,
    newest: Option<Timestamp>,
    /// The tree over the entries as they are.
    entries: Nodes,
    /// The tree over the leaves that the log has kept.
    kept: Nodes,
}

impl Walk {
    fn step(&mut self, row: &Row<'_>) -> Result<()> {
        let (place, text): (i64, String) = (row.get(0)?, row.get(1)?);
        if place != self.expected {
            self.found.gaps += (place - self.expected).max(1);
        }
        self.expected = place + 1;
        let hashes = hashes_of(&text).unwrap_or_default();
        let kept = hashes.first().copied().unwrap_or_default();
        let id: Option<String> = row.get(2)?;
        let entry = match id {
            Some(id) => Some(Written {
                id,
                at: row.get(3)?,
                actor: row.get(4)?,
                action: row.get(5)?,
                subject: row.get(6)?,
                detail: row.get(7)?,
                text_hash: row.get(8)?,
                text: row.get::<Option<String>>(10)?.unwrap_or_default(),
            }),
            None => None,
        };
        let key: Option<String> = row.get(9)?;
        let true_leaf = match &entry {
            Some(entry) => {
                let made = tree::leaf_hash(&leaf(entry));
                self.found.changed += i64::from(made != kept);
                // A text that has been destroyed proves nothing; one that is there must be the one.
                let is_the_text = key.is_none_or(|key| text_hash(&key, &entry.text) == entry.text_hash);
                self.found.changed_texts += i64::from(!is_the_text);
                let is_late = self.newest.is_some_and(|newest| entry.at < newest.minus(OUT_OF_ORDER));
                self.found.out_of_order += i64::from(is_late);
                self.newest = self.newest.max(Some(entry.at));
                made
            }
            None => {
                self.found.missing += 1;
                kept
            }
        };
        let size = self.found.entries;
        tree::append(size, true_leaf, &mut self.entries)?;
        let follows = tree::append(size, kept, &mut self.kept)?;
        self.found.wrong_hashes += i64::from(follows != hashes);
        self.found.entries = size + 1;
        if self.sizes.contains(&self.found.entries) {
            self.found.roots.insert(self.found.entries, tree::root(self.found.entries, &self.entries)?);
        }
        // What completed trees are made of is not needed again.
        if self.found.entries.is_multiple_of(64) {
            self.entries.keep_for_root(self.found.entries);
            self.kept.keep_for_root(self.found.entries);
        }
        Ok(())
    }
}

fn panicked() -> Error {
    Error::Misused("a walk panicked".to_owned())
}

/// Walks the whole log, and makes the hashes over the first so many entries.
pub async fn walk(database: &Database, now: Timestamp, sizes: &[u64]) -> Result<Found> {
    let walk = Arc::new(Mutex::new(Walk { sizes: sizes.to_vec(), ..Walk::default() }));
    let walking = Arc::clone(&walk);
    database
        .each(
            "SELECT l.place, l.hashes, e.id, e.at, e.actor, e.action, e.subject, e.detail, e.text_hash, x.key, x.text
               FROM audit_log l LEFT JOIN audit_entries e ON e.id = l.entry
               LEFT JOIN audit_texts x ON x.entry = l.entry ORDER BY l.place",
            move |row| walking.lock().map_err(|_| panicked())?.step(row),
        )
        .await?;
    let (unlogged,): (i64,) = database
        .one(
            "SELECT COUNT(*) FROM audit_entries e
              WHERE NOT EXISTS (SELECT 1 FROM audit_log l WHERE l.entry = e.id)
                AND (e.at < $1 OR NOT EXISTS (SELECT 1 FROM audit_waiting w WHERE w.entry = e.id))",
            &[&now.minus(LOG_LIMIT)],
        )
        .await?;
    let found = walk.lock().map_err(|_| panicked())?.found.clone();
    Ok(Found { unlogged, ..found })
}
