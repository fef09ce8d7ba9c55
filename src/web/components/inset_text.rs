use serde::Deserialize;

use super::html::{Attributes, Classes, Component, Html, Markup, component, or};

/// Sets something apart from the words round it, for example a quotation or an exception.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct InsetText {
    pub id: String,
    /// "Information" where nothing is said.
    pub visually_hidden_text: String,
    pub text: String,
    pub html: Option<Html>,
    pub classes: String,
    pub attributes: Attributes,
}

component!(InsetText);

impl Component for InsetText {
    fn render(&self, out: &mut Markup) {
        out.open("div")
            .classes(Classes::new("nhsuk-inset-text").and(&self.classes))
            .id(&self.id)
            .attributes(&self.attributes);
        out.visually_hidden(&format!("{}: ", or(&self.visually_hidden_text, "Information")));
        match &self.html {
            Some(html) => {
                out.html(html);
            }
            None if !self.text.is_empty() => {
                out.open("p");
                out.text(&self.text).close("p");
            }
            None => {}
        }
        out.close("div");
    }
}
