//! Mailboxes as people and other mail servers meet them: real Postfix and Dovecot, real protocols,
//! both databases.

mod access;
mod clients;
mod flows;
mod life;
mod limits;
mod world;
