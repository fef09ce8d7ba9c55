//! Postfix and Dovecot behind the directory.
//!
//! - [`PostfixDovecot`] keeps what the two servers read (the projection, `store.rs`) and tells
//!   Dovecot what must take effect at once: forget a password, end a session, prepare or remove
//!   storage (`doveadm.rs`).
//! - [`config`] writes their configuration, [`dns`] the records a mail domain needs.
//! - [`guard`] is the small program beside Postfix that looks at each message: who may say they are
//!   whom, and which attachments are taken. With SQLite it also answers what Postfix asks about
//!   addresses (`lookups.rs`).
//!
//! The servers never ask Carepost anything to deliver or read mail: they read the projection, so
//! mail goes on while the service is stopped. `docs/decisions/0012-mail-servers-read-a-projection.md`
//! has the reasons.

mod access;
pub mod config;
pub mod dns;
mod doveadm;
mod greeting;
pub mod guard;
mod lookups;
mod milter;
mod rules;
pub mod servers;
mod store;

use super::{
    ACCESS_LISTS_SAY, EngineError, Ensured, Filling, Held, MailEngine, WantedAccount, WantedSharedMailbox,
    refuse_bad, refuse_bad_id,
};
use crate::database::{Address, BoxFuture, Database};
use crate::settings::{SecretKey, Settings};
use doveadm::{Answer, Command, Doveadm};
use rules::{Mailbox, MailboxKind, Step, StepKind};
use serde_json::Value;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

pub use store::POSTGRES_ROLE;

/// How many mailboxes have their access lists read in one call: with more, slow disks could take longer than
/// a call may. Each has some seven lists, of which Dovecot reads one in two milliseconds.
const CHECKED_TOGETHER: usize = 32;

/// The engine.
#[derive(Clone)]
pub struct PostfixDovecot {
    projection: Database,
    doveadm: Doveadm,
    storage: String,
    /// Where Postfix takes mail: on the machine of Dovecot.
    postfix: SocketAddr,
    /// An address of our domain that nobody ever has.
    nobody: String,
    /// How long a call may take.
    deadline: Duration,
}

/// Where the projection is kept: a file beside a SQLite database, or the same PostgreSQL database.
pub fn projection_address(settings: &Settings) -> Address {
    match (&settings.database, &settings.mail_projection) {
        (Address::Sqlite(_), Some(path)) => Address::Sqlite(path.clone()),
        (Address::Sqlite(database), None) => Address::Sqlite(database.with_file_name("mail").join("mail.db")),
        (Address::Postgres(text), _) => Address::Postgres(text.clone()),
    }
}

/// A secret that this service and its mail servers share, for one purpose.
fn shared_secret(key: &SecretKey, purpose: &str) -> crate::settings::Secret<String> {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac =
        Hmac::<sha2::Sha256>::new_from_slice(key.reveal()).expect("a key of 32 bytes is always taken");
    mac.update(b"mail servers: ");
    mac.update(purpose.as_bytes());
    crate::settings::Secret::new(crate::id::hex(&mac.finalize().into_bytes()))
}

/// What Dovecot must show when it reports a sign-in.
pub fn report_key(key: &SecretKey) -> crate::settings::Secret<String> {
    shared_secret(key, "reports of sign-ins")
}

/// Postfix's word for how connections to secure domains are protected.
fn secure_domain_tls(settings: &Settings) -> &'static str {
    match settings.secure_domain_tls.as_str() {
        "verify" => "secure",
        "may" => "may",
        _ => "encrypt",
    }
}

impl PostfixDovecot {
    /// Opens the engine, and makes its tables where there are none that this program knows.
    pub async fn open(settings: &Settings, key: &SecretKey) -> Result<Self, String> {
        let address = projection_address(settings);
        let projection = store::open(&address).await.map_err(|error| format!("{address}: {error}"))?;
        let doveadm = Doveadm::new(settings.doveadm_address, shared_secret(key, "doveadm"))?;
        Ok(PostfixDovecot {
            projection,
            doveadm,
            storage: settings.mail_storage.clone(),
            postfix: SocketAddr::new(settings.doveadm_address.ip(), settings.smtp_port),
            nobody: format!("service-status-check@{}", settings.mail_domain),
            deadline: Duration::from_secs(settings.mail_engine_deadline_seconds.into()),
        })
    }

    /// Ends a call when its time is over: Dovecot, or the database the projection is in, is silent. What was
    /// begun is found done, or done again, by the next call.
    fn in_time<'a, T: Send + 'a>(
        &self,
        call: impl Future<Output = Result<T, EngineError>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, EngineError>> {
        let deadline = self.deadline;
        Box::pin(async move {
            tokio::time::timeout(deadline, call).await.unwrap_or_else(|_| {
                let seconds = deadline.as_secs();
                Err(EngineError::Later(format!("the mail servers did not answer within {seconds} seconds")))
            })
        })
    }

    async fn ensure(&self, wanted: Mailbox) -> Result<Ensured, EngineError> {
        let id = wanted.id().to_owned();
        let ensured = store::ensure(&self.projection, wanted).await?;
        match (self.take_steps(&id).await?, ensured) {
            // What an earlier run could not finish was finished now.
            (true, Ensured::AlreadyRight) => Ok(Ensured::Updated),
            (_, ensured) => Ok(ensured),
        }
    }

    /// Tells Dovecot what is still to be told about a mailbox; answers whether something changed.
    async fn take_steps(&self, id: &str) -> Result<bool, EngineError> {
        let steps = store::list_steps(&self.projection, id).await?;
        if steps.steps.is_empty() {
            return Ok(false);
        }
        let mut commands = Vec::new();
        for step in &steps.steps {
            if step.kind == StepKind::RemoveStorage && !self.is_stored(&step.name).await? {
                continue;
            }
            commands.extend(self.commands(id, step).await?);
        }
        // All names together, and before any session ends: nobody comes back with what was remembered.
        let forgotten = steps.steps.iter().filter(|step| step.kind == StepKind::Forget);
        let names: Vec<&str> = forgotten.map(|step| step.name.as_str()).collect();
        if !names.is_empty() {
            commands.insert(0, Command::forget(&names));
        }
        let answers = self.doveadm.run(&commands).await?;
        let changed = answers.iter().any(|answer| matches!(answer, Answer::Done(_)));
        if steps.steps.iter().any(|step| step.kind == StepKind::CheckAccess)
            && let Some(mailbox) = store::find(&self.projection, id).await?
        {
            self.check_access(&[mailbox]).await?;
        }
        store::steps_taken(&self.projection, id, steps).await?;
        Ok(changed)
    }

    /// Has Dovecot forget everybody where that was noted.
    async fn forgets_everybody(&self) -> Result<(), EngineError> {
        let steps = store::list_steps(&self.projection, store::EVERYBODY).await?;
        if !steps.steps.is_empty() {
            self.doveadm.run(&[Command::forget_everybody()]).await?;
            store::steps_taken(&self.projection, store::EVERYBODY, steps).await?;
        }
        Ok(())
    }

    /// Whether there is a folder with something in it. Dovecot fails to remove what is not there.
    async fn is_stored(&self, folder: &str) -> Result<bool, EngineError> {
        let asked = [Command::list_folders_on_disk(&self.storage, &format!("{folder}/"))];
        let answers = self.doveadm.run(&asked).await?;
        Ok(answers.iter().any(|answer| matches!(answer, Answer::Done(rows) if !rows.is_empty())))
    }

    async fn commands(&self, id: &str, step: &Step) -> Result<Vec<Command>, EngineError> {
        let name = step.name.as_str();
        Ok(match step.kind {
            StepKind::Prepare => access::prepare(name, id),
            StepKind::Subscribe => self.subscribes(id, name).await?,
            // These go together before all others, and that after all others.
            StepKind::Forget | StepKind::CheckAccess => Vec::new(),
            StepKind::EndSessions => vec![Command::end_sessions(name)],
            StepKind::RemoveStorage => vec![Command::remove_from_disk(&self.storage, name)],
        })
    }

    /// What shows somebody the folders of shared mailboxes they have begun to use. Whoever has a list of
    /// their own has seen them before, and may have hidden some.
    async fn subscribes(&self, id: &str, person: &str) -> Result<Vec<Command>, EngineError> {
        let used = store::list_used(&self.projection, person, id).await?;
        let asked: Vec<Command> = used
            .iter()
            .map(|(shared, _)| {
                let folder = rules::folder(MailboxKind::SharedMailbox, shared);
                Command::find_on_disk(&self.storage, &format!("{folder}/Maildir/subscriptions.{person}"))
            })
            .collect();
        let known = self.doveadm.run(&asked).await?;
        Ok(used
            .iter()
            .zip(known)
            .filter(|(_, known)| !matches!(known, Answer::Done(_)))
            .map(|((_, address), _)| Command::subscribe(person, &access::seen_as(address)))
            .collect())
    }

    /// Has the servers' own access lists say what they should, and notes what they said.
    async fn check_access(&self, mailboxes: &[Mailbox]) -> Result<(), EngineError> {
        let all: Vec<&Mailbox> = mailboxes.iter().collect();
        let mut wrong = Vec::new();
        for found in access::check(&self.doveadm, &all).await? {
            let (id, says) = (found.mailbox.id(), found.says);
            tracing::warn!(mailbox = id, says, "access lists on the mail server differed from the directory");
            // An account has no lists to write; what is done is no step, but has what was noted seen to.
            let step = match found.mailbox.kind() {
                MailboxKind::SharedMailbox => Step::prepare(found.mailbox.address()),
                MailboxKind::Account => Step::forget(found.mailbox.address()),
            };
            wrong.push((id.to_owned(), says, vec![step]));
        }
        if !wrong.is_empty() {
            store::note_wrong_access(&self.projection, wrong).await?;
        }
        Ok(())
    }
}

impl MailEngine for PostfixDovecot {
    fn ensure_account<'a>(
        &'a self,
        wanted: &'a WantedAccount,
    ) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        self.in_time(async move {
            refuse_bad(&wanted.id, &wanted.address, &[&wanted.aliases])?;
            self.ensure(Mailbox::Account(wanted.clone())).await
        })
    }

    fn ensure_shared_mailbox<'a>(
        &'a self,
        wanted: &'a WantedSharedMailbox,
    ) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        self.in_time(async move {
            let others: [&[String]; 3] = [&wanted.aliases, &wanted.owners, &wanted.members];
            refuse_bad(&wanted.id, &wanted.address, &others)?;
            self.ensure(Mailbox::SharedMailbox(wanted.clone())).await
        })
    }

    fn ensure_absent<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        self.in_time(async move {
            refuse_bad_id(id)?;
            let was_kept = store::ensure_absent(&self.projection, id).await?;
            let was_stored = self.is_stored(&format!("accounts/{id}")).await?
                || self.is_stored(&format!("shared/{id}")).await?;
            self.take_steps(id).await?;
            Ok(if was_kept || was_stored { Ensured::Updated } else { Ensured::AlreadyRight })
        })
    }

    fn look<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<String>, EngineError>> {
        self.in_time(
            async move { Ok(store::find(&self.projection, id).await?.map(|mailbox| mailbox.in_full())) },
        )
    }

    fn list<'a>(&'a self, after: &'a str, limit: u32) -> BoxFuture<'a, Result<Vec<Held>, EngineError>> {
        self.in_time(async move {
            let mut mailboxes = store::list(&self.projection, after, limit).await?;
            mailboxes.truncate(CHECKED_TOGETHER);
            let Some(last) = mailboxes.last().map(|last| last.id().to_owned()) else { return Ok(Vec::new()) };
            // While the projection is being filled the servers may not be there yet, and nothing is put off until
            // they are: mail must flow when they come.
            if store::filling(&self.projection).await?.is_none() {
                self.check_access(&mailboxes).await?;
            }
            let wrong = store::tell_wrong_access(&self.projection, after, &last).await?;
            Ok(mailboxes
                .iter()
                .map(|mailbox| {
                    let mut holds = mailbox.in_full();
                    if let Some((_, says)) = wrong.iter().find(|(id, _)| id == mailbox.id()) {
                        holds.push_str(ACCESS_LISTS_SAY);
                        holds.push_str(says);
                    }
                    Held { id: mailbox.id().to_owned(), holds }
                })
                .collect())
        })
    }

    fn list_storage(&self) -> BoxFuture<'_, Result<Vec<String>, EngineError>> {
        self.in_time(async move {
            let asked =
                ["accounts/", "shared/"].map(|path| Command::list_folders_on_disk(&self.storage, path));
            let mut found = Vec::new();
            for answer in self.doveadm.run(&asked).await? {
                if let Answer::Done(rows) = answer {
                    let names = rows.iter().filter_map(|row| row.get("path").and_then(Value::as_str));
                    found.extend(names.map(str::to_owned));
                }
            }
            found.sort();
            Ok(found)
        })
    }

    fn count_unread<'a>(
        &'a self,
        addresses: &'a [String],
        hours: u32,
    ) -> BoxFuture<'a, Result<Vec<u64>, EngineError>> {
        self.in_time(async move {
            let asked: Vec<Command> =
                addresses.iter().map(|address| Command::find_unread(address, hours)).collect();
            let answers = self.doveadm.run(&asked).await?;
            Ok(answers
                .into_iter()
                .map(|answer| match answer {
                    Answer::Done(rows) => rows.len() as u64,
                    Answer::NothingToDo | Answer::NoUser => 0,
                })
                .collect())
        })
    }

    fn answers(&self) -> BoxFuture<'_, Result<(), EngineError>> {
        self.in_time(async move {
            self.forgets_everybody().await?;
            // While the projection is being filled, Dovecot says of whoever is not in it that one must ask
            // again; that it says anything is enough then.
            let asked = match store::filling(&self.projection).await? {
                None => Command::find_unread(&self.nobody, 1),
                Some(_) => Command::forget(&[&self.nobody]),
            };
            self.doveadm.run(&[asked]).await?;
            greeting::takes_mail(self.postfix).await
        })
    }

    fn ensure_secure_domains<'a>(
        &'a self,
        domains: &'a [String],
    ) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        self.in_time(
            async move { Ok(store::ensure_secure_domains(&self.projection, domains.to_vec()).await?) },
        )
    }

    fn filling(&self) -> BoxFuture<'_, Result<Option<Filling>, EngineError>> {
        self.in_time(async move { Ok(store::filling(&self.projection).await?) })
    }

    fn ensure_filled<'a>(&'a self, filling: &'a Filling) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        self.in_time(async move {
            if store::filling(&self.projection).await?.as_ref() == Some(filling) {
                // While the tables were filled, a change of somebody who was not in them yet told Dovecot
                // of nothing that it might remember from the tables before. It may not be there: mail does not wait
                // for it, and it is told when it answers.
                store::forget_everybody(&self.projection).await?;
                let _ = tokio::time::timeout(self.deadline / 2, self.forgets_everybody()).await;
            }
            Ok(store::ensure_filled(&self.projection, filling).await?)
        })
    }
}

#[cfg(test)]
mod tests;
