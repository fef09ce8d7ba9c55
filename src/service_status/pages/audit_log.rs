//! The log of the audit trail as programs ask for it: its newest checkpoint, proofs, and the co-signatures of
//! witnesses. Nothing here says what an entry holds.

use crate::app::App;
use crate::audit::checkpoints::{self, Cosigned};
use crate::audit::store::log;
use crate::database::Error;
use crate::transparency_log::checkpoint::Signed;
use crate::web::Interrupt;
use crate::web::doors::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

fn says(status: StatusCode, words: &'static str) -> Response {
    (status, words).into_response()
}

fn nothing_yet() -> Response {
    says(StatusCode::NOT_FOUND, "There is no checkpoint yet.\n")
}

/// The newest checkpoint with the lines of its witnesses.
async fn newest(app: &App) -> Result<Option<(Signed, String)>, Error> {
    let Some(keeper) = app.log_keeper() else { return Ok(None) };
    let Some((newest, _)) = log::newest_checkpoint(&app.database, keeper.key.name()).await? else {
        return Ok(None);
    };
    let lines = log::cosignatures(&app.database, &newest).await?.concat();
    let text = format!("{}{lines}", newest.text());
    Ok(Some((newest, text)))
}

/// GET /audit/checkpoint: the newest checkpoint as a signed note, co-signatures included.
pub async fn checkpoint(State(app): State<App>) -> Result<Response, Interrupt> {
    Ok(newest(&app).await?.map_or_else(nothing_yet, |(_, text)| text.into_response()))
}

/// GET /audit/key: the public keys of the log, one a line, the one in use last.
pub async fn key(State(app): State<App>) -> Response {
    let Some(keeper) = app.log_keeper() else { return nothing_yet() };
    keeper.keys.written().map(|key| format!("{key}\n")).collect::<String>().into_response()
}

/// GET /audit/consistency/{old}: the proof that the newest checkpoint begins with the log of `old` entries, and that
/// checkpoint: what c2sp.org/tlog-witness takes at `add-checkpoint`.
pub async fn consistency(State(app): State<App>, Path(old): Path<String>) -> Result<Response, Interrupt> {
    let Some((newest, text)) = newest(&app).await? else { return Ok(nothing_yet()) };
    let Some(old) = old.parse::<u64>().ok().filter(|old| *old <= newest.checkpoint.size) else {
        return Ok(says(
            StatusCode::BAD_REQUEST,
            "Ask for a number of entries that the checkpoint covers.\n",
        ));
    };
    let proof = log::consistency(&app.database, old, newest.checkpoint.size).await?;
    let lines: String = proof.iter().map(|hash| format!("{hash}\n")).collect();
    Ok(format!("old {old}\n{lines}\n{text}").into_response())
}

/// POST /audit/cosignatures: keeps what a witness of the settings answered, for one of the newest checkpoints.
pub async fn cosign(State(app): State<App>, Body(body): Body) -> Result<Response, Interrupt> {
    Ok(match checkpoints::cosign(&app, &String::from_utf8_lossy(&body)).await? {
        Cosigned::Kept => says(StatusCode::OK, "Kept.\n"),
        Cosigned::NoWitnesses => says(StatusCode::NOT_FOUND, "No witnesses are known here.\n"),
        Cosigned::NotTheirs => says(
            StatusCode::FORBIDDEN,
            "These are no co-signatures of a known witness for one of the newest checkpoints.\n",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::for_tests::app;
    use crate::audit::{self, Actor, Entry};
    use crate::clock::{Clock, Timestamp};
    use crate::database::for_tests::both_engines;
    use crate::database::transaction;
    use crate::letter::store::list_newest;
    use crate::service_status::moves::send_checkpoint;
    use crate::settings::{Secret, Settings};
    use crate::transparency_log::Keeper;
    use crate::transparency_log::tree::{Hash, verify_consistency};

    async fn body(response: Response) -> (StatusCode, String) {
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 100_000).await.expect("read");
        (status, String::from_utf8(bytes.to_vec()).expect("text"))
    }

    async fn adds(app: &App, count: usize) {
        let now = app.clock.now();
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                for _ in 0..count {
                    audit::store::add(tx, now, &Entry::new(Actor::Service, "thing done", "subject")).await?;
                }
                Ok(())
            }))
            .await
            .expect("written");
        log::extend(&app.database).await.expect("logged");
        checkpoints::issue(app).await.expect("issued");
        app.clock.advance(checkpoints::EVERY);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_witness_gets_a_proof_that_holds_and_auditors_get_the_checkpoint() {
        for database in both_engines().await {
            let folder = tempfile::tempdir().expect("a folder");
            let mut settings = Settings::defaults().expect("defaults");
            settings.audit_folder = Some(folder.path().to_path_buf());
            settings.auditor_emails = "one@audit.example two@audit.example".to_owned();
            let clock = Clock::still(Timestamp::from_milliseconds(1_800_000_000_000));
            let bare = app(database.clone(), clock.clone()).0;
            assert_eq!(body(checkpoint(State(bare)).await.expect("answered")).await.0, StatusCode::NOT_FOUND);
            let outside = crate::app::Outside {
                live: Vec::new(),
                mail: std::sync::Arc::new(crate::mail::fake::FakeEngine::default()),
                letters: crate::letter::Transport::Kept,
                demo: false,
            };
            let keeper = Keeper::open(&settings, false).expect("a keeper");
            let app = App::new(database, settings, clock, Secret::new([7; 32]), outside).keeping(keeper);
            adds(&app, 5).await;
            let old = Signed::parse(&body(checkpoint(State(app.clone())).await.expect("answered")).await.1)
                .expect("a checkpoint");
            adds(&app, 8).await;
            let of = async |old: &str| {
                body(consistency(State(app.clone()), Path(old.to_owned())).await.expect("answered")).await
            };
            for wrong in ["14", "-1", "x", "99999999999999999999", "18446744073709551615"] {
                assert_eq!(of(wrong).await.0, StatusCode::BAD_REQUEST, "{wrong}");
            }
            let (_, text) = of("5").await;
            let (lines, note) = text.split_once("\n\n").expect("a proof and a checkpoint");
            let mut lines = lines.lines();
            assert_eq!(lines.next(), Some("old 5"));
            let proof = lines.map(|line| Hash::parse_hash(line).expect("a hash")).collect();
            let new = Signed::parse(note).expect("a checkpoint");
            assert_eq!(new.checkpoint.size, 13);
            assert_eq!(verify_consistency(proof, new.checkpoint.head(), old.checkpoint.head()), Ok(()));
            let keys = crate::transparency_log::checkpoint::Keys::parse(
                &body(key(State(app.clone())).await).await.1,
            )
            .expect("keys");
            assert_eq!(new.verify(&keys), Ok(()));

            send_checkpoint(&app).await.expect("written");
            let letters = list_newest(&app.database, "").await.expect("read");
            assert_eq!(letters.len(), 2);
            for letter in letters {
                assert_eq!(Signed::last_in(&letter.body), Some(new.clone()), "{}", letter.body);
            }
        }
    }
}
