use serde::Deserialize;

use super::heading::Heading;
use super::html::{
    Attributes, Classes, Component, Content, Html, Markup, TextOrHtml, component, from_text, or,
};

/// The bottom of every page: help, accessibility, privacy, and whose words these are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Footer {
    pub id: String,
    /// Groups of links, side by side.
    pub navigation: Vec<FooterNavigation>,
    /// How many groups stand side by side, 1 to 4; four where nothing is said.
    pub columns: Option<u8>,
    pub meta: FooterMeta,
    pub copyright: Option<Content>,
    pub container_classes: String,
    pub classes: String,
    pub attributes: Attributes,
}

/// A group of links.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct FooterNavigation {
    pub heading: Option<Heading>,
    /// A width of the design system, for example `one-half`.
    pub width: String,
    pub text: String,
    pub html: Option<Html>,
    pub items: Vec<FooterItem>,
}

/// The line of links that every page has.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct FooterMeta {
    /// "Support links" where nothing is said.
    pub visually_hidden_text: String,
    pub items: Vec<FooterItem>,
    pub text: String,
    pub html: Option<Html>,
}

/// One link.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct FooterItem {
    pub href: String,
    pub text: String,
    pub html: Option<Html>,
    pub attributes: Attributes,
}

component!(Footer);
from_text!(FooterMeta);

fn render_list(out: &mut Markup, items: &[FooterItem]) {
    out.open("ul").class("nhsuk-footer__list");
    for item in items {
        out.open("li").class("nhsuk-footer__list-item");
        out.open("a")
            .class("nhsuk-footer__list-item-link")
            .attribute("href", &item.href)
            .attributes(&item.attributes);
        out.component(&TextOrHtml(&item.text, &item.html)).close("a").close("li");
    }
    out.close("ul");
}

/// Markup as it is, or words as a small paragraph.
fn render_small(out: &mut Markup, text: &str, html: &Option<Html>) {
    if let Some(html) = html {
        out.html(html);
    } else if !text.is_empty() {
        out.open("p").class("nhsuk-body-s");
        out.text(text).close("p");
    }
}

impl FooterNavigation {
    fn render(&self, out: &mut Markup, width: &str) {
        out.open("div").class(&format!("nhsuk-grid-column-{}", or(&self.width, width)));
        if let Some(heading) = &self.heading {
            heading.render_as(out, "h2", Classes::new("nhsuk-footer__heading nhsuk-heading-s"));
        }
        render_small(out, &self.text, &self.html);
        if !self.items.is_empty() {
            render_list(out, &self.items);
        }
        out.close("div");
    }
}

impl Component for Footer {
    fn render(&self, out: &mut Markup) {
        out.open("footer")
            .classes(Classes::new("nhsuk-footer").and(&self.classes))
            .id(&self.id)
            .attribute("role", "contentinfo")
            .attributes(&self.attributes);
        out.open("div").classes(Classes::new("nhsuk-width-container").and(&self.container_classes));
        let (columns, width) = match self.columns {
            Some(1) => (1, "full"),
            Some(2) => (2, "one-half"),
            Some(3) => (3, "one-third"),
            Some(_) | None => (4, "one-quarter"),
        };
        for row in self.navigation.chunks(columns) {
            out.open("div").class("nhsuk-footer__navigation nhsuk-grid-row");
            for navigation in row {
                navigation.render(out, width);
            }
            out.close("div");
        }
        out.open("div").class("nhsuk-footer__meta");
        if !self.meta.items.is_empty() {
            out.open("h2").class("nhsuk-u-visually-hidden");
            out.text(or(&self.meta.visually_hidden_text, "Support links")).close("h2");
            render_list(out, &self.meta.items);
        }
        render_small(out, &self.meta.text, &self.meta.html);
        if let Some(copyright) = &self.copyright {
            render_small(out, &copyright.text, &copyright.html);
        }
        out.close("div").close("div").close("footer");
    }
}
