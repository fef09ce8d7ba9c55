use serde::Deserialize;

use super::error_message::ErrorMessage;
use super::fieldset::Fieldset;
use super::form_group::{Described, FormGroup, id_or_name};
use super::hint::Hint;
use super::html::{Attributes, Classes, Component, Html, Markup, component};
use super::label::Label;
use super::radios::{Answer, Conditional, Group, RadiosItem, item_id};

/// Lets people choose any number of answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Checkboxes {
    pub id: String,
    /// Ids of further elements that describe the answers, separated by spaces.
    pub described_by: String,
    pub fieldset: Option<Fieldset>,
    pub hint: Option<Hint>,
    pub error_message: Option<ErrorMessage>,
    pub form_group: FormGroup,
    /// What the ids of the answers begin with; the name where nothing is said.
    pub id_prefix: String,
    pub name: String,
    pub items: Vec<CheckboxesItem>,
    /// The values of the answers that are chosen.
    pub values: Vec<String>,
    pub disabled: bool,
    pub inline: bool,
    pub small: bool,
    pub classes: String,
    pub attributes: Attributes,
}

/// One answer, or a word between answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct CheckboxesItem {
    pub id: String,
    /// The name of the group where nothing is said.
    pub name: String,
    pub text: String,
    pub html: Option<Html>,
    pub value: String,
    pub label: Label,
    pub hint: Option<Hint>,
    /// A word such as "or"; makes the item no answer.
    pub divider: String,
    /// Chosen or not, whatever the values of the group.
    pub checked: Option<bool>,
    /// What is asked when this answer is chosen.
    pub conditional: Option<Conditional>,
    /// What choosing this answer does to others.
    pub behaviour: Option<CheckboxBehaviour>,
    pub behaviour_group: String,
    pub disabled: Option<bool>,
    pub classes: String,
    pub attributes: Attributes,
}

/// What choosing an answer does to the other answers of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckboxBehaviour {
    /// It takes back the others, as "None of these" does.
    Exclusive,
    /// It chooses all the others, as "Select all" does; needs scripts.
    Inclusive,
}

component!(Checkboxes);

impl Component for Checkboxes {
    fn render(&self, out: &mut Markup) {
        let prefix = id_or_name(&self.id_prefix, &self.name);
        let by_fieldset = self.fieldset.as_ref().map_or("", |fieldset| fieldset.described_by.as_str());
        let also_by = if by_fieldset.is_empty() { &self.described_by } else { by_fieldset };
        let described = Described::new(prefix, also_by, &self.hint, &self.error_message);
        let group = Group {
            module: "nhsuk-checkboxes",
            id: &self.id,
            classes: Classes::new("nhsuk-checkboxes")
                .when(self.small, "nhsuk-checkboxes--small")
                .when(self.inline, "nhsuk-checkboxes--inline")
                .and(&self.classes),
            attributes: &self.attributes,
            fieldset: &self.fieldset,
            form_group: &self.form_group,
            described: &described,
            is_wrong: self.error_message.is_some(),
        };
        group.render(out, |out| {
            for (index, item) in self.items.iter().enumerate() {
                let needs_scripts = item.behaviour == Some(CheckboxBehaviour::Inclusive);
                if !item.divider.is_empty() {
                    out.open("div").classes(
                        Classes::new("nhsuk-checkboxes__divider")
                            .when(needs_scripts, "nhsuk-u-frontend-not-supported-hidden"),
                    );
                    out.text(&item.divider).close("div");
                    continue;
                }
                let answer = Answer {
                    kind: "checkbox",
                    block: "nhsuk-checkboxes",
                    id: &item_id(&item.id, prefix, index),
                    name: id_or_name(&item.name, &self.name),
                    is_checked: item.checked.unwrap_or(self.values.contains(&item.value)),
                    is_disabled: item.disabled.unwrap_or(self.disabled),
                    behaviour: match item.behaviour {
                        Some(CheckboxBehaviour::Exclusive) => "exclusive",
                        Some(CheckboxBehaviour::Inclusive) => "inclusive",
                        None => "",
                    },
                    behaviour_group: &item.behaviour_group,
                    described_by: if self.fieldset.is_some() { "" } else { &described.by },
                    hidden_without_scripts: needs_scripts,
                };
                answer.render(
                    out,
                    &RadiosItem {
                        text: item.text.clone(),
                        html: item.html.clone(),
                        value: item.value.clone(),
                        label: item.label.clone(),
                        hint: item.hint.clone(),
                        conditional: item.conditional.clone(),
                        classes: item.classes.clone(),
                        attributes: item.attributes.clone(),
                        ..RadiosItem::default()
                    },
                );
            }
        });
    }
}
