//! A register for stories and the demo, which keeps what it was told and reacts to agreed codes.
//!
//! So that people can try in the demo what a story tries: a code that ends in `404` is not found, a
//! code that ends in `503` answers later, a code that ends in `403` never will.

use super::{AskError, Code, Finding, Register};
use crate::database::BoxFuture;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// A register that holds what a story put into it.
#[derive(Default)]
pub struct FakeRegister {
    known: Mutex<HashMap<String, Finding>>,
    away: Mutex<Option<AskError>>,
    asked: Mutex<Vec<Code>>,
}

impl FakeRegister {
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on the register says this about the code.
    pub fn knows_that(&self, code: &Code, finding: Finding) {
        lock(&self.known).insert(code.to_string(), finding);
    }

    /// From now on the register no longer knows the code.
    pub fn forgets(&self, code: &Code) {
        lock(&self.known).remove(&code.to_string());
    }

    /// From now on the register answers with this error, or again as usual.
    pub fn goes_away(&self, error: Option<AskError>) {
        *lock(&self.away) = error;
    }

    /// What it was asked, in order.
    pub fn asked(&self) -> Vec<Code> {
        lock(&self.asked).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The code itself, without the words before it.
fn text(code: &Code) -> &str {
    match code {
        Code::OdsSite(code) => code.as_str(),
        Code::OdsHq(code) => code.as_str(),
        Code::CqcLocation(id) => id.as_str(),
        Code::CqcProvider(id) => id.as_str(),
        Code::Dspt(code) => code.as_str(),
    }
}

impl Register for FakeRegister {
    fn name(&self) -> &'static str {
        "a register for stories"
    }

    fn knows(&self, _code: &Code) -> bool {
        true
    }

    fn find<'a>(&'a self, code: &'a Code) -> BoxFuture<'a, Result<Finding, AskError>> {
        lock(&self.asked).push(code.clone());
        let agreed = text(code);
        let answer = if let Some(error) = lock(&self.away).clone() {
            Err(error)
        } else if agreed.ends_with("503") {
            Err(AskError::Later("it answered 503".to_owned()))
        } else if agreed.ends_with("403") {
            Err(AskError::Never("it answered 403; check the key".to_owned()))
        } else if agreed.ends_with("404") {
            Ok(Finding::NotFound)
        } else {
            Ok(lock(&self.known).get(&code.to_string()).cloned().unwrap_or(Finding::NotFound))
        };
        Box::pin(async move { answer })
    }
}
