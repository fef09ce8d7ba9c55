use serde::Deserialize;

use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component, from_text};

/// Help for one question, for example where to find the number.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Hint {
    pub id: String,
    pub text: String,
    pub html: Option<Html>,
    pub classes: String,
    pub attributes: Attributes,
}

component!(Hint);
from_text!(Hint);

impl Hint {
    pub(super) fn is_empty(&self) -> bool {
        TextOrHtml(&self.text, &self.html).is_empty()
    }
}

impl Component for Hint {
    fn render(&self, out: &mut Markup) {
        out.open("div")
            .classes(Classes::new("nhsuk-hint").and(&self.classes))
            .id(&self.id)
            .attributes(&self.attributes);
        out.component(&TextOrHtml(&self.text, &self.html)).close("div");
    }
}
