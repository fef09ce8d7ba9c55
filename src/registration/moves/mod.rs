//! What is done with registrations: each deed a file, with what must hold inside one transaction.

mod ask_at_exit;

pub use ask_at_exit::{AskAtExit, ask_at_exit};
