//! A mail engine for stories: keeps state in memory and fails when asked to.
//!
//! Agreed inputs, so that people can try the same by hand: an address that begins `slow-` answers
//! `Later` the first two times, one that begins `refused-` answers `Never`.

use super::{EngineError, Ensured, MailEngine, WantedAccount, WantedSharedMailbox, refuse_bad_address};
use crate::database::BoxFuture;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often an address that begins `slow-` is put off.
const SLOW_TIMES: u32 = 2;

#[derive(Default)]
struct State {
    mailboxes: BTreeMap<String, String>,
    asked: BTreeMap<String, u32>,
    down: bool,
}

/// The fake. Clones share their state.
#[derive(Clone, Default)]
pub struct FakeEngine(Arc<Mutex<State>>);

impl FakeEngine {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes every call answer `Later` until it is up again.
    pub fn set_down(&self, down: bool) {
        self.state().down = down;
    }

    /// Everything it holds, by address.
    pub fn mailboxes(&self) -> BTreeMap<String, String> {
        self.state().mailboxes.clone()
    }

    /// Changes what it holds behind the directory's back.
    pub fn tamper(&self, address: &str, holds: &str) {
        self.state().mailboxes.insert(address.to_owned(), holds.to_owned());
    }

    fn ensure(&self, address: &str, holds: String) -> Result<Ensured, EngineError> {
        refuse_bad_address(address)?;
        let mut state = self.state();
        if state.down {
            return Err(EngineError::Later("the mail engine is down".to_owned()));
        }
        let asked = state.asked.entry(address.to_owned()).or_default();
        *asked += 1;
        if address.starts_with("slow-") && *asked <= SLOW_TIMES {
            return Err(EngineError::Later("the mail engine is slow today".to_owned()));
        }
        if address.starts_with("refused-") {
            return Err(EngineError::Never("the mail engine refuses this address".to_owned()));
        }
        Ok(match state.mailboxes.insert(address.to_owned(), holds.clone()) {
            None => Ensured::Created,
            Some(before) if before == holds => Ensured::AlreadyRight,
            Some(_) => Ensured::Updated,
        })
    }
}

impl MailEngine for FakeEngine {
    fn ensure_account<'a>(
        &'a self,
        wanted: &'a WantedAccount,
    ) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(async move { self.ensure(&wanted.address, wanted.in_full()) })
    }

    fn ensure_shared_mailbox<'a>(
        &'a self,
        wanted: &'a WantedSharedMailbox,
    ) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(async move { self.ensure(&wanted.address, wanted.in_full()) })
    }

    fn ensure_absent<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(async move {
            let mut state = self.state();
            if state.down {
                return Err(EngineError::Later("the mail engine is down".to_owned()));
            }
            Ok(match state.mailboxes.remove(address) {
                Some(_) => Ensured::Updated,
                None => Ensured::AlreadyRight,
            })
        })
    }

    fn look<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<Option<String>, EngineError>> {
        Box::pin(async move { Ok(self.state().mailboxes.get(address).cloned()) })
    }
}
