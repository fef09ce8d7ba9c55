//! How a move ends: done with something to say, or not done for one of three reasons that are never
//! mixed up.
//!
//! A move is a function `deed(app, permit, order) -> Result<Done, NotDone<Refusal>>` in the `moves/`
//! folder of its domain: locks, versions, rules, entry, letters and work are inside, in one
//! transaction. Pages, uploads, programs and the clock call it and show the outcome.

use crate::database::Error;
use std::convert::Infallible;

/// Why a move was not made. Nothing was changed.
#[derive(Clone, Debug)]
pub enum NotDone<R> {
    /// A rule says no; its words say what to do.
    Refusal(R),
    /// It is not any more as the person saw it.
    Conflict(Conflict),
    /// Something broke.
    Fault(Error),
}

/// Somebody else changed meanwhile what a decision was about. What was typed is shown again beside how
/// it is now, so that the person can decide again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What is different, in a sentence for whoever decides.
    pub words: String,
}

impl Conflict {
    pub fn new(words: impl Into<String>) -> Self {
        Conflict { words: words.into() }
    }

    /// Where nothing more is known than that a version was older than what is stored.
    pub fn of_version() -> Self {
        Conflict::new(
            "Somebody else changed this while you were looking at it. Check how it is now, and try again.",
        )
    }
}

impl<R> From<Error> for NotDone<R> {
    fn from(error: Error) -> Self {
        NotDone::Fault(error)
    }
}

impl<R> From<Conflict> for NotDone<R> {
    fn from(conflict: Conflict) -> Self {
        NotDone::Conflict(conflict)
    }
}

/// A refusal or a conflict: what a page shows. A fault is none of its business.
#[derive(Clone, Debug)]
pub enum Declined<R> {
    Refusal(R),
    Conflict(Conflict),
}

/// Takes faults apart from what a page shows: `match without_faults(moves::disable(…).await)? { … }`.
///
/// # Errors
/// The fault.
pub fn without_faults<T, R>(outcome: Result<T, NotDone<R>>) -> Result<Result<T, Declined<R>>, Error> {
    match outcome {
        Ok(done) => Ok(Ok(done)),
        Err(NotDone::Refusal(refusal)) => Ok(Err(Declined::Refusal(refusal))),
        Err(NotDone::Conflict(conflict)) => Ok(Err(Declined::Conflict(conflict))),
        Err(NotDone::Fault(error)) => Err(error),
    }
}

/// The same for a move that no rule refuses.
///
/// # Errors
/// The fault.
pub fn or_conflict<T>(outcome: Result<T, NotDone<Infallible>>) -> Result<Result<T, Conflict>, Error> {
    match outcome {
        Ok(done) => Ok(Ok(done)),
        Err(NotDone::Refusal(never)) => match never {},
        Err(NotDone::Conflict(conflict)) => Ok(Err(conflict)),
        Err(NotDone::Fault(error)) => Err(error),
    }
}
