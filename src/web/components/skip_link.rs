use serde::Deserialize;

use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component};

/// The first link of a page, for people who would otherwise tab through the header each time.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SkipLink {
    pub id: String,
    pub text: String,
    pub html: Option<Html>,
    pub href: String,
    pub classes: String,
    pub attributes: Attributes,
}

impl Default for SkipLink {
    fn default() -> Self {
        Self {
            id: String::new(),
            text: "Skip to main content".to_owned(),
            html: None,
            href: "#maincontent".to_owned(),
            classes: String::new(),
            attributes: Attributes::default(),
        }
    }
}

component!(SkipLink);

impl Component for SkipLink {
    fn render(&self, out: &mut Markup) {
        out.open("a")
            .classes(Classes::new("nhsuk-skip-link").and(&self.classes))
            .id(&self.id)
            .attribute("data-module", "nhsuk-skip-link")
            .attribute("href", &self.href)
            .attributes(&self.attributes);
        out.component(&TextOrHtml(&self.text, &self.html)).close("a");
    }
}
