//! What mail programs ask for by themselves. There is no session, so nothing is said of anybody: any
//! address of our domain gets the same answer, any other a refusal.

use crate::app::App;
use crate::my_account::mail_settings::{
    MailSettings, autoconfig, autodiscover, autodiscover_address, autodiscover_json, autodiscover_refusal,
};
use crate::web::Answer;
use crate::web::doors::Body;
use crate::web::form::query;
use axum::extract::State as Shared;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::IntoResponse;

fn xml(text: String) -> Answer {
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"))], text).into_response())
}

/// GET /.well-known/autoconfig/mail/config-v1.1.xml and /mail/config-v1.1.xml: for Thunderbird and
/// others like it. Without an address it is asked about our domain by the name of the server.
pub async fn thunderbird(Shared(app): Shared<App>, uri: Uri) -> Answer {
    let settings = MailSettings::of(&app.settings);
    let fields = query(&uri);
    let address = fields.text("emailaddress");
    if address.is_empty() || settings.is_ours(address) {
        return xml(autoconfig(&settings));
    }
    Ok((
        StatusCode::NOT_FOUND,
        [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))],
        format!("We look after addresses that end in @{} and no others.\n", settings.domain),
    )
        .into_response())
}

/// GET /autodiscover/autodiscover.json: where newer versions of Outlook ask first. The same for every address.
pub async fn outlook_json(Shared(app): Shared<App>, uri: Uri) -> Answer {
    let fields = query(&uri);
    let field = |name: &str| {
        let capital = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
        [name, capital.as_str()]
            .map(|name| fields.text(name).to_owned())
            .into_iter()
            .find(|text| !text.is_empty())
    };
    let protocol: String = field("protocol").unwrap_or_default().chars().take(50).collect();
    let (known, answer) = autodiscover_json(&app.settings.public_address, &protocol);
    let status = if known { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    Ok((status, [(header::CONTENT_TYPE, kind)], answer.to_string()).into_response())
}

/// POST /autodiscover/autodiscover.xml: for Outlook.
pub async fn outlook(Shared(app): Shared<App>, body: Body) -> Answer {
    let settings = MailSettings::of(&app.settings);
    let address = autodiscover_address(&String::from_utf8_lossy(&body.0));
    xml(match address.filter(|address| settings.is_ours(address)) {
        Some(address) => autodiscover(&settings, &address),
        None => autodiscover_refusal(),
    })
}
