use serde::Deserialize;

use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component, from_text};

/// Says beside a field what is wrong with the answer.
///
/// A field with an error message that has no words is marked as wrong, and says nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ErrorMessage {
    pub id: String,
    pub text: String,
    pub html: Option<Html>,
    /// What screen readers hear first.
    pub visually_hidden_text: String,
    pub classes: String,
    pub attributes: Attributes,
}

impl Default for ErrorMessage {
    fn default() -> Self {
        Self {
            id: String::new(),
            text: String::new(),
            html: None,
            visually_hidden_text: "Error".to_owned(),
            classes: String::new(),
            attributes: Attributes::default(),
        }
    }
}

component!(ErrorMessage);
from_text!(ErrorMessage);

impl ErrorMessage {
    pub(super) fn is_empty(&self) -> bool {
        TextOrHtml(&self.text, &self.html).is_empty()
    }
}

impl Component for ErrorMessage {
    fn render(&self, out: &mut Markup) {
        out.open("span")
            .classes(Classes::new("nhsuk-error-message").and(&self.classes))
            .id(&self.id)
            .attributes(&self.attributes);
        if !self.visually_hidden_text.is_empty() {
            out.visually_hidden(&format!("{}: ", self.visually_hidden_text));
        }
        out.component(&TextOrHtml(&self.text, &self.html)).close("span");
    }
}
