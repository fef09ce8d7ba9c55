use serde::Deserialize;

use super::heading::Heading;
use super::html::{
    Attributes, Classes, Component, Content, Html, Markup, TextOrHtml, component, from_text, or,
};
use super::tag::Tag;

/// Shows what there is to do, and what is done.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct TaskList {
    pub id: String,
    /// What the ids of hints and states begin with; `task-list` where nothing is said.
    pub id_prefix: String,
    pub items: Vec<TaskListItem>,
    pub classes: String,
    pub attributes: Attributes,
}

/// One task; a link where it has an `href`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct TaskListItem {
    pub heading: Heading,
    pub hint: Option<Content>,
    pub status: TaskListStatus,
    pub href: String,
    pub classes: String,
}

/// How far a task is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct TaskListStatus {
    /// Stands in place of the words.
    pub tag: Option<Tag>,
    pub text: String,
    pub html: Option<Html>,
    pub classes: String,
}

component!(TaskList);
from_text!(TaskListStatus);

impl TaskListItem {
    fn render(&self, out: &mut Markup, id: &str) {
        let is_link = !self.href.is_empty();
        let status_id = format!("{id}-status");
        let hint_id = format!("{id}-hint");
        out.open("li").classes(
            Classes::new("nhsuk-task-list__item")
                .when(is_link, "nhsuk-task-list__item--with-link")
                .and(&self.classes),
        );
        out.open("div").class("nhsuk-task-list__name-and-hint");
        let mut heading = self.heading.clone();
        if is_link {
            let described_by = match self.hint {
                Some(_) => format!("{hint_id} {status_id}"),
                None => status_id.clone(),
            };
            let mut attributes =
                Attributes::from([("href", self.href.as_str()), ("aria-describedby", &described_by)]);
            attributes.0.append(&mut heading.attributes.0);
            heading.attributes = attributes;
            heading.render_as(out, "a", Classes::new("nhsuk-task-list__link nhsuk-link"));
        } else {
            heading.render_as(out, "div", Classes::new(""));
        }
        if let Some(hint) = &self.hint {
            out.open("div").class("nhsuk-task-list__hint").id(&hint_id);
            out.component(hint).close("div");
        }
        out.close("div");
        out.open("div")
            .classes(Classes::new("nhsuk-task-list__status").and(&self.status.classes))
            .id(&status_id);
        match &self.status.tag {
            Some(tag) => out.component(tag),
            None => out.component(&TextOrHtml(&self.status.text, &self.status.html)),
        };
        out.close("div").close("li");
    }
}

impl Component for TaskList {
    fn render(&self, out: &mut Markup) {
        out.open("ul")
            .classes(Classes::new("nhsuk-task-list").and(&self.classes))
            .id(&self.id)
            .attributes(&self.attributes);
        for (index, item) in self.items.iter().enumerate() {
            item.render(out, &format!("{}-{}", or(&self.id_prefix, "task-list"), index + 1));
        }
        out.close("ul");
    }
}
