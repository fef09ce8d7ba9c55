//! The log of the trail: its leaves, the nodes of its tree, its checkpoints.
//!
//! A row of `audit_log` is a leaf: its place, its entry, and the hashes that came to be with it (its own, then
//! the nodes of the tree that it completes), in hexadecimal digits one after the other.

use super::written;
use crate::audit::{Written, leaf};
use crate::clock::{Span, Timestamp};
use crate::database::{Database, Error, Param, Reads, Result, Tx, transaction};
use crate::id::hex;
use crate::transparency_log::checkpoint::Signed;
use crate::transparency_log::tree::{self, Hash, Nodes, Unsound};

/// How many entries are put into the log in one transaction.
const LOGGED_AT_ONCE: i64 = 500;
/// The lock that one node holds while it lengthens the log or signs a checkpoint.
const LOG_LOCK: i64 = 0x4c4f_4721;
/// Hexadecimal digits of a hash.
const DIGITS: usize = 64;

impl From<Unsound> for Error {
    fn from(unsound: Unsound) -> Self {
        Error::Broken(format!("the log of the audit trail: {}", unsound.0))
    }
}

/// The hashes in a row of the log; nothing where it holds something else.
pub(super) fn hashes_of(text: &str) -> Option<Vec<Hash>> {
    let one = |digits: &[u8]| {
        let mut hash = [0_u8; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Hash(hash))
    };
    let is_whole = !text.is_empty() && text.len().is_multiple_of(DIGITS);
    if is_whole { text.as_bytes().chunks_exact(DIGITS).map(one).collect() } else { None }
}

/// A number that the database holds as a signed one.
fn signed(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| Error::Misused(format!("{number} is no place of the log")))
}

/// How many entries are in the log.
pub async fn size(from: &impl Reads) -> Result<u64> {
    let last: Option<(i64,)> =
        from.maybe("SELECT place FROM audit_log ORDER BY place DESC LIMIT 1", &[]).await?;
    Ok(last.map_or(0, |(place,)| place.unsigned_abs() + 1))
}

/// Nodes of the tree by their numbers; those that are not there are left out.
async fn nodes(from: &impl Reads, numbers: &[u64]) -> Result<Nodes> {
    let mut nodes = Nodes::default();
    for number in numbers {
        let (place, offset) = tree::home(*number);
        let row: Option<(String,)> =
            from.maybe("SELECT hashes FROM audit_log WHERE place = $1", &[&signed(place)?]).await?;
        let hashes = row.and_then(|(text,)| hashes_of(&text)).unwrap_or_default();
        if let Some(hash) = hashes.get(offset) {
            nodes.insert(*number, *hash);
        }
    }
    Ok(nodes)
}

/// The hash over the first so many entries, as the log's own nodes say.
pub async fn root(from: &impl Reads, size: u64) -> Result<Hash> {
    Ok(tree::root(size, &nodes(from, &tree::for_root(size)).await?)?)
}

/// The proof that the log of `new` entries begins with that of `old`.
pub async fn consistency(from: &impl Reads, old: u64, new: u64) -> Result<Vec<Hash>> {
    let numbers = tree::for_consistency(old, new)?;
    Ok(tree::consistency(old, new, &nodes(from, &numbers).await?)?)
}

/// Puts waiting entries into the log, oldest first; answers how many.
pub async fn extend(database: &Database) -> Result<usize> {
    let waiting: Option<(String,)> = database.maybe("SELECT entry FROM audit_waiting LIMIT 1", &[]).await?;
    if waiting.is_none() {
        return Ok(0);
    }
    database
        .write(transaction!(async move |tx| {
            tx.lock(LOG_LOCK).await?;
            let before = size(tx).await?;
            let mut known = nodes(tx, &tree::for_root(before)).await?;
            let entries: Vec<Written> = tx
                .all(
                    written!(
                        "JOIN audit_waiting w ON e.id = w.entry
                          WHERE NOT EXISTS (SELECT 1 FROM audit_log l WHERE l.entry = w.entry)
                          ORDER BY w.entry LIMIT $1"
                    ),
                    &[&LOGGED_AT_ONCE],
                )
                .await?;
            let mut lines: Vec<(i64, String)> = Vec::with_capacity(entries.len());
            for (place, entry) in (before..).zip(&entries) {
                let hashes = tree::append(place, tree::leaf_hash(&leaf(entry)), &mut known)?;
                lines.push((signed(place)?, hashes.iter().map(|hash| hex(&hash.0)).collect()));
            }
            let rows: Vec<[&(dyn Param + '_); 3]> = lines
                .iter()
                .zip(&entries)
                .map(|((place, hashes), entry)| -> [&(dyn Param + '_); 3] { [place, &entry.id, hashes] })
                .collect();
            tx.run_rows("INSERT INTO audit_log (place, entry, hashes)", &rows, "").await?;
            tx.run(
                "DELETE FROM audit_waiting WHERE entry IN (SELECT entry FROM audit_log WHERE place >= $1)",
                &[&signed(before)?],
            )
            .await?;
            Ok::<_, Error>(entries.len())
        }))
        .await
}

/// The newest checkpoint that was signed under a name, without co-signatures.
pub async fn newest_checkpoint(from: &impl Reads, origin: &str) -> Result<Option<(Signed, Timestamp)>> {
    let row: Option<(String, Timestamp)> = from
        .maybe(
            "SELECT note, made_at FROM audit_checkpoints WHERE origin = $1 ORDER BY size DESC LIMIT 1",
            &[&origin],
        )
        .await?;
    Ok(row.and_then(|(note, at)| Some((Signed::parse(&note).ok()?, at))))
}

/// Newest checkpoints that were signed under a name, newest first.
pub async fn newest_checkpoints(from: &impl Reads, origin: &str, most: i64) -> Result<Vec<Signed>> {
    let rows: Vec<(String,)> = from
        .all(
            "SELECT note FROM audit_checkpoints WHERE origin = $1 ORDER BY size DESC LIMIT $2",
            &[&origin, &most],
        )
        .await?;
    Ok(rows.iter().filter_map(|(note,)| Signed::parse(note).ok()).collect())
}

/// Whether any checkpoint was signed.
pub async fn has_checkpoints(from: &impl Reads) -> Result<bool> {
    let any: Option<(i64,)> = from.maybe("SELECT size FROM audit_checkpoints LIMIT 1", &[]).await?;
    Ok(any.is_some())
}

/// Signs a checkpoint of the log as it is now, unless there is nothing new, or one was signed since
/// `occurrence`, by this node or another; answers the newest there is. `sign` is asked inside the
/// transaction, and may refuse.
pub async fn sign_checkpoint<F>(
    database: &Database,
    origin: String,
    now: Timestamp,
    occurrence: Timestamp,
    sign: F,
) -> Result<Option<Signed>>
where
    F: FnOnce(u64, Hash) -> std::result::Result<Signed, String> + Clone + Send + 'static,
{
    database
        .write(transaction!(async move |tx| {
            tx.lock(LOG_LOCK).await?;
            let before = newest_checkpoint(tx, &origin).await?;
            let size = size(tx).await?;
            let is_new = match &before {
                Some((signed, at)) => size > signed.checkpoint.size && *at < occurrence,
                None => size > 0,
            };
            if !is_new {
                return Ok(before.map(|(signed, _)| signed));
            }
            let root = root(tx, size).await?;
            if let Some((before, _)) = &before {
                prove(tx, before, (size, root)).await?;
            }
            let made = sign(size, root).map_err(Error::Broken)?;
            tx.run(
                "INSERT INTO audit_checkpoints (origin, size, note, made_at) VALUES ($1, $2, $3, $4)",
                &[&origin, &signed(size)?, &made.text(), &now],
            )
            .await?;
            Ok::<_, Error>(Some(made))
        }))
        .await
}

/// Proves from the log's own nodes that it begins as a checkpoint says.
async fn prove(from: &impl Reads, old: &Signed, new: (u64, Hash)) -> Result<()> {
    let proof = consistency(from, old.checkpoint.size, new.0).await?;
    Ok(tree::verify_consistency(proof, new, old.checkpoint.head())?)
}

/// Whether the log begins as a checkpoint says, by its own nodes; words where it does not.
pub async fn follows(from: &impl Reads, old: &Signed) -> Result<std::result::Result<(), String>> {
    let size = size(from).await?;
    let of = old.checkpoint.size;
    if size < of {
        return Ok(Err(format!(
            "the audit trail has {size} entries in its log, and its checkpoint speaks of {of}: {} are gone",
            of - size
        )));
    }
    let differs = || {
        format!(
            "the first {of} entries of the audit trail are not those of its checkpoint: entries were changed, \
             moved or replaced"
        )
    };
    // Nodes that are missing or nonsense are no proof either.
    let root = match root(from, size).await {
        Ok(root) => root,
        Err(Error::Broken(_)) => return Ok(Err(differs())),
        Err(error) => return Err(error),
    };
    match prove(from, old, (size, root)).await {
        Ok(()) => Ok(Ok(())),
        Err(Error::Broken(_)) => Ok(Err(differs())),
        Err(error) => Err(error),
    }
}

/// Keeps co-signatures of a checkpoint; answers how many are new.
pub async fn keep_cosignatures(
    tx: &mut Tx,
    now: Timestamp,
    of: &Signed,
    lines: &[(String, String)],
) -> Result<u64> {
    let mut kept = 0;
    for (witness, line) in lines {
        kept += tx
            .run(
                "INSERT INTO audit_cosignatures (origin, size, witness, line, received_at)
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (origin, size, witness) DO NOTHING",
                &[&of.checkpoint.origin, &signed(of.checkpoint.size)?, witness, line, &now],
            )
            .await?;
    }
    Ok(kept)
}

/// Co-signatures of a checkpoint, by the name of the witness.
pub async fn cosignatures(from: &impl Reads, of: &Signed) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = from
        .all(
            "SELECT line FROM audit_cosignatures WHERE origin = $1 AND size = $2 ORDER BY witness LIMIT 64",
            &[&of.checkpoint.origin, &signed(of.checkpoint.size)?],
        )
        .await?;
    Ok(rows.into_iter().map(|(line,)| line).collect())
}

/// How long ago the newest entry of the log may be dated before one that stands in front of it. Nodes' clocks
/// differ by seconds, and a transaction is short.
pub const OUT_OF_ORDER: Span = Span::hours(1);
