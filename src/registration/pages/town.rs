//! The town that stands in the shared mailbox's display name.

use super::{Asking, Question, onwards};
use crate::registration::answer::OneAnswer;
use crate::registration::answers::parse_town;
use crate::registration::journey::Page;
use crate::web::components::Html;
use crate::web::{Answer, Fields, Form, Problems};

const FIELD: &str = "town";

/// The town as it was given, or as the register has it where that is short enough.
fn known_town(asking: &Asking) -> Option<String> {
    let answers = asking.answers();
    let letters_max = usize::from(asking.app.settings.town_letters_max);
    answers.town.clone().or_else(|| parse_town(&answers.site.as_ref()?.town, letters_max).ok())
}

fn page_of(asking: &Asking, form: Form) -> Question {
    let site = asking.answers().site.as_ref();
    let display = site.map_or_else(String::new, |site| {
        format!("Care.{} ({}, your town or city)", site.ods_code, site.name)
    });
    let letters_max = asking.app.settings.town_letters_max;
    let title = "Which town or city is your site in?";
    let field = form
        .text(FIELD, title)
        .hinted(&format!(
            "Up to {letters_max} characters. People who look for your mailbox see it, like this: {display}."
        ))
        .as_heading()
        .twenty_wide()
        .filled_as("address-level2");
    let layout = asking.layout(Page::Town, title, &form);
    let field = Html::of(&field);
    Question::new(layout, form, field)
}

pub fn show(asking: &Asking) -> Answer {
    let known = known_town(asking);
    let fields = known.map_or_else(Fields::default, |town| Fields::from_pairs([(FIELD, town.as_str())]));
    asking.visit.show_form(fields, |form| page_of(asking, form))
}

pub async fn save(asking: &Asking, fields: Fields) -> Answer {
    let saved = match parse_town(fields.text(FIELD), usize::from(asking.app.settings.town_letters_max)) {
        Ok(town) => asking.save(FIELD, OneAnswer::Town(town)).await?,
        Err(words) => Err(Problems::one(FIELD, words).into()),
    };
    match saved {
        Ok(answers) => onwards(&answers, Page::Town),
        Err(again) => asking.visit.show_again(fields, again, |form| page_of(asking, form)),
    }
}
