//! The central team's side: checks run, cases queued, decisions made.
//!
//! A case is a registration or an enquiry as the central team sees it. What can be decided without a
//! person is decided by work ([`moves::decide`]); everything else waits in the queue with its
//! evidence beside it. Two people cannot decide the same case: the version of the registration and
//! its state say no to the second, who is told what happened.

pub mod moves;
pub mod pages;
pub mod store;
pub mod verify;
