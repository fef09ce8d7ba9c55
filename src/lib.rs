//! Carepost gets social care organisations onto secure email and keeps them there.
//!
//! `ARCHITECTURE.md` says where to start reading; `routes.rs` and `work.rs` are the two tables of
//! contents.

pub mod app;
pub mod audit;
pub mod cache;
pub mod casework;
pub mod cli;
pub mod clock;
pub mod console;
pub mod contact;
pub mod database;
pub mod directory;
pub mod guidance;
pub mod id;
pub mod language;
pub mod letter;
pub mod mail;
pub mod my_account;
pub mod outbox;
pub mod readiness;
pub mod register;
pub mod registration;
pub mod routes;
pub mod schedule;
pub mod service_desk;
pub mod service_status;
pub mod settings;
pub mod sign_in;
pub mod transparency_log;
pub mod web;
pub mod work;
