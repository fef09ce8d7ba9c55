use serde::Deserialize;

use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component, or};

/// Leads to the other pages of a guide.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ContentsList {
    pub id: String,
    /// "Pages in this guide" where nothing is said.
    pub aria_label: String,
    /// "Contents" where nothing is said.
    pub visually_hidden_text: String,
    pub items: Vec<ContentsListItem>,
    pub classes: String,
    pub attributes: Attributes,
}

/// One page, and the pages below it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ContentsListItem {
    pub href: String,
    pub text: String,
    pub html: Option<Html>,
    /// This very page.
    pub current: bool,
    pub items: Vec<ContentsListItem>,
    pub classes: String,
    pub attributes: Attributes,
}

component!(ContentsList);

fn render_list(out: &mut Markup, items: &[ContentsListItem]) {
    out.open("ol").class("nhsuk-contents-list__list");
    for item in items {
        out.open("li")
            .class("nhsuk-contents-list__item")
            .optional("aria-current", if item.current { "page" } else { "" });
        let (element, class) = if item.current {
            ("span", "nhsuk-contents-list__current")
        } else {
            ("a", "nhsuk-contents-list__link")
        };
        let tag = out.open(element).classes(Classes::new(class).and(&item.classes));
        if item.current { tag } else { tag.attribute("href", &item.href) }.attributes(&item.attributes);
        out.component(&TextOrHtml(&item.text, &item.html)).close(element);
        if !item.items.is_empty() {
            render_list(out, &item.items);
        }
        out.close("li");
    }
    out.close("ol");
}

impl Component for ContentsList {
    fn render(&self, out: &mut Markup) {
        out.open("nav")
            .classes(Classes::new("nhsuk-contents-list").and(&self.classes))
            .id(&self.id)
            .attribute("role", "navigation")
            .attribute("aria-label", or(&self.aria_label, "Pages in this guide"))
            .attributes(&self.attributes);
        out.open("h2").class("nhsuk-u-visually-hidden");
        out.text(or(&self.visually_hidden_text, "Contents")).close("h2");
        render_list(out, &self.items);
        out.close("nav");
    }
}
