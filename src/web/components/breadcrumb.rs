use serde::Deserialize;

use super::back_link::{BackLink, Reverse};
use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component, or};

/// Says where a page stands, and leads back; a back link alone on small screens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Breadcrumb {
    pub id: String,
    /// "Breadcrumb" where nothing is said.
    pub aria_label: String,
    pub items: Vec<BreadcrumbItem>,
    /// The last page before this one, after the items.
    pub text: String,
    pub href: String,
    pub back_link: BackLink,
    pub variant: Option<Reverse>,
    pub classes: String,
    pub attributes: Attributes,
}

/// One page above this one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct BreadcrumbItem {
    pub text: String,
    pub html: Option<Html>,
    pub href: String,
    pub attributes: Attributes,
}

component!(Breadcrumb);

impl BreadcrumbItem {
    fn render(&self, out: &mut Markup) {
        out.open("li").class("nhsuk-breadcrumb__list-item");
        out.open("a")
            .class("nhsuk-breadcrumb__link")
            .attribute("href", &self.href)
            .attributes(&self.attributes);
        out.component(&TextOrHtml(&self.text, &self.html)).close("a").close("li");
    }
}

impl Component for Breadcrumb {
    fn render(&self, out: &mut Markup) {
        out.open("nav")
            .classes(
                Classes::new("nhsuk-breadcrumb")
                    .when(self.variant.is_some(), "nhsuk-breadcrumb--reverse")
                    .and(&self.classes),
            )
            .id(&self.id)
            .attribute("aria-label", or(&self.aria_label, "Breadcrumb"))
            .attributes(&self.attributes);
        let mut items = self.items.clone();
        if !self.text.is_empty() && !self.href.is_empty() {
            items.push(BreadcrumbItem {
                text: self.text.clone(),
                href: self.href.clone(),
                ..BreadcrumbItem::default()
            });
        }
        out.open("ol").class("nhsuk-breadcrumb__list");
        for item in items.iter().filter(|item| !item.href.is_empty()) {
            item.render(out);
        }
        out.close("ol");
        let last = items.pop().unwrap_or_default();
        let own = self.back_link.clone();
        let has_words = !TextOrHtml(&own.text, &own.html).is_empty();
        out.component(&BackLink {
            visually_hidden_text: or(&own.visually_hidden_text, "Back to").to_owned(),
            text: if has_words { own.text } else { last.text },
            href: or(&own.href, &last.href).to_owned(),
            attributes: if own.attributes.0.is_empty() { last.attributes } else { own.attributes },
            variant: own.variant.or(self.variant),
            ..own
        });
        out.close("nav");
    }
}
