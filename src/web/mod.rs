//! What every page needs and no page is about: forms, components, headers, faults. Knows nothing of
//! registrations, sites or people.

pub mod assets;
pub mod components;
