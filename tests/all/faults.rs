//! A full disk: it is said in words, reading goes on, and nothing half is kept.

use crate::guest::{Guest, NO_ROOM, ROOM, room};
use crate::harness::Harness;
use carepost::clock::Span;
use carepost::database::Reads;

/// Drafts, the sessions that open them, and what was counted against the network.
async fn kept(harness: &Harness) -> (i64, i64) {
    harness
        .app
        .database
        .one("SELECT (SELECT COUNT(*) FROM registrations), (SELECT COUNT(*) FROM sessions)", &[])
        .await
        .expect("reading goes on")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_said_in_words_and_passes() {
    let harness = Harness::new(true).await;
    room(&harness, NO_ROOM).await;
    let mut begun = 0;
    let mut refused = None;
    // The last pages fill up before the database has no room.
    for _ in 0..400 {
        harness.app.clock.advance(Span::minutes(61));
        let mut guest = Guest::new(&harness);
        let got = guest.post("/register", &[]).await;
        if got.status == 303 {
            begun += 1;
        } else {
            refused = Some((guest, got));
            break;
        }
    }
    let (mut guest, got) = refused.expect("it fills up");
    assert_eq!(got.status, 503, "{}", got.body);
    assert!(got.body.contains("We have no room to save your answers just now"), "{}", got.body);
    assert_eq!(got.headers["retry-after"], "30");
    assert_eq!(kept(&harness).await, (begun, begun), "a draft and its session, or neither");
    for path in ["/", "/register", "/register/return", "/health", "/ready"] {
        assert_eq!(guest.get(path).await.status, 200, "{path}");
    }
    for _ in 0..20 {
        assert_eq!(guest.post("/register", &[]).await.status, 503);
    }
    assert_eq!(kept(&harness).await, (begun, begun));
    room(&harness, ROOM).await;
    assert_eq!(guest.passes("/register", &[]).await, "/register/social-care");
    assert_eq!(kept(&harness).await, (begun + 1, begun + 1));
    guest.passes("/register/social-care", &[("answer", "yes")]).await;
    let (sound,): (String,) = harness.app.database.one("PRAGMA integrity_check", &[]).await.expect("read");
    assert_eq!(sound, "ok");
}
