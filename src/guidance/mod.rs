//! The support site: articles that people live on when nobody can be asked.
//!
//! Articles are Markdown with front matter in `words/`, so that people who do not write Rust can
//! write them. They are read and rendered once, at start, and are the same for everybody. Numbers
//! and addresses stand in them as marks like `{{account_quota_gib}}` and are filled in from the
//! settings ([`marks`]), so that an article cannot disagree with the service.
//!
//! A file that is broken (front matter, a mark nobody knows, a link that leads nowhere) is refused
//! at start by name and line; nothing is half shown. `words_folder` lets an operator use files of
//! their own.
//!
//! Beside the articles stands what people can write to us about ([`contact`]); what they send becomes an
//! enquiry, which belongs to `service_desk`.
//!
//! What is deliberately not here: any word about one visitor. Votes whether a page helped are counts.

pub mod article;
pub mod contact;
mod markdown;
pub mod marks;
pub mod moves;
pub mod pages;
pub mod reading_age;
pub mod search;
pub mod store;
pub mod which_route;

use crate::clock::Day;
use crate::service_status;
use crate::settings::Settings;
use crate::web::form::encoded;
use crate::web::xml::escaped;
use article::Article;
use marks::Marks;
use search::SearchIndex;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

include!(concat!(env!("OUT_DIR"), "/words.rs"));

/// The file that lists the sections.
const SECTIONS: &str = "sections.txt";
/// The file that lists words which mean the same.
const SYNONYMS: &str = "synonyms.txt";
/// The largest file we take, in bytes: ten times our longest article.
const FILE_MAX: u64 = 100_000;
/// The most files we take: a search that looks at more would need another index.
const FILES_MAX: usize = 500;
/// Names that stand for pages of the support site and cannot be those of articles.
const TAKEN: [&str; 4] = ["search", "which-route", "sections", "feed.xml"];

/// A part of the support site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub slug: String,
    pub title: String,
    pub summary: String,
}

/// Everything the support site shows, rendered and ready to be searched.
#[derive(Debug)]
pub struct Library {
    /// In the order of the sections, and in one of them as the first article's links lead.
    pub articles: Vec<Article>,
    pub sections: Vec<Section>,
    pub index: SearchIndex,
    /// The Atom feed of changes.
    pub feed: String,
    pub sitemap: String,
    /// How long after its last review an article is due again.
    review_months: u8,
}

/// Where an article is.
pub fn path(slug: &str) -> String {
    format!("/support/{slug}")
}

impl Library {
    /// Reads the words built in, or those of `words_folder`.
    ///
    /// # Errors
    /// A line for everything that is wrong, by the name of the file and the line in it.
    pub fn open(settings: &Settings) -> Result<Self, Vec<String>> {
        match &settings.words_folder {
            None => {
                let files = BUILT_IN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
                Self::of(files.collect(), settings)
            }
            Some(folder) => Self::of(read_folder(folder)?, settings),
        }
    }

    /// Makes the library of files by their names.
    ///
    /// # Errors
    /// As [`Library::open`].
    pub fn of(files: BTreeMap<String, String>, settings: &Settings) -> Result<Self, Vec<String>> {
        let marks = Marks::of(settings);
        let mut wrong = Vec::new();
        let sections = read_sections(files.get(SECTIONS).map_or("", String::as_str), &mut wrong);
        let mut articles = Vec::new();
        for (name, text) in files.iter().filter(|(name, _)| name.ends_with(".md")) {
            match Article::parse(name, text, &marks) {
                Ok(article) => articles.push(article),
                Err(problems) => wrong.extend(problems),
            }
        }
        // A link to an article that could not be read is no second fault.
        if wrong.is_empty() {
            wrong.extend(disagreements(&articles, &sections));
        }
        if articles.is_empty() {
            wrong.push("there is no article".to_owned());
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let place = |article: &Article| sections.iter().position(|section| section.slug == article.section);
        articles.sort_by(|one, other| {
            (place(one), one.place, &one.title).cmp(&(place(other), other.place, &other.title))
        });
        let index = SearchIndex::of(&articles, &sections, files.get(SYNONYMS).map_or("", String::as_str));
        Ok(Library {
            feed: feed(&articles, settings),
            sitemap: sitemap(&articles, &sections, settings),
            review_months: settings.review_months,
            articles,
            sections,
            index,
        })
    }

    pub fn find(&self, slug: &str) -> Option<&Article> {
        self.articles.iter().find(|article| article.slug == slug)
    }

    pub fn section(&self, slug: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.slug == slug)
    }

    pub fn of_section<'a>(&'a self, slug: &'a str) -> impl Iterator<Item = &'a Article> {
        self.articles.iter().filter(move |article| article.section == slug)
    }

    /// The reading age of every article, as Markdown.
    pub fn reading_ages(&self) -> String {
        let mut text = String::from(
            "# Reading age\n\nHow old somebody must be, at school, to read an article with ease: the Flesch-Kincaid grade and\n\
             five years. Sentences are counted, in paragraphs and in lists; headings, tables and points that are\n\
             no sentences are not, as they would make a text look easier than it is. We write for 9 to 11 and\n\
             refuse more. This page is made from the articles by `make docs`.\n\n\
             | article | words | reading age |\n|---|---|---|\n",
        );
        for article in &self.articles {
            let words: usize =
                article.sentences.iter().map(|sentence| sentence.split_whitespace().count()).sum();
            let age = reading_age::of(&article.sentences);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| {} | {words} | {age:.1} |", article.title);
        }
        text
    }

    /// By when an article is to be reviewed again.
    pub fn review_due(&self, article: &Article) -> Day {
        article.reviewed_on.months_later(self.review_months)
    }
}

/// What single files cannot see of each other.
fn disagreements(articles: &[Article], sections: &[Section]) -> Vec<String> {
    let mut wrong = Vec::new();
    for article in articles {
        let name = format!("{}.md", article.slug);
        if TAKEN.contains(&article.slug.as_str()) {
            wrong.push(format!("{name}: an article cannot have this name"));
        }
        if !sections.iter().any(|section| section.slug == article.section) {
            wrong.push(format!("{name}: the section “{}” is not in {SECTIONS}", article.section));
        }
        for related in &article.related {
            if related == &article.slug || !articles.iter().any(|other| &other.slug == related) {
                wrong.push(format!("{name}: the related article “{related}” is not there"));
            }
        }
        for link in &article.links {
            let (page, anchor) = link.to.split_once('#').unwrap_or((&link.to, ""));
            let leads_to = match page.strip_prefix("/support/") {
                _ if page.is_empty() => Some(article),
                Some(slug) if !TAKEN.contains(&slug) && !slug.starts_with("sections/") => {
                    let found = articles.iter().find(|other| other.slug == slug);
                    if found.is_none() {
                        wrong.push(format!("{name} line {}: there is no article {page}", link.line));
                    }
                    found
                }
                Some(_) | None => None,
            };
            if let Some(target) = leads_to
                && !anchor.is_empty()
                && !target.headings.iter().any(|heading| heading.id == anchor)
            {
                wrong.push(format!("{name} line {}: “{}” has no heading #{anchor}", link.line, target.title));
            }
        }
    }
    wrong
}

/// The lines of a list that are not empty and not a remark, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(place, line)| (place + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn read_sections(text: &str, wrong: &mut Vec<String>) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for (number, line) in lines(text) {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        match parts.as_slice() {
            [slug, title, summary]
                if markdown::is_slug(slug)
                    && !title.is_empty()
                    && !sections.iter().any(|known| known.slug == *slug) =>
            {
                sections.push(Section {
                    slug: (*slug).to_owned(),
                    title: (*title).to_owned(),
                    summary: (*summary).to_owned(),
                });
            }
            _ => wrong.push(format!(
                "{SECTIONS} line {number}: must be an address of small letters, a title and a summary, with | between"
            )),
        }
    }
    if sections.is_empty() {
        wrong.push(format!("{SECTIONS}: names no section"));
    }
    sections
}

fn read_folder(folder: &Path) -> Result<BTreeMap<String, String>, Vec<String>> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| vec![format!("{}: {error}", path.display())];
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(folder, &error))? {
        let path = entry.map_err(|error| failed(folder, &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.ends_with(".md") && name != SECTIONS && name != SYNONYMS {
            continue;
        }
        let size = std::fs::metadata(&path).map_err(|error| failed(&path, &error))?.len();
        if size > FILE_MAX || files.len() >= FILES_MAX {
            return Err(vec![format!(
                "{}: at most {FILES_MAX} files of at most {FILE_MAX} bytes are taken",
                path.display()
            )]);
        }
        files.insert(name, std::fs::read_to_string(&path).map_err(|error| failed(&path, &error))?);
    }
    Ok(files)
}

/// What changed, newest first, for programs that watch it (RFC 4287).
fn feed(articles: &[Article], settings: &Settings) -> String {
    let home = escaped(&settings.public_address);
    let mut newest: Vec<&Article> = articles.iter().collect();
    newest.sort_by(|one, other| (other.updated_on, &one.title).cmp(&(one.updated_on, &other.title)));
    let at = |day: Day| day.starts_at().rfc3339();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\">\n\
         <title>{} support: what has changed</title>\n<id>{home}/support</id>\n\
         <link rel=\"self\" href=\"{home}/support/feed.xml\"/>\n<link href=\"{home}/support\"/>\n\
         <updated>{}</updated>\n<author><name>{}</name></author>\n",
        escaped(&settings.service_name),
        newest.first().map_or_else(String::new, |article| at(article.updated_on)),
        escaped(&settings.service_name),
    );
    for article in newest {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "<entry><title>{}</title><id>{home}{path}</id><link href=\"{home}{path}\"/><updated>{}</updated><summary>{}</summary></entry>",
            escaped(&article.title),
            at(article.updated_on),
            escaped(&article.summary),
            path = path(&article.slug),
        );
    }
    text.push_str("</feed>\n");
    text
}

/// Every page of the support site, for search engines.
fn sitemap(articles: &[Article], sections: &[Section], settings: &Settings) -> String {
    let home = escaped(&settings.public_address);
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
    );
    let mut add = |path: &str, changed: Option<Day>| {
        let changed = changed.map_or_else(String::new, |day| format!("<lastmod>{}</lastmod>", day.iso()));
        let _ = writeln!(text, "<url><loc>{home}{path}</loc>{changed}</url>");
    };
    let pages =
        ["/", "/register", "/support", "/support/which-route", "/contact", "/feedback", service_status::PATH];
    for page in pages {
        add(page, None);
    }
    for section in sections {
        add(&format!("/support/sections/{}", encoded(&section.slug)), None);
    }
    for article in articles {
        add(&path(&article.slug), Some(article.updated_on));
    }
    text.push_str("</urlset>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::defaults().expect("the defaults are right")
    }

    fn files(changes: &[(&str, &str)]) -> BTreeMap<String, String> {
        let article = |title: &str, related: &str| {
            format!(
                "---\ntitle: {title}\nsection: joining\nsummary: About it.\naudience: Everyone\n\
                 last reviewed: 2026-01-31\nupdated: 2026-02-01\nrelated: {related}\nsources: our own\n---\n\nWords.\n\n## A part\n\nMore.\n"
            )
        };
        let mut files = BTreeMap::from([
            ("sections.txt".to_owned(), "joining | Joining | How to.\n".to_owned()),
            ("one.md".to_owned(), article("One", "two")),
            ("two.md".to_owned(), article("Two", "one")),
        ]);
        for (name, text) in changes {
            let known = files.remove(*name).unwrap_or_default();
            files.insert((*name).to_owned(), text.replace("{{known}}", &known));
        }
        files
    }

    #[test]
    fn the_words_built_in_are_right() {
        let library = Library::open(&settings()).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
        assert!(library.articles.len() >= 30, "{} articles", library.articles.len());
        for section in &library.sections {
            assert!(library.of_section(&section.slug).next().is_some(), "{} is empty", section.title);
        }
    }

    #[test]
    fn the_article_says_who_looks_after_accounts_as_the_registration_does() {
        let mut settings = settings();
        settings.central_team = "Central Desk".to_owned();
        settings.own_team_reach = "extension 5".to_owned();
        let library = Library::open(&settings).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
        let html = library.find("register-a-care-organisation").map_or("", |article| article.html.as_str());
        let text: String =
            html.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for line in crate::registration::after_set_up::lines(&settings) {
            for words in [line.joined, &line.who, &line.reach] {
                assert!(text.contains(words), "“{words}” is not in {text}");
            }
        }
    }

    #[test]
    fn what_files_say_of_each_other_must_be_so() {
        assert!(Library::of(files(&[]), &settings()).is_ok());
        for (changes, words) in [
            (
                ("one.md", "{{known}}\nSee [two](/support/three).\n"),
                "one.md line 18: there is no article /support/three",
            ),
            (
                ("one.md", "{{known}}\nSee [two](/support/two#b).\n"),
                "one.md line 18: “Two” has no heading #b",
            ),
            (("one.md", "{{known}}\nSee [this](#b).\n"), "“One” has no heading #b"),
            (
                ("sections.txt", "other | Other | No.\n"),
                "one.md: the section “joining” is not in sections.txt",
            ),
            (("sections.txt", "Joining\n"), "sections.txt line 1"),
            (("sections.txt", ""), "sections.txt: names no section"),
            (
                (
                    "search.md",
                    "---\ntitle: S\nsection: joining\nsummary: s\naudience: a\nlast reviewed: 2026-01-01\nupdated: 2026-01-01\nrelated: one\nsources: own\n---\nWords.\n",
                ),
                "search.md: an article cannot have this name",
            ),
        ] {
            let wrong = Library::of(files(&[changes]), &settings()).expect_err(words);
            assert!(wrong.iter().any(|line| line.contains(words)), "{words}: {wrong:#?}");
        }
        let mut alone = files(&[]);
        alone.remove("two.md");
        let wrong = Library::of(alone, &settings()).expect_err("the related article is gone");
        assert_eq!(wrong, ["one.md: the related article “two” is not there"]);
        assert!(
            Library::of(files(&[("one.md", "{{known}}\nSee [part](/support/two#a-part).\n")]), &settings())
                .is_ok()
        );
    }

    #[test]
    fn an_operator_may_have_words_of_their_own() {
        let folder = std::env::temp_dir().join("carepost-tests").join(crate::id::new_token());
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, text) in files(&[]) {
            std::fs::write(folder.join(name), text).expect("written");
        }
        let mut settings = settings();
        settings.words_folder = Some(folder.clone());
        assert_eq!(Library::open(&settings).expect("read").articles.len(), 2);
        std::fs::write(folder.join("two.md"), "No front matter").expect("written");
        let wrong = Library::open(&settings).expect_err("refused");
        assert!(wrong[0].starts_with("two.md line 1: "), "{wrong:?}");
        settings.words_folder = Some(folder.join("nowhere"));
        assert!(Library::open(&settings).expect_err("refused")[0].contains("nowhere"));
    }

    #[test]
    fn a_review_is_due_a_year_later() {
        let library = Library::of(files(&[]), &settings()).expect("right");
        assert_eq!(library.review_due(&library.articles[0]).iso(), "2027-01-31");
    }

    #[test]
    fn feed_and_sitemap_name_every_article() {
        let library = Library::of(files(&[]), &settings()).expect("right");
        let mut wanted = String::new();
        for article in &library.articles {
            let _ = write!(wanted, "{} ", article.slug);
            let link = format!("http://127.0.0.1:8080{}", path(&article.slug));
            assert!(library.feed.contains(&link) && library.sitemap.contains(&link), "{link}");
        }
        assert_eq!(wanted, "one two ");
        assert!(library.feed.contains("<updated>2026-02-01T00:00:00Z</updated>"), "{}", library.feed);
        assert!(library.sitemap.contains("<lastmod>2026-02-01</lastmod>"));
    }
}
