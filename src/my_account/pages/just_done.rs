//! What the pages of an account say was done just before.

use crate::web::done::{self, done};

done! {
    /// What an account holder has just done.
    JustDone {
        SignedOut "out": "You have signed out.",
        SignedOutEverywhere "everywhere": "You have signed out everywhere.",
        AppReplaced "app": "The new app is set up. If you lost your phone, revoke its app password, too: see Mail programs.",
        RecoveryCodesKept "recovery-codes": "Your account is set up. Keep your recovery codes where only you can reach them.",
        RecoveryCodeUsed "recovery-code": "You signed in with a recovery code. You cannot use it again.",
        AppPasswordRevoked "revoked": "The app password is revoked. The program that used it cannot open your mailbox any more.",
    }
}

impl JustDone {
    /// The address of a page that says so.
    pub fn on(self, path: &str) -> String {
        done::address(path, self)
    }
}
