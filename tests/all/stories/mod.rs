//! Stories: one a file, in a real browser, in sentences.

mod people;
mod world;

mod account_holders;
mod activates;
mod announces;
mod call_back_referred_and_approved;
mod code_to_the_site;
mod corrects_an_answer;
mod declined_with_a_reason;
mod dspt_lapsed_then_renewed;
mod finds_help;
mod high_risk_needs_two;
mod hospice_asks;
mod looks_after_a_site;
mod opens_the_mail;
mod registers_a_care_home_straight_through;
mod saves_and_returns;
mod this_was_not_us;
mod two_people_decide_at_once;
mod types_codes_wrong_in_eight_ways;
mod without_scripts_and_by_keyboard;
mod writes_to_us;
