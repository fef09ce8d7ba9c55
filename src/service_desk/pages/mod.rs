//! The pages of the service desk in the console: an enquiry, its notes and its answer. The queue, which
//! shows enquiries and registrations together, is case work's.

pub mod enquiry;

use crate::console::HOME;

/// The room in which enquiries are found: the queue.
const QUEUE: &str = HOME;
