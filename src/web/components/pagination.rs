use serde::Deserialize;

use super::html::{Attributes, Classes, Component, Content, Html, Markup, TextOrHtml, component, or};
use super::icon::IconName;

/// Leads through pages: numbered where there are `items`, otherwise to the one before and after.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Pagination {
    pub id: String,
    /// "Pagination" where nothing is said.
    pub aria_label: String,
    pub items: Vec<PaginationItem>,
    pub previous: Option<PaginationLink>,
    pub next: Option<PaginationLink>,
    pub classes: String,
    pub attributes: Attributes,
}

/// One numbered page, or the gap between two.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct PaginationItem {
    pub number: String,
    pub href: String,
    /// "Page" and the number where nothing is said.
    pub aria_label: String,
    /// This very page.
    pub current: bool,
    /// Makes the item a gap.
    pub ellipsis: bool,
    pub classes: String,
    pub attributes: Attributes,
}

/// The page before or after.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct PaginationLink {
    pub href: String,
    /// "Previous page" or "Next page" where nothing is said.
    pub text: String,
    pub html: Option<Html>,
    /// What the page is about, where pages have no numbers.
    pub label: Content,
    pub attributes: Attributes,
}

/// The two ways one can go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Previous,
    Next,
}

impl Way {
    /// The word, the relation and the ending of the class.
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Way::Previous => ("Previous", "prev", "previous"),
            Way::Next => ("Next", "next", "next"),
        }
    }

    fn icon(self) -> IconName {
        match self {
            Way::Previous => IconName::ArrowLeft,
            Way::Next => IconName::ArrowRight,
        }
    }
}

component!(Pagination);

impl PaginationLink {
    fn render_title(&self, out: &mut Markup, way: Way) {
        out.open("span").class("nhsuk-pagination__title");
        let words = TextOrHtml(&self.text, &self.html);
        if words.is_empty() {
            out.text(way.names().0).visually_hidden(" page");
        } else {
            out.component(&words);
        }
        out.close("span");
    }

    /// Beside numbered pages.
    fn render_beside_numbers(&self, out: &mut Markup, way: Way) {
        let (_, relation, class) = way.names();
        out.open("a")
            .attribute("href", &self.href)
            .class(&format!("nhsuk-pagination__{class}"))
            .attribute("rel", relation);
        if way == Way::Previous {
            out.component(&way.icon());
        }
        self.render_title(out, way);
        if way == Way::Next {
            out.component(&way.icon());
        }
        out.close("a");
    }

    /// Without numbered pages.
    fn render_alone(&self, out: &mut Markup, way: Way) {
        let (_, relation, class) = way.names();
        out.open("li").class(&format!("nhsuk-pagination-item--{class}"));
        out.open("a")
            .class(&format!("nhsuk-pagination__link nhsuk-pagination__link--{relation}"))
            .attribute("href", &self.href)
            .attribute("rel", relation)
            .attributes(&self.attributes);
        self.render_title(out, way);
        if !TextOrHtml(&self.label.text, &self.label.html).is_empty() {
            out.text(" ").visually_hidden(":").text(" ");
            out.open("span").class("nhsuk-pagination__page");
            out.component(&self.label).close("span");
        }
        out.component(&way.icon()).close("a").close("li");
    }
}

impl PaginationItem {
    fn render(&self, out: &mut Markup) {
        out.open("li").classes(
            Classes::new("nhsuk-pagination__item")
                .when(self.current, "nhsuk-pagination__item--current")
                .when(self.ellipsis, "nhsuk-pagination__item--ellipsis")
                .and(&self.classes),
        );
        if self.ellipsis {
            out.html(&Html::trusted("&ctdot;"));
        } else {
            out.open("a")
                .class("nhsuk-pagination__link")
                .attribute("href", &self.href)
                .attribute("aria-label", or(&self.aria_label, &format!("Page {}", self.number)))
                .optional("aria-current", if self.current { "page" } else { "" })
                .attributes(&self.attributes);
            out.text(&self.number).close("a");
        }
        out.close("li");
    }
}

impl Component for Pagination {
    fn render(&self, out: &mut Markup) {
        let is_numbered = !self.items.is_empty();
        let leads_somewhere = |link: &&PaginationLink| !link.href.is_empty();
        let previous = self.previous.as_ref().filter(leads_somewhere);
        let next = self.next.as_ref().filter(leads_somewhere);
        out.open("nav")
            .classes(
                Classes::new("nhsuk-pagination")
                    .when(is_numbered, "nhsuk-pagination--numbered")
                    .and(&self.classes),
            )
            .id(&self.id)
            .attribute("role", "navigation")
            .attribute("aria-label", or(&self.aria_label, "Pagination"))
            .attributes(&self.attributes);
        if is_numbered {
            if let Some(previous) = previous {
                previous.render_beside_numbers(out, Way::Previous);
            }
            out.open("ul").class("nhsuk-pagination__list");
            for item in &self.items {
                item.render(out);
            }
            out.close("ul");
            if let Some(next) = next {
                next.render_beside_numbers(out, Way::Next);
            }
        } else {
            out.open("ul").class("nhsuk-list nhsuk-pagination__list");
            if let Some(previous) = previous {
                previous.render_alone(out, Way::Previous);
            }
            if let Some(next) = next {
                next.render_alone(out, Way::Next);
            }
            out.close("ul");
        }
        out.close("nav");
    }
}
