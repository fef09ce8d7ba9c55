//! The town that stands in the shared mailbox's display name.

use super::{Asking, Question, again, onwards};
use crate::registration::answers::parse_town;
use crate::registration::journey::Page;
use crate::web::components::Html;
use crate::web::{Answer, Fields, Form, Problems, show as show_page};

const FIELD: &str = "town";

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
    let answers = asking.answers();
    let known = answers.town.clone().or_else(|| {
        // The register's town, where it is short enough.
        let town = answers.site.as_ref()?.town.clone();
        parse_town(&town, usize::from(asking.app.settings.town_letters_max)).ok()
    });
    let fields = known.map_or_else(Fields::default, |town| Fields::from_pairs([(FIELD, town.as_str())]));
    show_page(&page_of(asking, asking.visit.form(fields, Problems::none())), &Problems::none())
}

pub async fn save(asking: &Asking, fields: Fields) -> Answer {
    match parse_town(fields.text(FIELD), usize::from(asking.app.settings.town_letters_max)) {
        Ok(town) => {
            let answers = asking.keep(move |answers| answers.town = Some(town)).await?;
            onwards(&answers, Page::Town)
        }
        Err(words) => {
            let problems = Problems::one(FIELD, words);
            show_page(&page_of(asking, again(asking, fields, problems.clone())), &problems)
        }
    }
}
