//! What the central team tells everybody of the service: each deed a file, with what must hold inside
//! one transaction. Each puts what was saved on top of this node's pages at once; other nodes read it
//! within seconds.

mod announce;
mod change;
mod end;
mod send_checkpoint;
mod set_component;

pub use announce::{Announce, announce};
pub use change::{ChangeAnnouncement, change};
pub use end::{EndAnnouncement, end};
pub use send_checkpoint::send_checkpoint;
pub use set_component::{SetComponent, set_component};

use super::verify;
use crate::app::App;

/// Shows on the pages of this node what was just saved. Where that fails, it is tried again within
/// seconds anyhow.
async fn show_at_once(app: &App) {
    if let Err(error) = verify::refresh(app).await {
        tracing::warn!(%error, "the messages on top of every page could not be read");
    }
}

#[cfg(test)]
mod tests {
    //! What must hold of all of them: pressed twice, also at the same moment, is pressed once; and who
    //! did not see how it is now is told.

    use super::*;
    use crate::app::for_tests;
    use crate::clock::{Clock, Span, Timestamp};
    use crate::database::Reads;
    use crate::database::for_tests::both_engines;
    use crate::outbox::outcome::NotDone;
    use crate::service_status::{AnnouncementKind, AnnouncementText, Component, Health, store};
    use crate::sign_in::authority::{Permit, Subject, Who, deed, permit};
    use futures_util::future::join_all;

    const NOON: Timestamp = Timestamp::from_milliseconds(10_000_000_000);

    fn casey() -> Permit<deed::TellStatus> {
        permit(&Who::CaseWorker { id: "casey".to_owned() }, Subject::Service).expect("allowed")
    }

    fn text(title: &str) -> AnnouncementText {
        AnnouncementText {
            kind: AnnouncementKind::Trouble,
            component: Some(Component::Letters),
            title: title.to_owned(),
            words: "Please wait.".to_owned(),
            on_every_page: true,
            starts_at: NOON,
            ends_at: None,
        }
    }

    async fn apps() -> Vec<App> {
        let of = |database| for_tests::app(database, Clock::still(NOON)).0;
        both_engines().await.into_iter().map(of).collect()
    }

    async fn entries(app: &App, action: &str) -> i64 {
        let (count,): (i64,) = app
            .database
            .one("SELECT COUNT(*) FROM audit_entries WHERE action = $1", &[&action])
            .await
            .expect("counted");
        count
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn announcing_changing_and_ending_many_times_at_once_happens_once() {
        for app in apps().await {
            let order = Announce { text: text("Codes are late"), starts_now: true, form: "form".to_owned() };
            for outcome in join_all((0..6).map(|_| announce(&app, casey(), order.clone()))).await {
                outcome.expect("announced");
            }
            assert_eq!(entries(&app, "announcement made").await, 1);
            assert_eq!(app.notices.at(NOON).len(), 1, "on this node at once");
            let id = store::board(&app.database, NOON).await.expect("read").announcements[0].id.clone();
            let order = ChangeAnnouncement {
                id: id.clone(),
                version: 1,
                text: text("Codes are very late"),
                starts_now: false,
            };
            for outcome in join_all((0..6).map(|_| change(&app, casey(), order.clone()))).await {
                outcome.expect("changed");
            }
            assert_eq!(entries(&app, "announcement changed").await, 1);
            assert_eq!(app.notices.at(NOON)[0].title, "Codes are very late");
            app.clock.advance(Span::minutes(1));
            let order = EndAnnouncement { id, version: 2 };
            for outcome in join_all((0..6).map(|_| end(&app, casey(), order.clone()))).await {
                outcome.expect("ended");
            }
            assert_eq!(entries(&app, "announcement ended").await, 1);
            assert_eq!(app.notices.at(app.clock.now()), []);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn changing_and_ending_what_somebody_else_changed_is_a_conflict() {
        for app in apps().await {
            let order = Announce { text: text("Codes are late"), starts_now: true, form: "form".to_owned() };
            announce(&app, casey(), order).await.expect("announced");
            let id = store::board(&app.database, NOON).await.expect("read").announcements[0].id.clone();
            let order = |title: &str| ChangeAnnouncement {
                id: id.clone(),
                version: 1,
                text: text(title),
                starts_now: false,
            };
            let (one, other) = tokio::join!(
                change(&app, casey(), order("Codes are very late")),
                change(&app, casey(), order("Codes are a little late"))
            );
            assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
            let stale = end(&app, casey(), EndAnnouncement { id, version: 1 }).await;
            assert!(matches!(stale, Err(NotDone::Conflict(_))), "{stale:?}");
            assert_eq!(
                (entries(&app, "announcement changed").await, entries(&app, "announcement ended").await),
                (1, 0)
            );
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn setting_a_component_many_times_at_once_is_one_change_and_who_is_late_is_told() {
        for app in apps().await {
            let order = |words: &str| SetComponent {
                component: Component::Mail,
                health: Health::Problems,
                words: words.to_owned(),
                seen: Timestamp::from_milliseconds(0),
            };
            for outcome in join_all((0..6).map(|_| set_component(&app, casey(), order("Slow.")))).await {
                outcome.expect("set");
            }
            assert_eq!(entries(&app, "service status set").await, 1);
            let late = set_component(&app, casey(), order("Stopped.")).await;
            let Err(NotDone::Conflict(conflict)) = late else { panic!("{late:?}") };
            assert!(
                conflict.words.starts_with("Somebody else set it to “Some problems” on "),
                "{conflict:?}"
            );
            assert_eq!(
                store::changes(&app.database, NOON, &crate::database::page::Seek::First)
                    .await
                    .expect("read")
                    .rows
                    .len(),
                1
            );
        }
    }
}
