//! Mailboxes as people and other mail servers meet them: real Postfix and Dovecot, real protocols,
//! both databases.

mod access;
pub mod clients;
mod config;
mod filling;
mod flows;
mod life;
mod limits;
mod outgoing;
mod rights;
mod world;
