//! The notes of a case as its page shows them, and the field for another one. A form that has the field
//! carries `form.once()`, so that sending it twice writes one note.

use crate::app::App;
use crate::database::Error;
use crate::service_desk::moves::WriteNote;
use crate::service_desk::store;
use crate::web::Fields;

/// The field of a note.
pub const NOTE: &str = "note";

/// A note as it is shown.
pub struct NoteLine {
    pub by: String,
    pub is_registrant: bool,
    pub at: String,
    pub text: String,
}

/// The notes of a case.
///
/// # Errors
/// What the database answered.
pub async fn of(app: &App, case: &str) -> Result<Vec<NoteLine>, Error> {
    let notes = store::list_notes(&app.database, case).await?;
    Ok(notes
        .into_iter()
        .map(|note| NoteLine {
            is_registrant: note.case_worker.is_none(),
            by: note.case_worker.unwrap_or_else(|| "The registrant answered".to_owned()),
            at: note.at.in_words(),
            text: note.text,
        })
        .collect())
}

/// The note that was typed, if one was.
pub fn typed(fields: &Fields) -> Option<WriteNote> {
    let text = fields.text(NOTE);
    (!text.is_empty()).then(|| WriteNote { text: text.to_owned(), form: fields.once() })
}
