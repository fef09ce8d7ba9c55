//! Stories: one a file, in a real browser, in sentences.

mod people;
mod world;

mod registers_a_care_home_straight_through;
