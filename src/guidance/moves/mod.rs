//! What readers of the support site do.

mod vote;

pub use vote::vote;
