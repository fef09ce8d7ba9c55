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
