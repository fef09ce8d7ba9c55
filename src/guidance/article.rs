//! One article: its front matter, and its words rendered.
//!
//! ```text
//! ---
//! title: Find your codes
//! section: joining
//! summary: What each code looks like.
//! audience: Registrants
//! last reviewed: 2026-11-20
//! updated: 2026-11-20
//! related: dspt, before-you-register
//! also called: v code, site number        (what else people call it; may be left out)
//! place: 2                                (among the articles of its section; may be left out)
//! sources: where facts from outside come from
//! ---
//! ```

use super::markdown::{self, Body, Heading, Link, is_slug};
use super::marks::Marks;
use crate::clock::Day;
use crate::web::components::Html;
use std::collections::BTreeMap;

/// Longest title, in letters: what a browser's tab and a search result show.
const TITLE_MAX: usize = 70;
/// Longest summary, in letters: what search engines show of it.
const SUMMARY_MAX: usize = 160;

const REQUIRED: [&str; 8] =
    ["title", "section", "summary", "audience", "last reviewed", "updated", "related", "sources"];
const MAY_BE_LEFT_OUT: [&str; 2] = ["also called", "place"];
/// Where an article stands that does not say.
const LAST_PLACE: u16 = u16::MAX;

/// One article as it is shown and searched.
#[derive(Clone, Debug)]
pub struct Article {
    /// Its address below `/support/`: the name of its file.
    pub slug: String,
    pub title: String,
    pub section: String,
    pub summary: String,
    /// Whom it is for.
    pub audience: Vec<String>,
    pub reviewed_on: Day,
    pub updated_on: Day,
    pub related: Vec<String>,
    /// What else people call it, for the search.
    pub also_called: String,
    pub sources: String,
    /// Among the articles of its section.
    pub place: u16,
    pub html: Html,
    pub headings: Vec<Heading>,
    pub links: Vec<Link>,
    /// Its sentences as text, for the search and the reading age; no tables and headings.
    pub sentences: Vec<String>,
    /// Words of its tables and code, for the search.
    pub further_words: String,
}

/// Words between commas.
fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Front matter: what it says with the line, where it ends, and what is wrong with it.
type FrontMatter<'a> = (BTreeMap<&'a str, (usize, &'a str)>, usize, Vec<(usize, String)>);

fn front_matter(text: &str) -> FrontMatter<'_> {
    let mut said = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut lines = text.lines().enumerate().map(|(place, line)| (place + 1, line.trim_end()));
    if lines.next().is_none_or(|(_, line)| line.trim_start_matches('\u{feff}') != "---") {
        return (said, 0, vec![(1, "must begin with --- and its front matter".to_owned())]);
    }
    for (number, line) in lines {
        if line == "---" {
            return (said, number, wrong);
        }
        if line.trim().is_empty() {
            continue;
        }
        let Some((key, value)) = line.split_once(':').map(|(key, value)| (key.trim(), value.trim())) else {
            wrong.push((number, "must be a name, a colon and words".to_owned()));
            continue;
        };
        if !REQUIRED.contains(&key) && !MAY_BE_LEFT_OUT.contains(&key) {
            wrong.push((number, format!("“{key}” is not known; known are {}", REQUIRED.join(", "))));
        } else if value.is_empty() {
            wrong.push((number, format!("{key} is empty")));
        } else if said.insert(key, (number, value)).is_some() {
            wrong.push((number, format!("{key} is there twice")));
        }
    }
    wrong.push((1, "the front matter does not end with ---".to_owned()));
    (said, 0, wrong)
}

impl Article {
    /// Reads and renders a file.
    ///
    /// # Errors
    /// A line for everything that is wrong: the file's name, the line in it, and what to do.
    pub fn parse(file: &str, text: &str, marks: &Marks) -> Result<Self, Vec<String>> {
        let at = |(line, words): (usize, String)| format!("{file} line {line}: {words}");
        let (said, end, mut wrong) = front_matter(text);
        if end == 0 {
            return Err(wrong.into_iter().map(at).collect());
        }
        for key in REQUIRED.iter().filter(|key| !said.contains_key(*key)) {
            wrong.push((1, format!("{key} is missing from the front matter")));
        }
        let slug = file.trim_end_matches(".md");
        if !is_slug(slug) {
            wrong.push((1, "the file's name must be small letters, digits and hyphens".to_owned()));
        }
        let get = |key: &str| said.get(key).copied().unwrap_or((1, ""));
        for (key, most) in [("title", TITLE_MAX), ("summary", SUMMARY_MAX)] {
            let (line, value) = get(key);
            if value.chars().count() > most {
                wrong.push((line, format!("{key} must be {most} characters or fewer")));
            }
        }
        let mut day = |key: &str| {
            let (line, value) = get(key);
            let day = Day::parse_iso(value);
            if day.is_none() && !value.is_empty() {
                wrong.push((line, format!("{key} must be a day like 2026-11-20")));
            }
            day.unwrap_or(Day { year: 1970, month: 1, day: 1 })
        };
        let (reviewed_on, updated_on) = (day("last reviewed"), day("updated"));
        let place = match get("place") {
            (_, "") => LAST_PLACE,
            (line, value) => value.parse().unwrap_or_else(|_| {
                wrong.push((line, "place must be a whole number".to_owned()));
                LAST_PLACE
            }),
        };
        let marks = marks.with("reviewed_on", reviewed_on.to_string());
        let mut filled = |key: &str| {
            let (line, value) = get(key);
            marks.fill(value).map(|text| text.replace('\\', "")).unwrap_or_else(|words| {
                wrong.push((line, words));
                String::new()
            })
        };
        let (title, summary) = (filled("title"), filled("summary"));
        let body = text.lines().skip(end).collect::<Vec<_>>();
        let Body { html, headings, links, sentences, further_words } =
            markdown::render(&body, end + 1, &marks, &mut wrong);
        if sentences.is_empty() {
            wrong.push((end, "the article has no words".to_owned()));
        }
        if !wrong.is_empty() {
            wrong.sort_by_key(|(line, _)| *line);
            return Err(wrong.into_iter().map(at).collect());
        }
        Ok(Article {
            slug: slug.to_owned(),
            title,
            section: get("section").1.to_owned(),
            summary,
            audience: list(get("audience").1),
            reviewed_on,
            updated_on,
            related: list(get("related").1),
            also_called: get("also called").1.to_owned(),
            sources: get("sources").1.to_owned(),
            place,
            html: Html::trusted(html),
            headings,
            links,
            sentences,
            further_words,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    const FRONT: &str = "---\ntitle: T\nsection: joining\nsummary: S\naudience: Owners, Members\n\
        last reviewed: 2026-11-20\nupdated: 2026-11-21\nrelated: a, b\nsources: own\n---\n";

    fn parse(file: &str, text: &str) -> Result<Article, Vec<String>> {
        Article::parse(file, text, &Marks::of(&Settings::defaults().expect("the defaults are right")))
    }

    #[test]
    fn front_matter_is_read() {
        let article =
            parse("a-b.md", &format!("{FRONT}\nUp to {{{{people_max}}}} people.\n")).expect("right");
        assert_eq!((article.slug.as_str(), article.title.as_str()), ("a-b", "T"));
        assert_eq!(article.audience, ["Owners", "Members"]);
        assert_eq!(article.related, ["a", "b"]);
        assert_eq!(article.updated_on.to_string(), "21 November 2026");
        assert_eq!(article.sentences, ["Up to 10 people."]);
    }

    #[test]
    fn broken_files_are_refused_by_name_and_line() {
        let check = |text: &str, expect: &str| {
            let wrong = parse("bad.md", text).expect_err(expect);
            assert!(wrong.iter().any(|line| line.contains(expect)), "{expect}: {wrong:?}");
        };
        check("", "bad.md line 1: must begin with ---");
        check("Just words", "bad.md line 1: must begin with ---");
        check("---\ntitle: T\n", "bad.md line 1: the front matter does not end");
        check("---\ntitle: T\n---\nWords.", "bad.md line 1: section is missing");
        let with = |from: &str, to: &str| format!("{}\nWords.\n", FRONT.replace(from, to));
        check(&with("title: T", "title"), "bad.md line 2: must be a name, a colon and words");
        check(&with("title: T", "titel: T"), "bad.md line 2: “titel” is not known");
        check(&with("title: T", "title:"), "bad.md line 2: title is empty");
        check(&with("title: T", "title: T\ntitle: U"), "bad.md line 3: title is there twice");
        check(&with("2026-11-20", "20/11/2026"), "bad.md line 6: last reviewed must be a day");
        check(&with("2026-11-21", "2026-02-30"), "bad.md line 7: updated must be a day");
        check(
            &with("summary: S", &format!("summary: {}", "s".repeat(161))),
            "bad.md line 4: summary must be 160",
        );
        check(&with("title: T", "title: {{nothing}}"), "bad.md line 2: there is no mark {{nothing}}");
        check(
            &with("sources: own", "sources: own\nplace: first"),
            "bad.md line 10: place must be a whole number",
        );
        check(FRONT, "the article has no words");
        check(&format!("{FRONT}\nWords {{{{no_such}}}}.\n"), "bad.md line 12: there is no mark {{no_such}}");
        let wrong = parse("Bad Name.md", &format!("{FRONT}\nWords.\n")).expect_err("its name");
        assert!(wrong[0].contains("small letters"), "{wrong:?}");
    }
}
