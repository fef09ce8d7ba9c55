//! A mail engine for stories: keeps state in memory and fails when asked to.
//!
//! Agreed inputs, so that people can try the same by hand: an address that begins `slow-` answers
//! `Later` the first two times, one that begins `refused-` answers `Never`.

use super::{
    EngineError, Ensured, Filling, Held, MailEngine, WantedAccount, WantedSharedMailbox, refuse_bad,
};
use crate::database::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often an address that begins `slow-` is put off.
const SLOW_TIMES: u32 = 2;

#[derive(Default)]
struct FakeState {
    /// By identifier: address and what is held.
    mailboxes: BTreeMap<String, (String, String)>,
    asked: BTreeMap<String, u32>,
    unread: BTreeMap<String, u64>,
    stored: BTreeSet<String>,
    secure_domains: Vec<String>,
    down: bool,
    /// How often it has begun with nothing, and whether it may still not hold everything.
    begun: u32,
    is_filling: bool,
}

impl FakeState {
    fn filling(&self) -> Option<Filling> {
        self.is_filling.then(|| Filling(self.begun.to_string()))
    }
}

/// The fake. Clones share their state.
#[derive(Clone, Default)]
pub struct FakeEngine(Arc<Mutex<FakeState>>);

impl FakeEngine {
    fn state(&self) -> MutexGuard<'_, FakeState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn up(&self) -> Result<MutexGuard<'_, FakeState>, EngineError> {
        let state = self.state();
        if state.down { Err(EngineError::Later("the mail engine is down".to_owned())) } else { Ok(state) }
    }

    /// Makes every call answer `Later` until it is up again.
    pub fn set_down(&self, down: bool) {
        self.state().down = down;
    }

    /// Everything it holds, by address.
    pub fn mailboxes(&self) -> BTreeMap<String, String> {
        self.state().mailboxes.values().cloned().collect()
    }

    /// Changes what it holds for a mailbox behind the directory's back.
    pub fn tamper(&self, id: &str, address: &str, holds: &str) {
        self.state().mailboxes.insert(id.to_owned(), (address.to_owned(), holds.to_owned()));
    }

    /// Forgets a mailbox behind the directory's back.
    pub fn lose(&self, id: &str) {
        self.state().mailboxes.remove(id);
    }

    /// Begins with nothing, as when what it reads is made anew. Stored mail stays.
    pub fn begin_empty(&self) {
        let mut state = self.state();
        state.mailboxes.clear();
        state.begun += 1;
        state.is_filling = true;
    }

    /// Leaves storage behind, as of a mailbox nobody knows.
    pub fn leave_storage(&self, id: &str) {
        self.state().stored.insert(id.to_owned());
    }

    /// Says how many old messages nobody has read at an address.
    pub fn set_unread(&self, address: &str, count: u64) {
        self.state().unread.insert(address.to_owned(), count);
    }

    fn ensure(&self, id: &str, address: &str, holds: String) -> Result<Ensured, EngineError> {
        let mut state = self.up()?;
        let asked = state.asked.entry(address.to_owned()).or_default();
        *asked += 1;
        if address.starts_with("slow-") && *asked <= SLOW_TIMES {
            return Err(EngineError::Later("the mail engine is slow today".to_owned()));
        }
        if address.starts_with("refused-") {
            return Err(EngineError::Never("the mail engine refuses this address".to_owned()));
        }
        state.stored.insert(id.to_owned());
        Ok(match state.mailboxes.insert(id.to_owned(), (address.to_owned(), holds.clone())) {
            None => Ensured::Created,
            Some((_, before)) if before == holds => Ensured::AlreadyRight,
            Some(_) => Ensured::Updated,
        })
    }
}

impl MailEngine for FakeEngine {
    fn ensure_account<'a>(
        &'a self,
        wanted: &'a WantedAccount,
    ) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(async move {
            refuse_bad(&wanted.id, &wanted.address, &[&wanted.aliases])?;
            self.ensure(&wanted.id, &wanted.address, wanted.in_full())
        })
    }

    fn ensure_shared_mailbox<'a>(
        &'a self,
        wanted: &'a WantedSharedMailbox,
    ) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(async move {
            let others: [&[String]; 3] = [&wanted.aliases, &wanted.owners, &wanted.members];
            refuse_bad(&wanted.id, &wanted.address, &others)?;
            self.ensure(&wanted.id, &wanted.address, wanted.in_full())
        })
    }

    fn ensure_absent<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(async move {
            let mut state = self.up()?;
            let stored = state.stored.remove(id);
            Ok(match (state.mailboxes.remove(id), stored) {
                (None, false) => Ensured::AlreadyRight,
                (Some(_), _) | (None, true) => Ensured::Updated,
            })
        })
    }

    fn look<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<String>, EngineError>> {
        Box::pin(async move { Ok(self.up()?.mailboxes.get(id).map(|(_, holds)| holds.clone())) })
    }

    fn list<'a>(&'a self, after: &'a str, limit: u32) -> BoxFuture<'a, Result<Vec<Held>, EngineError>> {
        Box::pin(async move {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let state = self.up()?;
            let rest = state.mailboxes.iter().filter(|(id, _)| id.as_str() > after);
            Ok(rest
                .take(limit)
                .map(|(id, (_, holds))| Held { id: id.clone(), holds: holds.clone() })
                .collect())
        })
    }

    fn list_storage(&self) -> BoxFuture<'_, Result<Vec<String>, EngineError>> {
        Box::pin(async move { Ok(self.up()?.stored.iter().cloned().collect()) })
    }

    fn count_unread<'a>(
        &'a self,
        addresses: &'a [String],
        _hours: u32,
    ) -> BoxFuture<'a, Result<Vec<u64>, EngineError>> {
        Box::pin(async move {
            let state = self.up()?;
            Ok(addresses.iter().map(|address| state.unread.get(address).copied().unwrap_or(0)).collect())
        })
    }

    fn answers(&self) -> BoxFuture<'_, Result<(), EngineError>> {
        Box::pin(async move { self.up().map(|_| ()) })
    }

    fn ensure_secure_domains<'a>(
        &'a self,
        domains: &'a [String],
    ) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(async move {
            let mut state = self.up()?;
            if state.secure_domains == domains {
                return Ok(Ensured::AlreadyRight);
            }
            state.secure_domains = domains.to_vec();
            Ok(Ensured::Updated)
        })
    }

    fn filling(&self) -> BoxFuture<'_, Result<Option<Filling>, EngineError>> {
        Box::pin(async move { Ok(self.up()?.filling()) })
    }

    fn ensure_filled<'a>(&'a self, filling: &'a Filling) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(async move {
            let mut state = self.up()?;
            if state.filling().as_ref() != Some(filling) {
                return Ok(Ensured::AlreadyRight);
            }
            state.is_filling = false;
            Ok(Ensured::Updated)
        })
    }
}
