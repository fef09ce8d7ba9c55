use serde::Deserialize;

use super::error_message::ErrorMessage;
use super::fieldset::Fieldset;
use super::form_group::{Described, FormGroup, id_or_name, in_fieldset};
use super::hint::Hint;
use super::html::{Attributes, Classes, Component, Content, Html, Markup, component};
use super::label::Label;

/// Lets people choose one answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Radios {
    pub id: String,
    pub fieldset: Option<Fieldset>,
    pub hint: Option<Hint>,
    pub error_message: Option<ErrorMessage>,
    pub form_group: FormGroup,
    /// What the ids of the answers begin with; the name where nothing is said.
    pub id_prefix: String,
    pub name: String,
    pub items: Vec<RadiosItem>,
    /// The value of the answer that is chosen.
    pub value: String,
    pub disabled: bool,
    pub inline: bool,
    pub small: bool,
    pub classes: String,
    pub attributes: Attributes,
}

/// One answer, or a word between answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct RadiosItem {
    /// The first answer has the prefix itself, so that an error summary can link to it; others have
    /// `-2`, `-3` after it.
    pub id: String,
    pub text: String,
    pub html: Option<Html>,
    pub value: String,
    pub label: Label,
    pub hint: Option<Hint>,
    /// A word such as "or"; makes the item no answer.
    pub divider: String,
    /// Chosen or not, whatever the value of the group.
    pub checked: Option<bool>,
    /// What is asked when this answer is chosen.
    pub conditional: Option<Conditional>,
    pub disabled: Option<bool>,
    pub classes: String,
    pub attributes: Attributes,
}

/// What is shown while an answer is chosen; always shown without scripts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Conditional {
    pub html: Html,
}

component!(Radios);

/// The names and states in which radios and checkboxes differ.
pub(super) struct Answer<'a> {
    pub kind: &'static str,
    pub block: &'static str,
    pub id: &'a str,
    pub name: &'a str,
    pub is_checked: bool,
    pub is_disabled: bool,
    pub behaviour: &'a str,
    pub behaviour_group: &'a str,
    /// Only without a fieldset, which would carry it.
    pub described_by: &'a str,
    pub hidden_without_scripts: bool,
}

impl Answer<'_> {
    /// Writes one answer of radios or checkboxes.
    pub fn render(&self, out: &mut Markup, item: &RadiosItem) {
        let Answer { block, id, .. } = self;
        let hint = item.hint.clone().filter(|hint| !hint.is_empty()).map(|hint| Hint {
            id: if hint.id.is_empty() { format!("{id}-item-hint") } else { hint.id },
            classes: join(&format!("{block}__hint"), &hint.classes),
            ..hint
        });
        let described_by = join(self.described_by, hint.as_ref().map_or("", |hint| hint.id.as_str()));
        let conditional = item.conditional.as_ref().filter(|shown| !shown.html.as_str().is_empty());
        let conditional_id = format!("conditional-{id}");

        out.open("div").classes(
            Classes::new(&format!("{block}__item"))
                .when(self.hidden_without_scripts, "nhsuk-u-frontend-not-supported-hidden"),
        );
        out.open("input")
            .classes(Classes::new(&format!("{block}__input")).and(&item.classes))
            .attribute("id", id)
            .attribute("name", self.name)
            .attribute("type", self.kind)
            .attribute("value", &item.value)
            .flag("checked", self.is_checked)
            .flag("disabled", self.is_disabled)
            .optional("data-behaviour", self.behaviour)
            .optional("data-behaviour-group", self.behaviour_group)
            .optional("data-aria-controls", if conditional.is_some() { &conditional_id } else { "" })
            .optional("aria-describedby", &described_by)
            .attributes(&item.attributes);
        let own = item.label.clone();
        out.component(&Label {
            text: if own.text.is_empty() { item.text.clone() } else { own.text },
            html: own.html.or_else(|| item.html.clone()),
            r#for: (*id).to_owned(),
            classes: join(&format!("{block}__label"), &own.classes),
            ..own
        });
        if let Some(hint) = &hint {
            out.component(hint);
        }
        out.close("div");
        if let Some(shown) = conditional {
            out.open("div")
                .classes(
                    Classes::new(&format!("{block}__conditional"))
                        .when(!self.is_checked, &format!("{block}__conditional--hidden")),
                )
                .id(&conditional_id);
            out.html(&shown.html).close("div");
        }
    }
}

/// Two values with a space between, where there are two.
pub(super) fn join(first: &str, second: &str) -> String {
    match (first.is_empty(), second.is_empty()) {
        (false, false) => format!("{first} {second}"),
        (true, _) => second.to_owned(),
        (false, true) => first.to_owned(),
    }
}

/// The id of an answer: its own, or the prefix with its number in the list.
pub(super) fn item_id(own: &str, prefix: &str, index: usize) -> String {
    match (own.is_empty(), index) {
        (false, _) => own.to_owned(),
        (true, 0) => prefix.to_owned(),
        (true, index) => format!("{prefix}-{}", index + 1),
    }
}

/// Writes what stands round the answers of radios, checkboxes or a date.
pub(super) struct Group<'a> {
    pub module: &'static str,
    pub id: &'a str,
    pub classes: Classes,
    pub attributes: &'a Attributes,
    pub fieldset: &'a Option<Fieldset>,
    pub form_group: &'a FormGroup,
    pub described: &'a Described,
    pub is_wrong: bool,
}

impl Group<'_> {
    pub fn render(self, out: &mut Markup, write_items: impl FnOnce(&mut Markup)) {
        let before: &Option<Content> = &self.form_group.before_input;
        let after: &Option<Content> = &self.form_group.after_input;
        let mut inner = Markup::default();
        inner.component(self.described);
        inner
            .open("div")
            .classes(self.classes)
            .id(self.id)
            .optional("data-module", self.module)
            .attributes(self.attributes);
        if let Some(before) = before {
            inner.component(before);
        }
        write_items(&mut inner);
        if let Some(after) = after {
            inner.component(after);
        }
        inner.close("div");

        self.form_group.open(out, self.is_wrong);
        in_fieldset(out, self.fieldset, &self.described.by, inner.finish());
        out.close("div");
    }
}

impl Component for Radios {
    fn render(&self, out: &mut Markup) {
        let prefix = id_or_name(&self.id_prefix, &self.name);
        let also_by = self.fieldset.as_ref().map_or("", |fieldset| fieldset.described_by.as_str());
        let described = Described::new(prefix, also_by, &self.hint, &self.error_message);
        let group = Group {
            module: "nhsuk-radios",
            id: &self.id,
            classes: Classes::new("nhsuk-radios")
                .when(self.small, "nhsuk-radios--small")
                .when(self.inline, "nhsuk-radios--inline")
                .and(&self.classes),
            attributes: &self.attributes,
            fieldset: &self.fieldset,
            form_group: &self.form_group,
            described: &described,
            is_wrong: self.error_message.is_some(),
        };
        group.render(out, |out| {
            for (index, item) in self.items.iter().enumerate() {
                if !item.divider.is_empty() {
                    out.open("div").class("nhsuk-radios__divider");
                    out.text(&item.divider).close("div");
                    continue;
                }
                let answer = Answer {
                    kind: "radio",
                    block: "nhsuk-radios",
                    id: &item_id(&item.id, prefix, index),
                    name: &self.name,
                    is_checked: item.checked.unwrap_or(!self.value.is_empty() && item.value == self.value),
                    is_disabled: item.disabled.unwrap_or(self.disabled),
                    behaviour: "",
                    behaviour_group: "",
                    described_by: "",
                    hidden_without_scripts: false,
                };
                answer.render(out, item);
            }
        });
    }
}
