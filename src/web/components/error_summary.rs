use serde::Deserialize;

use super::heading::Heading;
use super::html::{Attributes, Classes, Component, Content, Html, Markup, TextOrHtml, component};

/// Lists at the top of a page what must be put right, with a link to each field.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ErrorSummary {
    pub id: String,
    pub heading: Heading,
    pub description: Option<Content>,
    pub error_list: Vec<ErrorSummaryItem>,
    pub disable_auto_focus: Option<bool>,
    pub classes: String,
    pub attributes: Attributes,
}

/// One thing to put right.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ErrorSummaryItem {
    /// The field, for example `#email`.
    pub href: String,
    pub text: String,
    pub html: Option<Html>,
    pub attributes: Attributes,
}

impl Default for ErrorSummary {
    fn default() -> Self {
        Self {
            id: String::new(),
            heading: "There is a problem".into(),
            description: None,
            error_list: Vec::new(),
            disable_auto_focus: None,
            classes: String::new(),
            attributes: Attributes::default(),
        }
    }
}

component!(ErrorSummary);

impl Component for ErrorSummary {
    fn render(&self, out: &mut Markup) {
        out.open("div")
            .classes(Classes::new("nhsuk-error-summary").and(&self.classes))
            .id(&self.id)
            .attribute("data-module", "nhsuk-error-summary")
            .choice("data-disable-auto-focus", self.disable_auto_focus)
            .attributes(&self.attributes);
        // The alert is not the element that takes the focus: some screen readers would otherwise
        // read only one of the two.
        out.open("div").attribute("role", "alert");
        self.heading.render_as(out, "h2", Classes::new("nhsuk-error-summary__heading"));
        out.open("div").class("nhsuk-error-summary__body");
        if let Some(description) = &self.description {
            out.open("p");
            out.component(description).close("p");
        }
        if !self.error_list.is_empty() {
            out.open("ul").class("nhsuk-list nhsuk-error-summary__list");
            for item in &self.error_list {
                out.open("li");
                if !item.href.is_empty() {
                    out.open("a").attribute("href", &item.href).attributes(&item.attributes);
                }
                out.component(&TextOrHtml(&item.text, &item.html));
                if !item.href.is_empty() {
                    out.close("a");
                }
                out.close("li");
            }
            out.close("ul");
        }
        out.close("div").close("div").close("div");
    }
}
