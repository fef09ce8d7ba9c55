//! Mailboxes as people and other mail servers meet them: real Postfix and Dovecot, real protocols,
//! both databases.

mod clients;
mod flows;
mod world;
