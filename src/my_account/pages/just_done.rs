//! What a page says was done just before: a word in its address, and the words of its banner.

use crate::web::components::NotificationBanner;
use crate::web::form::query;
use crate::web::parts::success;
use axum::http::Uri;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JustDone {
    SignedOut,
    SignedOutEverywhere,
    AppReplaced,
    RecoveryCodesKept,
    RecoveryCodeUsed,
    AppPasswordRevoked,
}

impl JustDone {
    const ALL: [JustDone; 6] = [
        JustDone::SignedOut,
        JustDone::SignedOutEverywhere,
        JustDone::AppReplaced,
        JustDone::RecoveryCodesKept,
        JustDone::RecoveryCodeUsed,
        JustDone::AppPasswordRevoked,
    ];

    fn word(self) -> &'static str {
        match self {
            JustDone::SignedOut => "out",
            JustDone::SignedOutEverywhere => "everywhere",
            JustDone::AppReplaced => "app",
            JustDone::RecoveryCodesKept => "recovery-codes",
            JustDone::RecoveryCodeUsed => "recovery-code",
            JustDone::AppPasswordRevoked => "revoked",
        }
    }

    fn words(self) -> &'static str {
        match self {
            JustDone::SignedOut => "You have signed out.",
            JustDone::SignedOutEverywhere => "You have signed out everywhere.",
            JustDone::AppReplaced => {
                "The new app is set up. If you lost your phone, revoke its app password, too: see Mail programs."
            }
            JustDone::RecoveryCodesKept => {
                "Your account is set up. Keep your recovery codes where only you can reach them."
            }
            JustDone::RecoveryCodeUsed => "You signed in with a recovery code. It does not work again.",
            JustDone::AppPasswordRevoked => {
                "The app password is revoked. The program that used it cannot open your mailbox any more."
            }
        }
    }

    /// The address of a page that says so.
    pub fn on(self, path: &str) -> String {
        format!("{path}?done={}", self.word())
    }
}

/// The banner of a page that may say some of these; nothing where its address names none of them.
pub fn banner(uri: &Uri, known: &[JustDone]) -> Option<NotificationBanner> {
    let fields = query(uri);
    let done = JustDone::ALL.into_iter().find(|done| done.word() == fields.text("done"))?;
    known.contains(&done).then(|| success(done.words()))
}
