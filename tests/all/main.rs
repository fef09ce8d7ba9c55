//! The one test program: everything that needs the whole service, a browser or both databases.
//! Rules are tested beside the code.

mod account_holders;
mod activation;
mod authorisation;
mod bad_input;
mod canaries;
mod components;
mod demo;
mod faults;
mod golden;
mod guest;
mod harness;
mod killed_imports;
mod mail;
mod mail_page;
mod messages;
mod readiness;
mod sites;
mod stories;
mod support;
mod tidy;
mod twice;
mod upgrade;
mod waiting;
