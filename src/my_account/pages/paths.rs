//! The addresses of these pages, which lead to each other.

/// Where an account holder arrives.
pub const OVERVIEW: &str = "/my-account";
pub const MAIL_PROGRAMS: &str = "/my-account/mail-programs";
pub const MAIL_SETTINGS: &str = "/my-account/mail-programs/settings";
pub const SECURITY: &str = "/my-account/security";
pub const REPLACE_APP: &str = "/my-account/security/app";
pub const RECOVERY_CODES: &str = "/my-account/security/recovery-codes";
pub const CODE_OF_APP: &str = "/sign-in/code";
pub const CODE_BY_TEXT: &str = "/sign-in/text-code";
pub const SET_UP_APP: &str = "/sign-in/app";
/// Where whoever has no working link asks for a new one.
pub const NEW_LINK: &str = "/activate";
