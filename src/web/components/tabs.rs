use serde::Deserialize;

use super::html::{Attributes, Classes, Component, Html, Markup, component, or};

/// Shows one of several parts at a time; all of them, one after another, without scripts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Tabs {
    pub id: String,
    /// What the ids of the parts begin with; the id where nothing is said.
    pub id_prefix: String,
    /// What the list is called without scripts; "Contents" where nothing is said.
    pub visually_hidden_text: String,
    pub items: Vec<TabsItem>,
    pub classes: String,
    pub attributes: Attributes,
}

/// One part.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct TabsItem {
    pub id: String,
    pub label: String,
    pub panel: TabsPanel,
    pub attributes: Attributes,
}

/// What is shown in a part.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct TabsPanel {
    pub text: String,
    pub html: Option<Html>,
    pub attributes: Attributes,
}

component!(Tabs);

impl Component for Tabs {
    fn render(&self, out: &mut Markup) {
        let prefix = or(&self.id_prefix, &self.id);
        let items: Vec<_> = self
            .items
            .iter()
            .enumerate()
            .map(|(index, item)| (index, or(&item.id, &format!("{prefix}-{}", index + 1)).to_owned(), item))
            .collect();

        out.open("div")
            .classes(Classes::new("nhsuk-tabs").and(&self.classes))
            .id(&self.id)
            .attribute("data-module", "nhsuk-tabs")
            .attributes(&self.attributes);
        out.open("h2").class("nhsuk-tabs__heading");
        out.text(or(&self.visually_hidden_text, "Contents")).close("h2");
        if !items.is_empty() {
            out.open("ul").class("nhsuk-tabs__list");
        }
        for (index, id, item) in &items {
            out.open("li").classes(
                Classes::new("nhsuk-tabs__list-item").when(*index == 0, "nhsuk-tabs__list-item--selected"),
            );
            out.open("a")
                .class("nhsuk-tabs__tab")
                .attribute("href", &format!("#{id}"))
                .attributes(&item.attributes);
            out.text(&item.label).close("a").close("li");
        }
        if !items.is_empty() {
            out.close("ul");
        }
        for (index, id, item) in &items {
            out.open("div")
                .classes(Classes::new("nhsuk-tabs__panel").when(*index > 0, "nhsuk-tabs__panel--hidden"))
                .id(id)
                .attributes(&item.panel.attributes);
            if let Some(html) = &item.panel.html {
                out.html(html);
            } else if !item.panel.text.is_empty() {
                out.open("p");
                out.text(&item.panel.text).close("p");
            }
            out.close("div");
        }
        out.close("div");
    }
}
