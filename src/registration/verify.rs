//! Asking the registers what the questions of a draft and the checks of a registration need to know.

use crate::app::App;
use crate::register::{AskError, Code, Finding, OdsOrganisation, OdsSiteCode};

/// What ODS says of a site's code.
///
/// # Errors
/// Why it does not answer.
pub async fn ods(app: &App, code: &OdsSiteCode) -> Result<Option<OdsOrganisation>, AskError> {
    Ok(match app.ask(&Code::OdsSite(code.clone())).await? {
        Finding::Ods(found) => Some(*found),
        Finding::NotFound | Finding::CqcLocation(_) | Finding::CqcProvider(_) | Finding::Dspt(_) => None,
    })
}
