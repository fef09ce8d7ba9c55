//! What every page needs and no page is about: forms, components, headers, faults. Knows nothing of
//! registrations, sites or people.

pub mod assets;
pub mod browser;
pub mod components;
pub mod csrf;
pub mod done;
pub mod doors;
pub mod form;
pub mod layers;
pub mod moment;
pub mod network;
pub mod notices;
pub mod page;
pub mod paging;
pub mod parts;
pub mod qr;
pub mod serve;
pub mod xml;

pub use form::{Fields, Form, Problems};
pub use page::{Again, Answer, Interrupt, Layout, Visit, go_to, show};
