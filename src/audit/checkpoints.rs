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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::for_tests::app;
    use crate::clock::Clock;
    use crate::database::Reads;
    use crate::database::for_tests::{both_engines, run};
    use crate::settings::Settings;
    use crate::transparency_log::checkpoint::for_tests::Witness;

    const NOON: Timestamp = Timestamp::from_milliseconds(1_800_000_000_000);

    /// Settings that keep the log in a folder of the test.
    fn settings(folder: &tempfile::TempDir) -> Settings {
        let mut settings = Settings::defaults().expect("defaults");
        settings.audit_folder = Some(folder.path().join("audit"));
        settings
    }

    fn node(database: &Database, clock: &Clock, settings: &Settings) -> App {
        let keeper = Keeper::open(settings, false).expect("a keeper");
        app(database.clone(), clock.clone()).0.keeping(keeper)
    }

    async fn adds(app: &App, count: usize) {
        let now = app.clock.now();
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                for number in 0..count {
                    let entry =
                        Entry::new(Actor::Service, "thing done", "subject").because(number.to_string());
                    add(tx, now, &entry).await?;
                }
                Ok(())
            }))
            .await
            .expect("written");
        log::extend(&app.database).await.expect("logged");
    }

    fn last(app: &App) -> Option<Signed> {
        app.log_keeper().expect("a keeper").last().expect("read")
    }

    async fn checkpoints(database: &Database) -> i64 {
        let (count,): (i64,) =
            database.one("SELECT COUNT(*) FROM audit_checkpoints", &[]).await.expect("read");
        count
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_checkpoint_is_signed_once_a_minute_for_two_nodes_and_stands_in_both_files() {
        for database in both_engines().await {
            let (folder, other) =
                (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
            let clock = Clock::still(NOON);
            let one = node(&database, &clock, &settings(&folder));
            let mut of_other = settings(&other);
            of_other.audit_key_file = Some(folder.path().join("audit").join("key"));
            let two = node(&database, &clock, &of_other);
            issue(&one).await.expect("nothing to sign");
            assert_eq!(last(&one), None);
            adds(&one, 3).await;
            let (first, second) = tokio::join!(issue(&one), issue(&two));
            first.and(second).expect("signed");
            assert_eq!(checkpoints(&database).await, 1, "{}", database.engine());
            assert_eq!(last(&one).expect("kept").checkpoint.size, 3);
            assert_eq!(last(&one), last(&two));
            adds(&one, 1).await;
            issue(&two).await.expect("not in the same minute");
            assert_eq!(checkpoints(&database).await, 1);
            clock.advance(EVERY);
            issue(&two).await.expect("signed");
            issue(&one).await.expect("kept");
            clock.advance(EVERY);
            issue(&one).await.expect("nothing new");
            assert_eq!((checkpoints(&database).await, last(&one)), (2, last(&two)));
        }
    }

    /// Everything that a forger who owns the database can do to its log: makes every hash of it anew.
    async fn rehash(database: &Database) {
        run(database, "DELETE FROM audit_log").await;
        run(database, "DELETE FROM audit_waiting").await;
        run(database, "INSERT INTO audit_waiting SELECT id FROM audit_entries").await;
        log::extend(database).await.expect("hashed");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_done_to_the_trail_since_a_checkpoint_is_found_and_named() {
        const CUT: &str = "DELETE FROM audit_log WHERE place >= 10;
            DELETE FROM audit_entries WHERE id NOT IN (SELECT entry FROM audit_log)";
        const SWAP: &str = "UPDATE audit_entries SET detail = CASE detail WHEN '3' THEN '4' ELSE '3' END
            WHERE detail IN ('3', '4')";
        let cases: [(&str, &str, bool, &str); 6] = [
            (
                "edit",
                "UPDATE audit_entries SET detail = 'other' WHERE detail = '3'",
                true,
                "were changed, moved or replaced",
            ),
            ("delete the last ten", CUT, false, "are gone"),
            ("delete approvals", "DELETE FROM audit_entries WHERE detail IN ('3', '7')", true, "are gone"),
            ("delete everything", "DELETE FROM audit_log; DELETE FROM audit_entries", false, "are gone"),
            ("swap two", SWAP, true, "were changed, moved or replaced"),
            (
                "insert one in front",
                "INSERT INTO audit_entries SELECT '0', at, actor, action, subject, 'forged', '' FROM audit_entries WHERE detail = '3'",
                true,
                "were changed, moved or replaced",
            ),
        ];
        for (what, tamper, is_rehashed, expect) in cases {
            for database in both_engines().await {
                let folder = tempfile::tempdir().expect("a folder");
                let settings = settings(&folder);
                let clock = Clock::still(NOON);
                let app = node(&database, &clock, &settings);
                adds(&app, 20).await;
                issue(&app).await.expect("signed");
                let keeper = app.log_keeper().expect("a keeper");
                assert_eq!(may_start(&database, keeper).await, Ok(()));
                for (table, sqlite, postgres) in [
                    (
                        "audit_entries",
                        ["audit_entries_stay", "audit_entries_are_kept"],
                        "audit_entries_are_kept",
                    ),
                    ("audit_log", ["audit_log_stays", "audit_log_is_kept"], "audit_log_is_kept"),
                ] {
                    let script = match database.engine() {
                        "sqlite" => sqlite.map(|name| format!("DROP TRIGGER {name};")).concat(),
                        _ => format!("DROP TRIGGER {postgres} ON {table}"),
                    };
                    run(&database, script.leak()).await;
                }
                run(&database, tamper).await;
                if is_rehashed {
                    rehash(&database).await;
                }
                let refused = may_start(&database, keeper).await.expect_err(what);
                assert!(refused.contains(expect), "{what} on {}: {refused}", database.engine());
                assert!(refused.contains("--new-audit-log"), "{refused}");
                let signed = last(&app).expect("kept");
                let found = walk(&database, NOON, &[signed.checkpoint.size]).await.expect("walked");
                let judged = judge(&found, &signed).expect_err(what);
                assert!(judged.contains(expect), "{what}: {judged}");
                assert!(guards::missing(&database).await.expect("read") > 0, "{what}");
                // Nothing is signed on top of it, and the log says why.
                clock.advance(EVERY);
                adds(&app, 30).await;
                assert!(issue(&app).await.is_err(), "{what}");
                assert_eq!(last(&app), Some(signed), "{what}");
                assert!(check(&app).await.is_err(), "{what}");
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_log_is_begun_anew_only_where_the_old_one_is_lost() {
        for database in both_engines().await {
            let folder = tempfile::tempdir().expect("a folder");
            let settings = settings(&folder);
            let clock = Clock::still(NOON);
            let app = node(&database, &clock, &settings);
            adds(&app, 20).await;
            issue(&app).await.expect("signed");
            let keeper = app.log_keeper().expect("a keeper");
            assert!(begin_anew(&database, &settings, keeper, NOON, "no reason").await.is_err());
            // An older copy of the database is a database that is shorter.
            let old = crate::database::for_tests::sqlite().await;
            assert!(may_start(&old, keeper).await.is_err());
            begin_anew(&old, &settings, keeper, NOON, "The disk broke.").await.expect("begun anew");
            let new = node(&old, &clock, &settings);
            assert_ne!(new.log_keeper().expect("a keeper").key.name(), keeper.key.name());
            log::extend(&old).await.expect("logged");
            issue(&new).await.expect("signed");
            assert_eq!(last(&new).expect("kept").checkpoint.size, 1);
            let written = crate::audit::store::history(&old, "audit").await.expect("read");
            assert_eq!(written[0].text, "The disk broke.");
            assert!(written[0].detail.contains("of 20 entries"), "{}", written[0].detail);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_key_that_is_missing_is_not_made_anew_once_checkpoints_were_signed() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = settings(&folder);
        Keeper::open(&settings, false).expect("made");
        std::fs::remove_file(folder.path().join("audit").join("key")).expect("gone");
        let refused = Keeper::open(&settings, true).expect_err("no key");
        assert!(refused.contains("this file is missing"), "{refused}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_known_witness_co_signs_and_nobody_else() {
        for database in both_engines().await {
            let folder = tempfile::tempdir().expect("a folder");
            let (witness, stranger) = (Witness::new("witness.example/w"), Witness::new("stranger.example/w"));
            let mut settings = settings(&folder);
            settings.audit_witnesses = witness.written();
            let app = node(&database, &Clock::still(NOON), &settings);
            adds(&app, 5).await;
            issue(&app).await.expect("signed");
            let signed = last(&app).expect("kept");
            let line = witness.cosigns(&signed, 1_800_000_000);
            let of = async |lines: &str| cosign(&app, lines).await.expect("answered");
            assert_eq!(of(&stranger.cosigns(&signed, 1)).await, Cosigned::NotTheirs);
            assert_eq!(of("nonsense").await, Cosigned::NotTheirs);
            assert_eq!(of(&line).await, Cosigned::Kept);
            assert_eq!(of(&line).await, Cosigned::Kept, "twice is once");
            assert_eq!(log::cosignatures(&database, &signed).await.expect("read"), [line]);
        }
    }
}
