use serde::Deserialize;

use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component, or};

/// The first link of a page, for people who would otherwise tab through the header each time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SkipLink {
    pub id: String,
    /// "Skip to main content" where nothing is said.
    pub text: String,
    pub html: Option<Html>,
    /// `#maincontent` where nothing is said.
    pub href: String,
    pub classes: String,
    pub attributes: Attributes,
}

component!(SkipLink);

impl Component for SkipLink {
    fn render(&self, out: &mut Markup) {
        out.open("a")
            .classes(Classes::new("nhsuk-skip-link").and(&self.classes))
            .id(&self.id)
            .attribute("data-module", "nhsuk-skip-link")
            .attribute("href", or(&self.href, "#maincontent"))
            .attributes(&self.attributes);
        out.component(&TextOrHtml(or(&self.text, "Skip to main content"), &self.html)).close("a");
    }
}
