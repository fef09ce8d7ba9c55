//! Signed checkpoints of the trail's log outside the database: signed when there is something new, compared
//! at every start and every night, and begun anew where an operator says so.

use super::store::walk::{Found, walk};
use super::store::{add, guards, log};
use super::{Actor, Entry};
use crate::app::App;
use crate::clock::{Span, Timestamp};
use crate::database::{Database, Error, transaction};
use crate::settings::Settings;
use crate::transparency_log::checkpoint::Signed;
use crate::transparency_log::{Keeper, Places, key};
use std::path::{Path, PathBuf};

/// How often a checkpoint is signed while entries come in.
pub const EVERY: Span = Span::minutes(1);

/// Signs a checkpoint where there is something new, once for all nodes, and writes the newest to this node's
/// file. Nothing is signed that contradicts what the file says.
///
/// # Errors
/// The database did not answer, the file could not be written, or the log is not the one of the last
/// checkpoint.
pub async fn issue(app: &App) -> Result<(), Error> {
    let Some(keeper) = app.log_keeper() else { return Ok(()) };
    let issued = issue_with(app, keeper).await;
    if !matches!(issued, Err(Error::Unavailable(_) | Error::Full | Error::TooSlow)) {
        app.figures.audit_log_is_sound(issued.is_ok());
    }
    issued
}

async fn issue_with(app: &App, keeper: &Keeper) -> Result<(), Error> {
    let now = app.clock.now();
    let last = keeper.last().map_err(Error::Broken)?;
    if let Some(last) = &last {
        log::follows(&app.database, last).await?.map_err(Error::Broken)?;
    }
    let occurrence = now.minus(Span::milliseconds(now.as_milliseconds().rem_euclid(EVERY.as_milliseconds())));
    let (signing, origin) = (app.clone(), keeper.key.name().to_owned());
    let newest = log::sign_checkpoint(&app.database, origin, now, occurrence, move |size, root| {
        let keeper = signing.log_keeper().ok_or("nobody signs")?;
        Signed::by(&keeper.key, size, root)
    })
    .await?;
    let Some(newest) = newest else { return Ok(()) };
    app.figures.audit_checkpoint(newest.checkpoint.size);
    if last.is_none_or(|last| last.checkpoint.size < newest.checkpoint.size) {
        newest.verify(&keeper.keys).map_err(|why| Error::Broken(format!("in the database: {why}")))?;
        log::follows(&app.database, &newest).await?.map_err(Error::Broken)?;
        keeper.file.add(&newest).map_err(Error::Unavailable)?;
    }
    Ok(())
}

/// Checkpoints that are looked at for the one that a co-signature is of.
const COSIGNED_LATELY: i64 = 10;

/// What became of co-signatures that somebody handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cosigned {
    Kept,
    NoWitnesses,
    /// No known witness made them of one of the newest checkpoints.
    NotTheirs,
}

/// Keeps the co-signatures that known witnesses made of one of the newest checkpoints.
///
/// # Errors
/// What the database answered.
pub async fn cosign(app: &App, lines: &str) -> Result<Cosigned, Error> {
    let Some(keeper) = app.log_keeper().filter(|keeper| !keeper.witnesses.is_empty()) else {
        return Ok(Cosigned::NoWitnesses);
    };
    let now = app.clock.now();
    for signed in log::newest_checkpoints(&app.database, keeper.key.name(), COSIGNED_LATELY).await? {
        let known = signed.cosignatures(lines, &keeper.witnesses);
        if !known.is_empty() {
            app.database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    log::keep_cosignatures(tx, now, &signed, &known).await
                }))
                .await?;
            return Ok(Cosigned::Kept);
        }
    }
    Ok(Cosigned::NotTheirs)
}

/// Whether the trail that was walked begins as a checkpoint says, made from the entries themselves.
///
/// # Errors
/// In words, as a sentence.
pub fn judge(found: &Found, signed: &Signed) -> Result<(), String> {
    let (of, root) = signed.checkpoint.head();
    if found.entries < of {
        return Err(format!(
            "{} of the first {of} entries of the audit trail are gone: there are {}.",
            of - found.entries,
            found.entries
        ));
    }
    if of == 0 || found.roots.get(&of) == Some(&root) {
        return Ok(());
    }
    Err(format!(
        "The first {of} entries of the audit trail are not those of the checkpoint: entries were changed, moved or \
         replaced."
    ))
}

/// Reads the whole trail once a night and says in the log what is wrong with it.
///
/// # Errors
/// What is wrong, or what the database answered.
pub async fn check(app: &App) -> Result<(), Error> {
    let Some(keeper) = app.log_keeper() else { return Ok(()) };
    let last = keeper.last().map_err(Error::Broken)?;
    let sizes: Vec<u64> = last.iter().map(|last| last.checkpoint.size).collect();
    let found = walk(&app.database, app.clock.now(), &sizes).await?;
    let mut wrong: Vec<String> = found
        .in_words()
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    if guards::missing(&app.database).await? > 0 {
        wrong.push(GUARDS.to_owned());
    }
    wrong.extend(last.and_then(|last| judge(&found, &last).err()));
    app.figures.audit_log_is_sound(wrong.is_empty());
    if wrong.is_empty() { Ok(()) } else { Err(Error::Broken(wrong.join("; "))) }
}

/// Guards that are not there, as `carepost check` counts them.
pub const GUARDS: &str = "guards against changing audit entries that are missing, switched off or changed";

/// Whether the service may start on this database.
///
/// # Errors
/// In words for the operator, with what to do.
pub async fn may_start(database: &Database, keeper: &Keeper) -> Result<(), String> {
    let Some(last) = keeper.last()? else { return Ok(()) };
    let Err(why) = log::follows(database, &last).await.map_err(|error| error.to_string())? else {
        return Ok(());
    };
    Err(format!(
        "The service does not start, because {why}.\n\
         The checkpoint stands in {file}.\n\
         Either somebody changed the database, or an older copy of it was brought back.\n\
         What to do:\n\
         - Keep that file and this database as they are until you know which of the two it was. `carepost check` and \
         `carepost audit` say what differs.\n\
         - If you have a copy of the database that is newer, bring it back and start again.\n\
         - If an older copy is all there is, start once with --new-audit-log \"WHY\". The checkpoints so far and their \
         key are put aside, a new log begins under a new name, and an entry says why. Tell auditors and witnesses.",
        file = keeper.file.path().display(),
    ))
}

/// Begins a new log after the old one was lost: the file of checkpoints and the key are put aside, and an entry
/// says why.
///
/// # Errors
/// In words: there is nothing to begin anew, or a file cannot be moved.
pub async fn begin_anew(
    database: &Database,
    settings: &Settings,
    keeper: &Keeper,
    now: Timestamp,
    why: &str,
) -> Result<(), String> {
    if may_start(database, keeper).await.is_ok() {
        return Err(
            "The audit trail is the one of its last checkpoint. Start without --new-audit-log.".to_owned()
        );
    }
    let last = keeper.last()?.map(|last| last.checkpoint);
    let lost = last.map_or_else(String::new, |last| {
        format!(
            "the log {} of {} entries with the root {} no longer holds",
            last.origin, last.size, last.root
        )
    });
    let entry = Entry::new(Actor::Operator, "audit log begun anew", "audit").because(lost).written(why);
    database
        .write::<_, Error, _>(transaction!(async move |tx| { add(tx, now, &entry).await }))
        .await
        .map_err(|error| error.to_string())?;
    let places = Places::of(settings)?;
    let mark = now.as_milliseconds();
    for path in [&places.checkpoints, &places.key] {
        let aside = aside(path, mark);
        std::fs::rename(path, &aside).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    key::make(&places.key, &format!("{}/audit/{mark}", settings.mail_domain))
}

fn aside(path: &Path, mark: i64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!("-until-{mark}"));
    name.into()
}
