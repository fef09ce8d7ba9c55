//! Carepost gets social care organisations onto secure email and keeps them there.
//!
//! `ARCHITECTURE.md` says where to start reading; `routes.rs` and `work.rs` are the two tables of
//! contents.

pub mod clock;
pub mod database;
pub mod id;
pub mod register;
pub mod web;
