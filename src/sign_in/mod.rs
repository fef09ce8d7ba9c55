//! Who somebody is and what they may do.
//!
//! - **Codes and links** are derived from the service's key and the identifier of a row, so that
//!   nothing in the database opens anything ([`secrets`]).
//! - **Tries** are counted in the database before they are judged, by what is guessed at and by who
//!   guesses, in one place ([`tries`]), so that nodes keep one limit.
//! - **Sessions** hang on the browser's secret, of which only a hash is kept ([`session`]).
//! - **Permits** ([`Registrant`], [`CaseWorker`], …) are values that only this folder makes; a
//!   handler that needs a right asks for one as an argument.
//!
//! There are no secret questions, no passwords sent, and no way to choose somebody else's password.

pub mod access;
pub mod account_state;
pub mod app_code;
pub mod authority;
pub mod codes;
pub mod device;
pub mod factor;
pub mod limits;
pub mod links;
pub mod moves;
pub mod password;
pub mod permits;
pub mod realm;
pub mod recovery;
pub mod secrets;
pub mod session;
pub mod store;
pub mod tries;

pub use account_state::AccountState;
pub use permits::{
    AccountHolder, Activating, CaseWorker, HalfSignedIn, HolderHalfSignedIn, Policy, Registrant,
    SettingUpApp, StatusReader,
};
