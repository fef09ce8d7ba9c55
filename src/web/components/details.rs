use serde::Deserialize;

use super::back_link::Reverse;
use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component, from_text};

/// Keeps what only some people need behind a line of words.
///
/// With the class `nhsuk-expander` it is a box with a larger line.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Details {
    pub id: String,
    pub summary: DetailsSummary,
    pub text: String,
    pub html: Option<Html>,
    pub open: bool,
    pub variant: Option<Reverse>,
    pub classes: String,
    pub attributes: Attributes,
}

/// The line of words.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct DetailsSummary {
    pub text: String,
    pub html: Option<Html>,
    pub classes: String,
    pub attributes: Attributes,
}

component!(Details);
from_text!(DetailsSummary);

impl Component for Details {
    fn render(&self, out: &mut Markup) {
        out.open("details")
            .classes(
                Classes::new("nhsuk-details")
                    .when(self.variant.is_some(), "nhsuk-details--reverse")
                    .and(&self.classes),
            )
            .id(&self.id)
            .attributes(&self.attributes)
            .flag("open", self.open);
        out.open("summary")
            .classes(Classes::new("nhsuk-details__summary").and(&self.summary.classes))
            .attributes(&self.summary.attributes);
        out.open("span").class("nhsuk-details__summary-text");
        out.component(&TextOrHtml(&self.summary.text, &self.summary.html)).close("span").close("summary");
        out.open("div").class("nhsuk-details__text");
        out.component(&TextOrHtml(&self.text, &self.html)).close("div").close("details");
    }
}
