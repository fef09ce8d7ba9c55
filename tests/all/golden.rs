//! Every page in every state, compared with the page that somebody has read and kept; and what must
//! hold of each of them, whatever it says.
//!
//! What chance chooses (tokens, identifiers, references, numbers of requests, names of assets) is
//! replaced by fixed words first. `make golden` writes the pages anew.

use crate::bad_input::everything;
use crate::guest::{Guest, NO_ROOM, ROOM, does_all_work, letter, room, run};
use crate::harness::{Got, Harness, PASSWORD};
use carepost::clock::Span;
use carepost::database::{Error, Reads, transaction};
use carepost::outbox::transitions::StateKind;
use carepost::register::import;
use carepost::registration::answers::{SiteAnswer, Sites, Way};
use carepost::registration::journey::{PAGES, Page};
use carepost::registration::reasons::Reason;
use carepost::registration::{Draft, RegistrationState};
use carepost::sign_in::session::SessionKind;
use carepost::web::assets;
use carepost::work;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The pages that are kept, and what was found when this run compared with them.
struct Book {
    folder: PathBuf,
    writes: bool,
    /// Whether pages are compared at all.
    reads: bool,
    seen: BTreeSet<String>,
    differences: Vec<String>,
}

impl Book {
    #[expect(clippy::disallowed_methods, reason = "the golden files are written on request")]
    fn open() -> Self {
        Book {
            folder: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/all/golden")),
            writes: std::env::var("CAREPOST_TEST_GOLDEN").is_ok(),
            reads: true,
            seen: BTreeSet::new(),
            differences: Vec::new(),
        }
    }

    fn page(&mut self, name: &str, status: u16, got: &Got) {
        if !self.reads {
            return;
        }
        if got.status != status {
            let (title, _) = title_of(&got.body);
            self.differences.push(format!("{name}: {} {} “{title}”", got.status, got.location));
            return;
        }
        assert!(self.seen.insert(format!("{name}.html")), "two pages are called {name}");
        self.differences.extend(faults_of(&got.body).into_iter().map(|words| format!("{name}: {words}")));
        let now = fixed(&got.body);
        let file = self.folder.join(format!("{name}.html"));
        if self.writes {
            std::fs::create_dir_all(&self.folder).expect("a folder");
            std::fs::write(&file, &now).expect("written");
            return;
        }
        let then = std::fs::read_to_string(&file).unwrap_or_default();
        if let Some(line) = first_difference(&now, &then) {
            self.differences.push(format!("{name}: {line}"));
        }
    }

    fn close(self) {
        for file in std::fs::read_dir(&self.folder).expect("the kept pages") {
            let file = file.expect("a file");
            let name = file.file_name().to_string_lossy().into_owned();
            if !self.seen.contains(&name) {
                if self.writes {
                    std::fs::remove_file(file.path()).expect("removed");
                } else {
                    panic!("{name} is kept and no page of this test any more");
                }
            }
        }
        let differences = self.differences.join("\n");
        assert!(differences.is_empty(), "Run `make golden` and read what changed.\n{differences}");
    }
}

fn first_difference(now: &str, then: &str) -> Option<String> {
    if now == then {
        return None;
    }
    let line = now.lines().zip(then.lines()).position(|(now, then)| now != then);
    let line = line.unwrap_or_else(|| now.lines().count().min(then.lines().count()));
    let of = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").trim().to_owned();
    Some(format!("line {}\n    is   {}\n    was  {}", line + 1, of(now), of(then)))
}

/// A page with everything that chance chose replaced.
fn fixed(html: &str) -> String {
    let mut html = html.to_owned();
    for name in ["carepost.css", "init.js", "carepost.js", "icon.svg"] {
        html = html.replace(assets::path(name), &format!("/assets/{name}"));
    }
    let is_fault = html.contains("quote this number");
    let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut text = String::with_capacity(html.len());
    let mut rest = html.as_str();
    while let Some(start) = rest.find(is_of_word) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|letter| !is_of_word(letter)).unwrap_or(from.len()));
        text.push_str(before);
        let lengths: Vec<usize> = word.split('-').map(str::len).collect();
        let is_id = lengths == [8, 4, 4, 4, 12] && word.split('-').all(is_hex);
        let is_reference = word.starts_with("CP-")
            && lengths == [2, 4, 4]
            && word != "CP-7QPX-2M4H"
            && word == word.to_uppercase();
        text.push_str(if is_id {
            "an-id"
        } else if is_reference {
            "CP-XXXX-XXXX"
        } else if word.len() >= 32 && is_hex(word) {
            "a-token"
        } else if is_fault && word.len() == 10 && is_hex(word) && text.ends_with("<strong>") {
            "a-number"
        } else {
            word
        });
        rest = after;
    }
    text.push_str(rest);
    // Templates leave blank lines and trailing blanks where a part is not shown.
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines.join("\n") + "\n"
}

fn title_of(html: &str) -> (&str, &str) {
    html.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).unwrap_or_default()
}

/// One tag as it stands in a page.
struct Tag {
    name: String,
    attributes: BTreeMap<String, String>,
}

/// The tags of a page, in order. Enough for pages whose every text is escaped, which ours are.
fn tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = &comment[comment.find("-->").map_or(comment.len(), |end| end + 3)..];
            continue;
        }
        let end = rest.find(|letter: char| letter.is_whitespace() || letter == '>').unwrap_or(rest.len());
        let mut tag = Tag { name: rest[..end].to_owned(), attributes: BTreeMap::new() };
        rest = rest[end..].trim_start();
        while !rest.is_empty() && !rest.starts_with('>') {
            let end = rest.find(|letter: char| letter.is_whitespace() || "=>".contains(letter));
            let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
            let (value, after) = match after.strip_prefix("=\"") {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => ("", after.strip_prefix('=').unwrap_or(after)),
            };
            if tag.attributes.insert(name.to_owned(), value.to_owned()).is_some() {
                tag.attributes.insert("given twice".to_owned(), name.to_owned());
            }
            rest = after.trim_start();
        }
        tags.push(tag);
    }
    tags
}

/// What must hold of every page of ours, and does not hold of this one.
pub fn faults_of(html: &str) -> Vec<String> {
    let tags = tags(html);
    let mut faults = Vec::new();
    let mut must = |holds: bool, words: String| {
        if !holds {
            faults.push(words);
        }
    };
    let of = |tag: &Tag, name: &str| tag.attributes.get(name).cloned().unwrap_or_default();
    let headings = tags.iter().filter(|tag| tag.name == "h1").count();
    must(headings == 1, format!("{headings} headings of the first level"));
    let mut ids = BTreeSet::new();
    for tag in &tags {
        if let Some(id) = tag.attributes.get("id") {
            must(ids.insert(id.clone()), format!("two things have the id {id}"));
        }
    }
    let mut token_missing_in = None;
    for tag in &tags {
        let target =
            |attribute: &str| of(tag, attribute).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for attribute in ["for", "aria-describedby", "aria-labelledby", "aria-controls"] {
            for id in target(attribute) {
                must(ids.contains(&id), format!("<{} {attribute}> names {id}, which is not there", tag.name));
            }
        }
        if let Some(id) = of(tag, "href").strip_prefix('#') {
            must(ids.contains(id), format!("a link leads to #{id}, which is not there"));
        }
        must(
            !tag.attributes.contains_key("given twice"),
            format!("<{}> has {} twice", tag.name, of(tag, "given twice")),
        );
        must(
            tag.name != "style"
                && !tag.attributes.keys().any(|name| name == "style" || name.starts_with("on")),
            format!("<{}> has a style or script inline", tag.name),
        );
        must(tag.name != "script" || tag.attributes.contains_key("src"), "a script stands inline".to_owned());
        must(
            // The official header leaves it away, where it does no harm.
            tag.name != "button"
                || of(tag, "class").contains("nhsuk-header__")
                || tag.attributes.contains_key("type"),
            format!("a button of class “{}” has no type", of(tag, "class")),
        );
        match tag.name.as_str() {
            "form" if of(tag, "method") == "post" => token_missing_in = Some(of(tag, "action")),
            "input" if of(tag, "name") == "form_token" && !of(tag, "value").is_empty() => {
                token_missing_in = None
            }
            "/form" => {
                if let Some(action) = token_missing_in.take() {
                    must(false, format!("the form to “{action}” has no token"));
                }
            }
            _ => {}
        }
    }
    let (title, _) = title_of(html);
    must(
        title.starts_with("Error: ") == html.contains("nhsuk-error-summary\""),
        format!("the title is “{title}”, and the summary of errors does not agree"),
    );
    faults
}

#[test]
fn what_must_hold_is_noticed() {
    let good = "<title>A</title><h1 id=\"a\">A</h1><a href=\"#a\">x</a>\
                <form method=\"post\"><input name=\"form_token\" value=\"x\"></form>";
    assert_eq!(faults_of(good), Vec::<String>::new());
    for (bad, words) in [
        ("<title>A</title>", "0 headings"),
        ("<title>A</title><h1 id=\"a\"></h1><p id=\"a\">", "two things"),
        ("<title>A</title><h1></h1><label for=\"b\">", "names b"),
        ("<title>A</title><h1></h1><a href=\"#b\">", "#b"),
        ("<title>Error: A</title><h1></h1>", "does not agree"),
        ("<title>A</title><h1></h1><h2 class=\"nhsuk-error-summary\">", "does not agree"),
        ("<title>A</title><h1 style=\"x\"></h1>", "inline"),
        ("<title>A</title><h1></h1><script>x</script>", "inline"),
        ("<title>A</title><h1></h1><form method=\"post\" action=\"/x\"></form>", "no token"),
        ("<title>A</title><h1 class=\"a\" class=\"b\"></h1>", "twice"),
    ] {
        assert!(faults_of(bad).join(" ").contains(words), "{bad}: {:?}", faults_of(bad));
    }
    let same = fixed("<b>0199f0c0-0000-7000-8000-000000000000</b> CP-9QPX-2M4H CP-7QPX-2M4H 1-530528300");
    assert_eq!(same, "<b>an-id</b> CP-XXXX-XXXX CP-7QPX-2M4H 1-530528300\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn golden_pages() {
    let mut book = Book::open();
    walk(&mut book).await;
    refusals_and_faults(&mut book).await;
    book.close();
}

/// Goes through every page and form without comparing what they show.
pub async fn walk_without_reading() {
    let mut book = Book::open();
    book.reads = false;
    walk(&mut book).await;
}

async fn walk(book: &mut Book) {
    support_site(book).await;
    writing_to_us(book).await;
    service_status(book).await;
    before_you_start(book).await;
    your_site(book).await;
    people_and_sending(book).await;
    ways_out(book).await;
    coming_back(book).await;
    status(book).await;
    stopping(book).await;
    stopping_what_joined(book).await;
    freezing_a_site(book).await;
    activating(book).await;
    signing_in(book).await;
    my_account(book).await;
    sites(book).await;
    mail_server(book).await;
    case_work(book).await;
}

/// A question: as it is asked, with each problem, and filled in afterwards.
async fn question(
    book: &mut Book,
    guest: &mut Guest<'_>,
    slug: &str,
    problems: &[(&str, &[(&str, &str)])],
    right: &[(&str, &str)],
) -> String {
    let (path, name) = (format!("/register/{slug}"), format!("register-{slug}").replace('/', "-"));
    book.page(&name, 200, &guest.get(&path).await);
    for (what, fields) in problems {
        book.page(&format!("{name}-{what}"), 422, &guest.post(&path, fields).await);
    }
    let next = guest.passes(&path, right).await;
    let again = guest.get(&path).await;
    if again.status == 200 {
        book.page(&format!("{name}-filled"), 200, &again);
    }
    next
}

/// The support site. Of its articles only those with every kind of part are kept, so that whoever
/// edits words need not keep pages; `support.rs` looks at all of them.
async fn support_site(book: &mut Book) {
    let harness = Harness::new(false).await;
    let mut amy = Guest::new(&harness);
    book.page("home", 200, &amy.get("/").await);
    let known = "social-care=yes&cqc=yes&hospice=no&had-before=no";
    for (name, path) in [
        ("support", "/support"),
        ("support-section", "/support/sections/joining"),
        ("support-article", "/support/activate-your-account"),
        ("support-article-check-list", "/support/before-you-register"),
        ("support-article-helped", "/support/hospices?voted=yes"),
        ("support-article-did-not-help", "/support/hospices?voted=no"),
        ("support-search", "/support/search"),
        ("support-search-found", "/support/search?q=my+fone+was+stollen"),
        ("support-search-nothing", "/support/search?q=xyzzyqwv"),
        ("support-which-route", "/support/which-route"),
        ("support-which-route-second", "/support/which-route?social-care=yes"),
        ("support-which-route-not-social-care", "/support/which-route?social-care=no"),
        ("support-which-route-not-cqc", "/support/which-route?social-care=yes&cqc=no"),
        ("support-which-route-hospice", "/support/which-route?social-care=yes&cqc=yes&hospice=yes"),
        (
            "support-which-route-had-before",
            "/support/which-route?social-care=yes&cqc=yes&hospice=no&had-before=yes",
        ),
        ("support-which-route-one-site", &format!("/support/which-route?{known}&sites=one")),
        (
            "support-which-route-several-sites",
            &format!("/support/which-route?{known}&sites=several&it-team=no"),
        ),
        (
            "support-which-route-self-management",
            &format!("/support/which-route?{known}&sites=several&it-team=yes&people=yes"),
        ),
    ] {
        book.page(name, 200, &amy.get(path).await);
    }
    let none = amy.get("/support/which-route?asked=social-care").await;
    book.page("support-which-route-none", 422, &none);
    book.page("support-article-not-found", 404, &amy.get("/support/nothing").await);
    let worker = harness.case_worker("casey@carepost.example").await;
    let mut casey = Guest::with(&harness, SessionKind::CaseWorker, &worker).await;
    casey.get("/casework/articles").await;
    book.page("casework-articles", 200, &casey.get("/casework/articles").await);
}

async fn writing_to_us(book: &mut Book) {
    let harness = Harness::new(false).await;
    let mut amy = Guest::new(&harness);
    book.page("contact", 200, &amy.get("/contact").await);
    book.page("contact-none", 422, &amy.get("/contact?asked=yes").await);
    for slug in ["sign-in", "email", "something-else"] {
        book.page(&format!("contact-offers-{slug}"), 200, &amy.get(&format!("/contact/{slug}")).await);
    }
    let path = "/contact/email/write";
    book.page("contact-write", 200, &amy.get(path).await);
    book.page("contact-write-none", 422, &amy.post(path, &[]).await);
    let home = harness.home("VM195").await;
    let mut asha = Guest::with(&harness, SessionKind::AccountHolder, &home.asha).await;
    book.page("contact-write-signed-in", 200, &asha.get(path).await);
    book.page("contact-write-signed-in-none", 422, &asha.post(path, &[]).await);
    let fields = [
        ("message", "No mail.\nSince 8."),
        ("saw", "550 No such user"),
        ("people", "3"),
        ("addresses", "amy.reed@carepost.example\nbo.li@carepost.example"),
        ("name", "Amy Reed"),
        ("email", "amy@oakhouse.example"),
        ("telephone", "01632 960 001"),
        ("no_call", "yes"),
        ("organisation", "Oak House, OL1 1AA"),
        ("more", "It began on Sunday."),
    ];
    let sent = amy.passes(path, &fields).await;
    book.page("contact-sent", 200, &amy.get(&sent).await);
    run(&harness, "UPDATE budgets SET used = 1000 WHERE name LIKE 'messages in%'").await;
    let mut again = fields;
    again[0].1 = "No mail again.";
    book.page("contact-write-too-often", 429, &amy.post(path, &again).await);
    run(&harness, "DELETE FROM budgets").await;
    book.page("feedback", 200, &amy.get("/feedback").await);
    book.page("feedback-none", 422, &amy.get("/feedback?asked=yes").await);
    let about = amy.get("/feedback/these-pages?page=dspt").await;
    book.page("feedback-these-pages-about-an-article", 200, &about);
    for slug in ["hospice", "complaint", "praise"] {
        // Messages of the same moment have no order.
        harness.app.clock.advance(Span::seconds(1));
        let path = format!("/feedback/{slug}");
        book.page(&format!("feedback-{slug}"), 200, &amy.get(&path).await);
        book.page(&format!("feedback-{slug}-none"), 422, &amy.post(&path, &[]).await);
        let sent = amy.passes(&path, &fields).await;
        book.page(&format!("feedback-{slug}-sent"), 200, &amy.get(&sent).await);
    }
    let worker = harness.case_worker("casey@carepost.example").await;
    let mut casey = Guest::with(&harness, SessionKind::CaseWorker, &worker).await;
    book.page("casework-queue-messages", 200, &casey.get("/casework").await);
    let rows: Vec<(String, String)> =
        harness.app.database.all("SELECT kind, id FROM enquiries ORDER BY id", &[]).await.expect("read");
    let id = |wanted: &str| rows.iter().find(|(kind, _)| kind == wanted).map_or("", |(_, id)| id.as_str());
    let claim = [("do", "claim"), ("version", "1")];
    for (name, kind) in [("support", "Support"), ("complaint", "Complaint")] {
        let path = format!("/casework/enquiries/{}", id(kind));
        book.page(&format!("casework-enquiry-{name}"), 200, &casey.get(&path).await);
        let claimed = casey.passes(&path, &claim).await;
        book.page(&format!("casework-enquiry-{name}-claimed"), 200, &casey.get(&claimed).await);
    }
    let worker = harness.case_worker("sam@carepost.example").await;
    let mut sam = Guest::with(&harness, SessionKind::CaseWorker, &worker).await;
    let late = sam.post(&format!("/casework/enquiries/{}", id("Support")), &claim).await;
    book.page("casework-enquiry-claimed-too-late", 409, &late);
}

async fn service_status(book: &mut Book) {
    let harness = Harness::new(false).await;
    let mut amy = Guest::new(&harness);
    book.page("service-status", 200, &amy.get("/service-status").await);
    let worker = harness.case_worker("casey@carepost.example").await;
    let mut casey = Guest::with(&harness, SessionKind::CaseWorker, &worker).await;
    let status = "/casework/status";
    book.page("casework-status-empty", 200, &casey.get(status).await);
    let mail = "/casework/status/components/mail";
    book.page("casework-status-component", 200, &casey.get(mail).await);
    book.page("casework-status-component-none", 422, &casey.post(mail, &[]).await);
    let slow = [("health", "Problems"), ("words", "A disk is being replaced."), ("seen", "0")];
    let done = casey.passes(mail, &slow).await;
    book.page("casework-status-set", 200, &casey.get(&done).await);
    let other = [("health", "NotWorking"), ("words", "It stopped."), ("seen", "0")];
    book.page("casework-status-component-too-late", 409, &casey.post(mail, &other).await);
    let announce = "/casework/status/announce";
    book.page("casework-announce", 200, &casey.get(announce).await);
    book.page("casework-announce-none", 422, &casey.post(announce, &[]).await);
    let once = [Harness::browser(), Harness::browser()];
    let trouble = [
        ("kind", "Trouble"),
        ("about", "Letters"),
        ("title", "Codes are late"),
        ("words", "Please wait before you ask for another."),
        ("everywhere", "yes"),
        ("once", once[0].as_str()),
    ];
    let done = casey.passes(announce, &trouble).await;
    book.page("casework-status-announced", 200, &casey.get(&done).await);
    let planned = [
        ("kind", "PlannedWork"),
        ("about", "all"),
        ("title", "Work on Sunday"),
        ("words", "These pages are closed for an hour."),
        ("starts-day", "29"),
        ("starts-month", "Nov"),
        ("starts-year", "2026"),
        ("starts-time", "7am"),
        ("ends-day", "29"),
        ("ends-month", "11"),
        ("ends-year", "2026"),
        ("ends-time", "08:00"),
        ("once", once[1].as_str()),
    ];
    casey.passes(announce, &planned).await;
    book.page("service-status-trouble", 200, &amy.get("/service-status").await);
    book.page("home-with-notices", 200, &amy.get("/").await);
    let (id,): (String,) = harness
        .app
        .database
        .one("SELECT id FROM announcements WHERE kind = 'Trouble'", &[])
        .await
        .expect("read");
    let path = format!("/casework/status/announcements/{id}");
    book.page("casework-announcement", 200, &casey.get(&path).await);
    let wrong = [("do", "change"), ("version", "1"), ("title", "x")];
    book.page("casework-announcement-none", 422, &casey.post(&path, &wrong).await);
    let end_without_time = [("do", "change"), ("version", "1"), ("title", "Codes"), ("ends-day", "30")];
    book.page("casework-announcement-half", 422, &casey.post(&path, &end_without_time).await);
    let mut late = trouble.to_vec();
    late[2].1 = "Codes are very late";
    late.extend([("do", "change"), ("version", "7")]);
    book.page("casework-announcement-meanwhile", 409, &casey.post(&path, &late).await);
    let end = [("do", "end"), ("version", "1")];
    let stale = [("do", "end"), ("version", "7")];
    book.page("casework-announcement-too-late", 409, &casey.post(&path, &stale).await);
    let done = casey.passes(&path, &end).await;
    book.page("casework-announcement-ended", 200, &casey.get(&done).await);
    book.page("service-status-over", 200, &amy.get("/service-status").await);
    run(&harness, "DROP TABLE announcements").await;
    book.page("service-status-unknown", 503, &amy.get("/service-status").await);
}

async fn before_you_start(book: &mut Book) {
    let harness = Harness::new(true).await;
    let mut amy = Guest::new(&harness);
    book.page("register", 200, &amy.get("/register").await);
    amy.passes("/register", &[]).await;
    question(book, &mut amy, "social-care", &[("none", &[])], &[("answer", "yes")]).await;
    question(book, &mut amy, "cqc-registered", &[("none", &[])], &[("answer", "yes")]).await;
    question(book, &mut amy, "hospice", &[("none", &[])], &[("answer", "no")]).await;
    question(book, &mut amy, "how-many-sites", &[("none", &[])], &[("answer", "several")]).await;
    question(book, &mut amy, "which-way", &[("none", &[])], &[("answer", "here")]).await;
    question(book, &mut amy, "existing-account", &[("none", &[])], &[("answer", "no")]).await;
    let problems: [(&str, &[(&str, &str)]); 2] = [("none", &[]), ("wrong", &[("email", "amy at home")])];
    question(book, &mut amy, "your-email", &problems, &[("email", "amy@oakhouse.example")]).await;
    let (code, _) = letter(&harness, "amy@oakhouse.example", "email code").await;
    let bad = if code == "123456" { "654321" } else { "123456" };
    let problems: [(&str, &[(&str, &str)]); 2] = [("none", &[]), ("wrong", &[("code", bad)])];
    question(book, &mut amy, "email-code", &problems, &[("code", &code)]).await;

    // A code that was asked for too often, and one that has run out.
    let draft = harness.draft(|draft| until(draft, Page::Email)).await;
    let mut bo = Guest::with(&harness, SessionKind::Registrant, &draft.id).await;
    bo.passes("/register/your-email", &[("email", "bo@oakhouse.example")]).await;
    let (old, _) = letter(&harness, "bo@oakhouse.example", "email code").await;
    harness.app.clock.advance(Span::minutes(31));
    book.page("register-email-code-run-out", 422, &bo.post("/register/email-code", &[("code", &old)]).await);
    let mut got = bo.post("/register/email-code/again", &[]).await;
    for _ in 0..12 {
        if got.status != 303 {
            break;
        }
        // Not one press made twice.
        harness.app.clock.advance(Span::seconds(11));
        got = bo.post("/register/email-code/again", &[]).await;
    }
    book.page("register-email-code-too-often", 422, &got);
}

/// Takes away what is asked at a page and after it.
pub fn until(draft: &mut Draft, page: Page) {
    everything(draft);
    let place = |wanted: Page| PAGES.iter().position(|page| *page == wanted).expect("a page");
    let before = |this: Page| place(page) <= place(this);
    let answers = &mut draft.answers;
    if before(Page::People) {
        answers.people.clear();
        answers.people_done = false;
    }
    if before(Page::Town) {
        answers.town = None;
    }
    if before(Page::Proof) {
        answers.proof = None;
        answers.proof_way = None;
    }
    if before(Page::Dspt) {
        answers.dspt = None;
    }
    if before(Page::ConfirmSite) {
        answers.site_confirmed = false;
    }
    if before(Page::FindSite) {
        answers.site = None;
    }
    if before(Page::EmailCode) {
        answers.email_confirmed = false;
    }
    if before(Page::Email) {
        answers.email = None;
    }
}

pub async fn registrant<'h>(harness: &'h Harness, page: Page) -> Guest<'h> {
    let draft = harness.draft(|draft| until(draft, page)).await;
    Guest::with(harness, SessionKind::Registrant, &draft.id).await
}

async fn your_site(book: &mut Book) {
    let harness = Harness::new(true).await;
    let mut amy = registrant(&harness, Page::FindSite).await;
    let find = "/register/find-your-site";
    book.page("register-find-your-site-nothing-typed", 422, &amy.get(&format!("{find}?q=")).await);
    book.page("register-find-your-site-found", 200, &amy.get(&format!("{find}?q=home+instead")).await);
    book.page("register-find-your-site-not-found", 200, &amy.get(&format!("{find}?q=zzzzzzzz")).await);
    let chosen = |site| [("q", "dental"), ("site", site)];
    let wrong = amy.post(find, &chosen("1-10717910906")).await;
    book.page("register-find-your-site-not-social-care", 422, &wrong);
    let codes: [(&str, &[(&str, &str)]); 5] = [
        ("none", &[]),
        ("malformed", &[("ods_code", "OAK"), ("location_id", "five")]),
        ("unknown", &[("ods_code", "VZZZZ"), ("location_id", "1-999999999")]),
        ("of-two-sites", &[("ods_code", "VN4F6"), ("location_id", "1-120745060")]),
        ("provider", &[("ods_code", "VN4F6"), ("location_id", "1-101612188")]),
    ];
    let right = [("ods_code", "VN4F6"), ("location_id", "1-530528300")];
    question(book, &mut amy, "site-codes", &codes, &right).await;
    let mut bo = registrant(&harness, Page::FindSite).await;
    let none: [(&str, &[(&str, &str)]); 1] = [("none", &[("q", "home instead")])];
    question(book, &mut bo, "find-your-site", &none, &[("site", "1-530528300")]).await;
    question(book, &mut bo, "confirm-your-site", &[("none", &[])], &[("right", "yes")]).await;
    book.page("register-dspt", 200, &bo.get("/register/dspt").await);
    bo.passes("/register/dspt", &[]).await;

    for (what, ods, location) in [
        ("by-head-office", "VN139", "1-120745060"),
        ("lapsed", "VM34N", "1-138452042"),
        ("below", "VLD2A", "1-125056348"),
        ("not-published", "VM9PR", "1-5203053560"),
        ("not-listed", "V136897", "1-10717910906"),
    ] {
        let draft = harness
            .draft(|draft| {
                until(draft, Page::Dspt);
                let known = draft.answers.site.clone().expect("a site");
                draft.answers.site = Some(SiteAnswer {
                    ods_code: ods.to_owned(),
                    cqc_location_id: location.to_owned(),
                    ..known
                });
            })
            .await;
        let mut guest = Guest::with(&harness, SessionKind::Registrant, &draft.id).await;
        let got = guest.get("/register/dspt").await;
        if what != "not-listed" || got.status == 200 {
            book.page(&format!("register-dspt-{what}"), 200, &got);
        }
    }

    question(book, &mut bo, "prove-your-authority", &[("none", &[])], &[("way", "contact-id")]).await;
    let problems: [(&str, &[(&str, &str)]); 3] = [
        ("none", &[]),
        ("malformed", &[("contact_id", "certificate")]),
        ("wrong", &[("contact_id", "1-7530528301")]),
    ];
    question(book, &mut bo, "contact-id", &problems, &[("contact_id", "1-7530528300")]).await;

    let mut cy = registrant(&harness, Page::Proof).await;
    cy.passes("/register/prove-your-authority", &[("way", "email")]).await;
    let (code, _) = letter(&harness, "manager@home-instead.example", "site code").await;
    let bad = if code == "123456" { "654321" } else { "123456" };
    let problems: [(&str, &[(&str, &str)]); 2] = [("none", &[]), ("wrong", &[("code", bad)])];
    question(book, &mut cy, "site-code", &problems, &[("code", &code)]).await;

    let mut di = registrant(&harness, Page::Proof).await;
    di.passes("/register/prove-your-authority", &[("way", "call")]).await;
    let right = [("ask_for", "Amy Reed"), ("when", "mornings")];
    question(book, &mut di, "call-back", &[("none", &[])], &right).await;
    let problems: [(&str, &[(&str, &str)]); 2] = [("none", &[]), ("wrong", &[("town", "<Oldham>")])];
    question(book, &mut di, "town", &problems, &[("town", "Oldham")]).await;
}

const AMY: [(&str, &str); 7] = [
    ("first_name", "Amy"),
    ("last_name", "Reed"),
    ("role", "Manager"),
    ("email", "amy@oakhouse.example"),
    ("mobile", "07700 900 121"),
    ("access", "owner"),
    ("has_account", "no"),
];

async fn people_and_sending(book: &mut Book) {
    let harness = Harness::new(true).await;
    let mut amy = registrant(&harness, Page::People).await;
    book.page("register-people", 200, &amy.get("/register/people").await);
    book.page("register-people-none", 422, &amy.post("/register/people", &[]).await);
    let malformed = [
        ("first_name", "<b>"),
        ("last_name", "1"),
        ("role", &"x".repeat(80)),
        ("email", "info"),
        ("mobile", "01632 960 001"),
        ("access", "all"),
        ("has_account", "yes"),
        ("account", "amy@elsewhere.example"),
    ];
    let [mut shared, mut mistyped, mut ours] = [AMY; 3];
    shared[3].1 = "info@oakhouse.example";
    mistyped[3].1 = "amy@oakhouse.con";
    ours[3].1 = "amy.reed@carepost.example";
    let problems: [(&str, &[(&str, &str)]); 5] = [
        ("none", &[]),
        ("malformed", &malformed),
        ("shared", &shared),
        ("mistyped", &mistyped),
        ("of-ours", &ours),
    ];
    question(book, &mut amy, "people/1", &problems, &AMY).await;
    book.page("register-people-one", 200, &amy.get("/register/people").await);
    book.page("register-people-too-few", 422, &amy.post("/register/people", &[]).await);
    let same: [(&str, &[(&str, &str)]); 1] = [("same-as-first", &AMY)];
    let mut bo = AMY;
    bo[0].1 = "Bo";
    bo[3].1 = "bo@oakhouse.example";
    bo[4].1 = "07700 900 122";
    bo[5].1 = "member";
    // A tick is for the address that it was shown with.
    let other: Vec<_> = mistyped.into_iter().chain([("email_is_right", "bo@oakhouse.con")]).collect();
    assert_eq!(amy.post("/register/people/2", &other).await.status, 422);
    let right: Vec<_> = mistyped.into_iter().chain([("email_is_right", "amy@oakhouse.con")]).collect();
    amy.passes("/register/people/1", &right).await;
    amy.passes("/register/people/1", &AMY).await;
    question(book, &mut amy, "people/2", &same, &bo).await;
    book.page("register-people-filled", 200, &amy.get("/register/people").await);
    let remove = "/register/people/2/remove";
    book.page("register-people-remove", 200, &amy.get(remove).await);
    book.page("register-people-remove-none", 422, &amy.post(remove, &[]).await);
    amy.passes(remove, &[("remove", "no")]).await;
    amy.passes("/register/people", &[]).await;
    let check = "/register/check-your-answers";
    book.page("register-check-your-answers", 200, &amy.get(check).await);
    book.page("register-check-your-answers-none", 422, &amy.post(check, &[]).await);
    amy.passes(check, &[("declaration", "yes")]).await;
    book.page("register-sent", 200, &amy.get("/register/sent").await);
    book.page("register-summary", 200, &amy.get("/register/summary").await);

    // Ten people are as many as fit.
    let draft = harness
        .draft(|draft| {
            until(draft, Page::CheckAnswers);
            let first = draft.answers.people[0].clone();
            draft.answers.people = vec![first; 10];
            draft.answers.people_done = false;
        })
        .await;
    let mut full = Guest::with(&harness, SessionKind::Registrant, &draft.id).await;
    book.page("register-people-full", 200, &full.get("/register/people").await);
}

async fn ways_out(book: &mut Book) {
    let harness = Harness::new(true).await;
    let leaves = async |change: fn(&mut Draft)| {
        let draft = harness
            .draft(|draft| {
                until(draft, Page::Email);
                change(draft);
            })
            .await;
        Guest::with(&harness, SessionKind::Registrant, &draft.id).await
    };
    let mut guest = leaves(|draft| draft.answers.social_care = Some(false)).await;
    book.page("register-not-social-care", 200, &guest.get("/register/not-social-care").await);
    let mut guest = leaves(|draft| draft.answers.cqc_registered = Some(false)).await;
    book.page("register-not-cqc-registered", 200, &guest.get("/register/not-cqc-registered").await);
    let right = [
        ("organisation", "Oak Hospice"),
        ("name", "Amy Reed"),
        ("email", "amy@oakhouse.example"),
        ("telephone", "01632 960 001"),
        ("message", "How do we join?\nWe have 2 sites."),
    ];
    let wrong = [("email", "amy"), ("telephone", "ask"), ("message", &"x".repeat(4_001))];
    let problems: [(&str, &[(&str, &str)]); 2] = [("none", &[]), ("wrong", &wrong)];
    let mut guest = leaves(|draft| draft.answers.hospice = Some(true)).await;
    let sent = question(book, &mut guest, "hospice-query", &problems, &right).await;
    book.page("register-message-sent", 200, &guest.get(&sent).await);
    let mut guest = leaves(|draft| {
        draft.answers.sites = Some(Sites::Several);
        draft.answers.way = Some(Way::SelfManagement);
    })
    .await;
    question(book, &mut guest, "self-management", &problems[..1], &right).await;
    let mut guest = leaves(|draft| draft.answers.has_account = Some(true)).await;
    question(book, &mut guest, "recover-your-account", &problems[..1], &right).await;
}

async fn coming_back(book: &mut Book) {
    let harness = Harness::new(true).await;
    let mut amy = registrant(&harness, Page::Town).await;
    amy.passes("/register/leave", &[]).await;
    book.page("register-closed", 200, &amy.get("/register/closed").await);
    let path = "/register/return";
    book.page("register-return", 200, &amy.get(path).await);
    book.page("register-return-wrong", 422, &amy.post(path, &[("email", "amy")]).await);
    let known = amy.post(path, &[("email", "amy@oakhouse.example")]).await;
    book.page("register-return-code", 200, &known);
    does_all_work(&harness).await;
    let (code, _) = letter(&harness, "amy@oakhouse.example", "email code").await;
    let bad = if code == "123456" { "654321" } else { "123456" };
    let mut typed = [("email", "amy@oakhouse.example"), ("code", "")];
    let open = "/register/return/code";
    book.page("register-return-code-none", 422, &amy.post(open, &typed).await);
    typed[1].1 = bad;
    book.page("register-return-code-wrong", 422, &amy.post(open, &typed).await);
    // Two of one address: somebody chooses.
    harness.draft(|draft| until(draft, Page::FindSite)).await;
    typed[1].1 = &code;
    assert_eq!(amy.passes(open, &typed).await, "/register/mine");
    book.page("register-mine", 200, &amy.get("/register/mine").await);
    book.page("register-mine-none", 422, &amy.post("/register/mine", &[]).await);

    // Whoever came back with a code sees contact details masked.
    let draft = harness.draft(everything).await;
    let browser = Harness::browser();
    let (app, subject, held) = (harness.app.clone(), draft.id.clone(), browser.clone());
    harness
        .app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            carepost::sign_in::session::begin(tx, &app, &held, SessionKind::Registrant, &subject, true).await
        }))
        .await
        .expect("a session");
    let mut back = Guest::new(&harness);
    back.browser = browser;
    book.page("register-people-masked", 200, &back.get("/register/people").await);
    book.page("register-people-1-masked", 200, &back.get("/register/people/1").await);
    book.page("register-check-your-answers-masked", 200, &back.get("/register/check-your-answers").await);
}

/// A registration that was sent.
pub async fn sent(harness: &Harness) -> Draft {
    let draft = harness.draft(everything).await;
    let mut amy = Guest::with(harness, SessionKind::Registrant, &draft.id).await;
    amy.passes("/register/check-your-answers", &[("declaration", "yes")]).await;
    draft
}

/// Puts a registration into a state without the way there.
pub async fn put(harness: &Harness, id: &str, state: RegistrationState) {
    let data = serde_json::to_string(&state).expect("a state");
    let id = id.to_owned();
    harness
        .app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            tx.run(
                "UPDATE registrations SET state = $1, state_data = $2 WHERE id = $3",
                &[&state.kind().stored(), &data, &id],
            )
            .await
        }))
        .await
        .expect("moved");
}

fn every_state() -> Vec<(&'static str, RegistrationState)> {
    let reason = Reason::DsptNotMet;
    vec![
        ("submitted", RegistrationState::Submitted),
        ("checking", RegistrationState::Checking),
        ("referred", RegistrationState::Referred),
        (
            "more-information-asked",
            RegistrationState::MoreInformationAsked { question: "Who is\nthe manager?".to_owned() },
        ),
        ("approved", RegistrationState::Approved),
        ("provisioning", RegistrationState::Provisioning),
        ("live", RegistrationState::Live),
        ("declined", RegistrationState::Declined { reason, words: "It lapsed.\nPublish again.".to_owned() }),
        ("withdrawn", RegistrationState::Withdrawn),
        ("stopped", RegistrationState::Stopped),
    ]
}

async fn status(book: &mut Book) {
    let harness = Harness::new(true).await;
    let case = sent(&harness).await;
    let mut amy = Guest::new(&harness);
    book.page("status", 200, &amy.get("/registration").await);
    book.page("status-none", 422, &amy.post("/registration", &[]).await);
    book.page("status-wrong", 422, &amy.post("/registration", &[("reference", "CP-1")]).await);
    let path = amy.passes("/registration", &[("reference", case.reference.as_str())]).await;
    book.page("status-code", 200, &amy.get(&path).await);
    book.page("status-code-sent", 200, &amy.post(&format!("{path}/code"), &[]).await);
    let open = format!("{path}/open");
    book.page("status-code-none", 422, &amy.post(&open, &[]).await);
    let (code, _) = letter(&harness, "amy@oakhouse.example", "email code").await;
    let bad = if code == "123456" { "654321" } else { "123456" };
    book.page("status-code-wrong", 422, &amy.post(&open, &[("code", bad)]).await);
    amy.passes(&open, &[("code", &code)]).await;
    book.page("status-before-the-checks", 200, &amy.get(&path).await);
    does_all_work(&harness).await;
    for (name, state) in every_state() {
        put(&harness, &case.id, state).await;
        book.page(&format!("status-{name}"), 200, &amy.get(&path).await);
        if name == "more-information-asked" {
            let got = amy.post(&format!("{path}/answer"), &[]).await;
            book.page("status-more-information-asked-none", 422, &got);
        }
    }
}

async fn stopping(book: &mut Book) {
    let harness = Harness::new(true).await;
    let case = sent(&harness).await;
    let (_, link) = letter(&harness, "manager@home-instead.example", "notice to the site").await;
    let mut manager = Guest::new(&harness);
    book.page("stop", 200, &manager.get(&link).await);
    put(&harness, &case.id, RegistrationState::Declined { reason: Reason::DsptNotMet, words: String::new() })
        .await;
    book.page("stop-too-late", 200, &manager.get(&link).await);
    put(&harness, &case.id, RegistrationState::Referred).await;
    book.page("stop-stopped", 200, &manager.post(&link, &[]).await);
    book.page("stop-done-already", 200, &manager.get(&link).await);
    frozen_before_it_joined(book, &harness, &case.id).await;
    book.page("stop-dead-link", 410, &manager.get("/stop/made-up.token").await);
}

/// The pages on which two case workers lift the freeze of a site that was stopped.
async fn frozen_before_it_joined(book: &mut Book, harness: &Harness, case: &str) {
    let worker = harness.case_worker("casey@carepost.example").await;
    let mut casey = Guest::with(harness, SessionKind::CaseWorker, &worker).await;
    let worker = harness.case_worker("kim@carepost.example").await;
    let mut kim = Guest::with(harness, SessionKind::CaseWorker, &worker).await;
    let all = carepost::directory::Scope::All;
    let freezes =
        carepost::directory::store::list_freezes(&all, &harness.app.database).await.expect("listed");
    let path = format!("/casework/frozen/{}", freezes[0].id);
    assert_eq!(freezes[0].registration, case);
    book.page("casework-frozen-list", 200, &casey.get("/casework/frozen").await);
    book.page("casework-frozen", 200, &casey.get(&path).await);
    let lift =
        |seen: &'static str, reason: &'static str| [("do", "lift"), ("version", seen), ("reason", reason)];
    book.page("casework-frozen-no-reason", 422, &casey.post(&path, &lift("1", "")).await);
    let got = casey.post(&path, &lift("1", "Spoke to the manager.")).await;
    book.page("casework-frozen-agreed", 200, &casey.get(&got.location).await);
    let late = kim.post(&path, &lift("1", "Spoke to the manager, too.")).await;
    book.page("casework-frozen-conflict", 409, &late);
    let got = kim.post(&path, &[("do", "keep"), ("version", "2"), ("reason", "Nobody answers.")]).await;
    book.page("casework-frozen-kept", 200, &kim.get(&got.location).await);
    casey.post(&path, &lift("3", "Spoke to the owner.")).await;
    let got = kim.post(&path, &lift("4", "Spoke to the owner, too.")).await;
    book.page("casework-frozen-lifted", 200, &kim.get(&got.location).await);
    book.page("casework-frozen-list-empty", 200, &kim.get("/casework/frozen").await);
}

/// The site contact, and the pages after a site was stopped that had joined.
async fn stopping_what_joined(book: &mut Book) {
    let harness = Harness::new(true).await;
    let case = sent(&harness).await;
    does_all_work(&harness).await;
    let worker = harness.case_worker("casey@carepost.example").await;
    let mut casey = Guest::with(&harness, SessionKind::CaseWorker, &worker).await;
    approve(&harness, &mut casey, &case.id).await;
    does_all_work(&harness).await;
    let (_, link) = letter(&harness, "manager@home-instead.example", "notice to the site").await;
    let mut manager = Guest::new(&harness);
    harness.app.clock.advance(carepost::clock::Span::minutes(1));
    book.page("stop-joined", 200, &manager.get(&link).await);
    book.page("stop-confirmed", 200, &manager.post(&link, &[("do", "confirm")]).await);
    book.page("stop-joined-stopped", 200, &manager.post(&link, &[]).await);
    book.page("stop-joined-stopped-already", 200, &manager.get(&link).await);
    book.page("casework-queue-frozen", 200, &casey.get("/casework").await);
    let site = carepost::directory::store::find_site_of_registration(&harness.app.database, &case.id)
        .await
        .expect("read")
        .expect("joined");
    let path = format!("/casework/sites/{}", site.id);
    book.page("casework-site-frozen", 200, &casey.get(&path).await);
    let (_, activation) = letter(&harness, "amy@oakhouse.example", "activation").await;
    book.page("activate-frozen", 410, &Guest::new(&harness).get(&activation).await);
}

/// A case worker freezes a site.
async fn freezing_a_site(book: &mut Book) {
    let harness = Harness::new(true).await;
    let case = sent(&harness).await;
    does_all_work(&harness).await;
    let worker = harness.case_worker("casey@carepost.example").await;
    let mut casey = Guest::with(&harness, SessionKind::CaseWorker, &worker).await;
    approve(&harness, &mut casey, &case.id).await;
    let site = carepost::directory::store::find_site_of_registration(&harness.app.database, &case.id)
        .await
        .expect("read")
        .expect("joined");
    let path = format!("/casework/sites/{}/freeze", site.id);
    book.page("casework-freeze-site", 200, &casey.get(&path).await);
    book.page("casework-freeze-site-wrong", 422, &casey.post(&path, &[]).await);
    let got = casey.post(&path, &[("reason", "A strange call."), ("confirm", "yes")]).await;
    book.page("casework-freeze-site-done", 200, &casey.get(&got.location).await);
}

async fn activating(book: &mut Book) {
    let harness = Harness::new(true).await;
    let case = sent(&harness).await;
    does_all_work(&harness).await;
    let worker = harness.case_worker("casey@carepost.example").await;
    let mut casey = Guest::with(&harness, SessionKind::CaseWorker, &worker).await;
    approve(&harness, &mut casey, &case.id).await;
    does_all_work(&harness).await;
    book.page("casework-case-approved", 200, &casey.get(&format!("/casework/cases/{}", case.id)).await);
    let (_, link) = letter(&harness, "amy@oakhouse.example", "activation").await;
    let mut amy = Guest::new(&harness);
    book.page("activate", 200, &amy.get(&link).await);
    book.page("activate-dead-link", 410, &amy.get("/activate/made-up.token").await);
    book.page("activate-new-link", 200, &amy.get("/activate").await);
    book.page("activate-new-link-wrong", 422, &amy.post("/activate", &[("email", "amy")]).await);
    book.page("activate-link-sent", 200, &amy.get("/activate/link-sent").await);
    amy.passes(&link, &[]).await;
    book.page("activate-code", 200, &amy.get("/activate/code").await);
    book.page("activate-code-none", 422, &amy.post("/activate/code", &[]).await);
    let (code, _) = letter(&harness, "+447700900001", "activation code").await;
    let bad = if code == "123456" { "654321" } else { "123456" };
    book.page("activate-code-wrong", 422, &amy.post("/activate/code", &[("code", bad)]).await);
    harness.app.clock.advance(Span::minutes(1));
    let again = amy.passes("/activate/code/again", &[]).await;
    book.page("activate-code-again", 200, &amy.get(&again).await);
    let (code, _) = letter(&harness, "+447700900001", "activation code").await;
    amy.passes("/activate/code", &[("code", &code)]).await;
    book.page("activate-password", 200, &amy.get("/activate/password").await);
    for (what, typed) in
        [("none", ""), ("short", "short"), ("name", "amy likes green tea"), ("common", "password1234")]
    {
        let got = amy.post("/activate/password", &[("password", typed)]).await;
        book.page(&format!("activate-password-{what}"), 422, &got);
    }
    amy.passes("/activate/password", &[("password", "gravel teapot lantern")]).await;
    book.page("activate-policy", 200, &amy.get("/activate/policy").await);
    book.page("activate-policy-none", 422, &amy.post("/activate/policy", &[]).await);
    amy.passes("/activate/policy", &[("agree", "yes")]).await;
    book.page("activate-done", 200, &amy.get("/activate/done").await);
    does_all_work(&harness).await;
    book.page("casework-case-live", 200, &casey.get(&format!("/casework/cases/{}", case.id)).await);
}

async fn signing_in(book: &mut Book) {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    let address = "asha.patel@carepost.example";
    let password = [("address", address), ("password", PASSWORD)];
    let mut asha = Guest::new(&harness);
    book.page("sign-in", 200, &asha.get("/sign-in").await);
    book.page("sign-in-out", 200, &asha.get("/sign-in?done=out").await);
    book.page("sign-in-none", 422, &asha.post("/sign-in", &[]).await);
    let wrong = [("address", address), ("password", "not this one")];
    book.page("sign-in-wrong", 422, &asha.post("/sign-in", &wrong).await);
    for _ in 0..19 {
        asha.post("/sign-in", &wrong).await;
    }
    book.page("sign-in-too-often", 429, &asha.post("/sign-in", &wrong).await);
    harness.app.clock.advance(Span::minutes(61));
    asha.passes("/sign-in", &password).await;
    book.page("sign-in-code", 200, &asha.get("/sign-in/code").await);
    book.page("sign-in-code-none", 422, &asha.post("/sign-in/code", &[]).await);
    book.page("sign-in-code-wrong", 422, &asha.post("/sign-in/code", &[("code", "000000")]).await);
    let path = "/sign-in/recovery-code";
    book.page("sign-in-recovery-code", 200, &asha.get(path).await);
    book.page("sign-in-recovery-code-none", 422, &asha.post(path, &[]).await);
    let wrong = asha.post(path, &[("code", "AAAA-CCCC-DDDD-EEEE")]).await;
    book.page("sign-in-recovery-code-wrong", 422, &wrong);
    let code = harness.code_of(&home.asha);
    asha.passes("/sign-in/code", &[("code", &code)]).await;
    asha.passes("/sign-out", &[]).await;
    asha.passes("/sign-in", &password).await;
    book.page("sign-in-code-used", 422, &asha.post("/sign-in/code", &[("code", &code)]).await);

    // Without an app yet.
    run(&harness, "DELETE FROM authenticators").await;
    asha.passes("/sign-in", &password).await;
    book.page("sign-in-text-code", 200, &asha.get("/sign-in/text-code").await);
    book.page("sign-in-text-code-none", 422, &asha.post("/sign-in/text-code", &[]).await);
    let (code, _) = letter(&harness, "+447700919501", "activation code").await;
    let bad = if code == "123456" { "654321" } else { "123456" };
    book.page("sign-in-text-code-wrong", 422, &asha.post("/sign-in/text-code", &[("code", bad)]).await);
    harness.app.clock.advance(Span::minutes(1));
    let again = asha.passes("/sign-in/text-code/again", &[]).await;
    book.page("sign-in-text-code-again", 200, &asha.get(&again).await);
    let (code, _) = letter(&harness, "+447700919501", "activation code").await;
    asha.passes("/sign-in/text-code", &[("code", &code)]).await;
    // A key that chance did not choose, so that its picture is always the same.
    run(&harness, "UPDATE authenticators SET id = 'app'").await;
    book.page("set-up-app", 200, &asha.get("/sign-in/app").await);
    book.page("set-up-app-none", 422, &asha.post("/sign-in/app", &[]).await);
    book.page("set-up-app-wrong", 422, &asha.post("/sign-in/app", &[("code", "000000")]).await);
}

/// A page with the secrets it shows once replaced.
fn without_secrets(got: Got) -> Got {
    let mut pieces = got.body.split("app-secret");
    let mut body = pieces.next().unwrap_or("").to_owned();
    for piece in pieces {
        let end = ["</li>", "</p>"].iter().filter_map(|tag| piece.find(tag)).min().unwrap_or(0);
        let (secret, rest) = piece.split_at(end);
        let tag = secret.find('>').map_or("", |place| &secret[..=place]);
        body.push_str(&format!(
            "app-secret{tag}SECRET{}{rest}",
            if tag.contains("large") { "" } else { "</span>" }
        ));
    }
    Got { body, ..got }
}

async fn my_account(book: &mut Book) {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    let mut asha = Guest::with(&harness, SessionKind::AccountHolder, &home.asha).await;
    book.page("my-account-no-recovery-codes", 200, &asha.get("/my-account").await);
    book.page("my-account-security-new", 200, &asha.get("/my-account/security").await);
    let codes = "/my-account/security/recovery-codes";
    book.page("my-account-recovery-codes-first", 200, &asha.get(codes).await);
    let shown = without_secrets(asha.post(codes, &[]).await);
    book.page("my-account-recovery-codes-shown", 200, &shown);
    let done = asha.passes("/my-account/security/recovery-codes/written", &[]).await;
    book.page("my-account-set-up", 200, &asha.get(&done).await);
    book.page("my-account-recovery-codes", 200, &asha.get(codes).await);
    harness.app.clock.advance(Span::minutes(1));
    book.page("my-account-recovery-codes-none", 422, &asha.post(codes, &[]).await);
    let wrong = asha.post(codes, &[("password", "not this one"), ("code", "000000")]).await;
    book.page("my-account-recovery-codes-wrong", 422, &wrong);
    book.page("my-account-by-recovery-code", 200, &asha.get("/my-account?done=recovery-code").await);
    run(&harness, "UPDATE recovery_codes SET used_at = 1").await;
    book.page("my-account-last-recovery-code", 200, &asha.get("/my-account").await);

    book.page("my-account-security", 200, &asha.get("/my-account/security").await);
    book.page("my-account-security-app-replaced", 200, &asha.get("/my-account/security?done=app").await);
    let app = "/my-account/security/app";
    book.page("my-account-replace-app", 200, &asha.get(app).await);
    book.page("my-account-replace-app-none", 422, &asha.post(app, &[]).await);
    let code = harness.code_of(&home.asha);
    asha.passes(app, &[("password", PASSWORD), ("code", &code)]).await;
    run(&harness, "UPDATE authenticators SET id = 'app' WHERE confirmed_at IS NULL").await;
    book.page("set-up-another-app", 200, &asha.get("/sign-in/app").await);
    let everywhere = "/my-account/security/sign-out-everywhere";
    book.page("my-account-sign-out-everywhere", 200, &asha.get(everywhere).await);
    book.page("sign-in-out-everywhere", 200, &asha.get("/sign-in?done=everywhere").await);

    let programs = "/my-account/mail-programs";
    let add = "/my-account/mail-programs/add";
    book.page("my-account-mail-programs-empty", 200, &asha.get(programs).await);
    book.page("my-account-mail-program-add", 200, &asha.get(add).await);
    book.page("my-account-mail-program-add-none", 422, &asha.post(add, &[]).await);
    let shown = without_secrets(asha.post(add, &[("name", "Reception computer")]).await);
    book.page("my-account-mail-program-added", 200, &shown);
    let taken = asha.post(add, &[("name", "Reception computer")]).await;
    book.page("my-account-mail-program-add-taken", 422, &taken);
    book.page("my-account-mail-programs", 200, &asha.get(programs).await);
    let (id,): (String,) = harness.app.database.one("SELECT id FROM app_passwords", &[]).await.expect("one");
    let revoke = format!("{programs}/{id}/revoke");
    book.page("my-account-mail-program-revoke", 200, &asha.get(&revoke).await);
    let done = asha.passes(&revoke, &[]).await;
    book.page("my-account-mail-program-revoked", 200, &asha.get(&done).await);
    book.page("my-account-mail-settings", 200, &asha.get("/my-account/mail-programs/settings").await);

    let mut bo = Guest::with(&harness, SessionKind::AccountHolder, &home.bo).await;
    for number in 0..20 {
        bo.post(add, &[("name", &format!("Program {number}"))]).await;
    }
    book.page("my-account-mail-programs-full", 200, &bo.get(programs).await);
    run(&harness, "DELETE FROM shared_mailbox_access").await;
    book.page("my-account-no-shared-mailbox", 200, &bo.get("/my-account").await);
}

async fn sites(book: &mut Book) {
    let harness = Harness::new(false).await;
    let worker = harness.case_worker("casey@carepost.example").await;
    let mut casey = Guest::with(&harness, SessionKind::CaseWorker, &worker).await;
    book.page("casework-sites-empty", 200, &casey.get("/casework/sites").await);
    let home = harness.home("VM195").await;
    harness.home("VM196").await;
    book.page("casework-sites", 200, &casey.get("/casework/sites").await);
    book.page("casework-sites-found", 200, &casey.get("/casework/sites?q=court+196").await);
    book.page("casework-sites-none", 200, &casey.get("/casework/sites?q=oak").await);
    let site = format!("/casework/sites/{}", home.site);
    book.page("casework-site", 200, &casey.get(&site).await);
    let path = |account: &str, doing: &str| format!("{site}/people/{account}/{doing}");
    for doing in ["disable", "sign-out", "make-owner", "remove"] {
        let got = casey.get(&path(&home.bo, doing)).await;
        book.page(&format!("casework-site-{doing}"), 200, &got);
    }
    book.page("casework-site-make-member", 200, &casey.get(&path(&home.asha, "make-member")).await);
    book.page("casework-site-disable-none", 422, &casey.post(&path(&home.bo, "disable"), &[]).await);
    let order =
        [("version", "1-1"), ("reason", "Asha Patel called from the site’s number."), ("confirm", "yes")];
    let refused = casey.post(&path(&home.asha, "disable"), &order).await;
    book.page("casework-site-disable-last-owner", 409, &refused);
    let done = casey.passes(&path(&home.bo, "disable"), &order).await;
    run(
        &harness,
        "INSERT INTO unread_alarms (shared_mailbox_id, unread, looked_at) SELECT id, 3, made_at FROM shared_mailboxes",
    )
    .await;
    book.page("casework-site-disabled", 200, &casey.get(&done).await);
    let order = [("version", "1-1"), ("reason", "Bo Li called, too."), ("confirm", "yes")];
    let late = casey.post(&path(&home.bo, "disable"), &order).await;
    book.page("casework-site-disable-too-late", 409, &late);
    book.page("casework-site-enable", 200, &casey.get(&path(&home.bo, "enable")).await);
    harness.app.clock.advance(Span::days(600));
    run(&harness, "UPDATE sessions SET ends_at = 9999999999999, seen_at = 9999999999999").await;
    book.page("casework-site-disabled-too-long", 200, &casey.get(&site).await);

    let give = format!("{site}/give-access");
    let asked = casey.get(&give).await;
    let version = asked.hidden("version");
    book.page("casework-site-give-access", 200, &asked);
    book.page("casework-site-give-access-none", 422, &casey.post(&give, &[]).await);
    let mut fields =
        vec![("address", "bo.li1@carepost.example"), ("access", "member"), ("reason", "She works at both.")];
    book.page("casework-site-give-access-found", 200, &casey.post(&give, &fields).await);
    let (account,): (String,) = harness
        .app
        .database
        .one("SELECT id FROM accounts WHERE address = 'bo.li1@carepost.example'", &[])
        .await
        .expect("one");
    fields.push(("account", &account));
    fields.push(("version", &version));
    book.page("casework-site-give-access-unsure", 422, &casey.post(&give, &fields).await);
    fields.push(("confirm", "yes"));
    let done = casey.passes(&give, &fields).await;
    book.page("casework-site-given", 200, &casey.get(&done).await);
    let add = format!("{site}/add-address");
    let asked = casey.get(&add).await;
    let version = asked.hidden("version");
    book.page("casework-site-add-address", 200, &asked);
    book.page("casework-site-add-address-none", 422, &casey.post(&add, &[]).await);
    let wrong = [
        ("address", "care.vm196@carepost.example"),
        ("reason", "Sold."),
        ("confirm", "yes"),
        ("version", &version),
    ];
    book.page("casework-site-add-address-in-use", 422, &casey.post(&add, &wrong).await);
}

async fn mail_server(book: &mut Book) {
    let harness = Harness::new(false).await;
    let worker = harness.case_worker("casey@carepost.example").await;
    let mut casey = Guest::with(&harness, SessionKind::CaseWorker, &worker).await;
    let path = "/casework/mail";
    book.page("casework-mail-never-compared", 200, &casey.get(path).await);
    let asked = casey.passes("/casework/mail/compare", &[]).await;
    book.page("casework-mail-asked", 200, &casey.get(&asked).await);
    does_all_work(&harness).await;
    book.page("casework-mail-empty", 200, &casey.get(path).await);

    harness.app.clock.advance(Span::minutes(1));
    // The engine knows nothing of either home yet, and something that nobody knows.
    harness.home("VM195").await;
    harness.home("VM196").await;
    harness.mail.tamper("left-behind", "gone@carepost.example", "account; gone@carepost.example; aliases: ");
    harness.mail.leave_storage("older-still");
    harness.mail.set_unread("care.vm195@carepost.example", 3);
    harness.mail.set_unread("care.vm196@carepost.example", 1);
    run(&harness, "UPDATE accounts SET state = 'Disabled' WHERE address = 'asha.patel1@carepost.example'")
        .await;
    casey.passes("/casework/mail/compare", &[]).await;
    assert!(carepost::schedule::run_due(&harness.app).await.is_empty());
    work::do_due(&harness.app).await.expect("compared and counted");
    run(
        &harness,
        "UPDATE outbox SET state = 'NeedsAttention' WHERE kind = 'ProvisionAccount'
            AND subject = (SELECT id FROM accounts WHERE address = 'bo.li1@carepost.example')",
    )
    .await;
    run(
        &harness,
        "UPDATE outbox SET state = 'Done' WHERE kind = 'ProvisionAccount'
            AND subject = (SELECT id FROM accounts WHERE address = 'bo.li@carepost.example')",
    )
    .await;
    book.page("casework-mail", 200, &casey.get(path).await);
    harness.app.clock.advance(Span::minutes(1));
    harness.mail.set_down(true);
    casey.passes("/casework/mail/compare", &[]).await;
    work::do_due(&harness.app).await.expect("tried");
    book.page("casework-mail-not-compared", 200, &casey.get(path).await);
}

/// The version of a case, as the forms of case work carry it.
pub async fn version(harness: &Harness, id: &str) -> String {
    let (version,): (i64,) = harness
        .app
        .database
        .one("SELECT version FROM registrations WHERE id = $1", &[&id])
        .await
        .expect("read");
    version.to_string()
}

pub async fn approve(harness: &Harness, casey: &mut Guest<'_>, id: &str) {
    let version = version(harness, id).await;
    casey
        .passes(
            &format!("/casework/cases/{id}"),
            &[("do", "approve"), ("note", "I spoke to Amy Reed."), ("version", &version)],
        )
        .await;
}

async fn case_work(book: &mut Book) {
    let harness = Harness::new(true).await;
    let worker = harness.case_worker("casey@carepost.example").await;
    let mut casey = Guest::new(&harness);
    let sign_in = "/casework/sign-in";
    book.page("casework-sign-in", 200, &casey.get(sign_in).await);
    book.page("casework-sign-in-none", 422, &casey.post(sign_in, &[]).await);
    let wrong = [("email", "casey@carepost.example"), ("password", "not this one")];
    book.page("casework-sign-in-wrong", 422, &casey.post(sign_in, &wrong).await);
    let mut half = Guest::with(&harness, SessionKind::HalfSignedIn, &worker).await;
    book.page("casework-sign-in-code", 200, &half.get("/casework/sign-in/code").await);
    book.page("casework-sign-in-code-none", 422, &half.post("/casework/sign-in/code", &[]).await);
    let wrong = half.post("/casework/sign-in/code", &[("code", "000000")]).await;
    book.page("casework-sign-in-code-wrong", 422, &wrong);

    let mut casey = Guest::with(&harness, SessionKind::CaseWorker, &worker).await;
    for show in ["to-do", "waiting", "enquiries", "ended"] {
        let got = casey.get(&format!("/casework?show={show}")).await;
        book.page(&format!("casework-queue-{show}-empty"), 200, &got);
    }
    book.page("casework-attention-empty", 200, &casey.get("/casework/attention").await);

    let case = sent(&harness).await;
    let path = format!("/casework/cases/{}", case.id);
    book.page("casework-case-before-the-checks", 200, &casey.get(&path).await);
    does_all_work(&harness).await;
    let draft = harness
        .draft(|draft| {
            until(draft, Page::Email);
            draft.answers.has_account = Some(true);
        })
        .await;
    let mut bo = Guest::with(&harness, SessionKind::Registrant, &draft.id).await;
    bo.passes(
        "/register/recover-your-account",
        &[
            ("organisation", "Oak House, OL1 1AA"),
            ("name", "Bo Reed"),
            ("email", "bo@oakhouse.example"),
            ("telephone", "01632 960 001"),
            ("message", "Nobody knows\nthe password."),
        ],
    )
    .await;
    book.page("casework-queue", 200, &casey.get("/casework").await);
    book.page("casework-queue-enquiries", 200, &casey.get("/casework?show=enquiries").await);
    book.page("casework-case", 200, &casey.get(&path).await);
    book.page("casework-case-note-none", 422, &casey.post(&path, &[("do", "note")]).await);
    let noted = casey.passes(&path, &[("do", "note"), ("note", "Called twice.\nNobody there.")]).await;
    book.page("casework-case-noted", 200, &casey.get(&noted).await);
    let stale = casey.post(&path, &[("do", "approve"), ("version", "1")]).await;
    book.page("casework-case-not-approved", 409, &stale);

    let decline = format!("{path}/decline");
    book.page("casework-decline", 200, &casey.get(&decline).await);
    book.page("casework-decline-none", 422, &casey.post(&decline, &[]).await);
    let now = version(&harness, &case.id).await;
    let letter = [("reason", "REJ-10"), ("words", "It lapsed.\nPublish again."), ("version", now.as_str())];
    book.page("casework-decline-preview", 200, &casey.post(&decline, &letter).await);
    let change: Vec<(&str, &str)> = letter.iter().copied().chain([("do", "change")]).collect();
    book.page("casework-decline-filled", 200, &casey.post(&decline, &change).await);
    let ask = format!("{path}/ask");
    book.page("casework-ask", 200, &casey.get(&ask).await);
    book.page("casework-ask-none", 422, &casey.post(&ask, &[]).await);
    let asked = casey.passes(&ask, &[("question", "Who is the manager?"), ("version", &now)]).await;
    book.page("casework-case-asked", 200, &casey.get(&asked).await);
    book.page("casework-queue-waiting", 200, &casey.get("/casework?show=waiting").await);
    put(&harness, &case.id, RegistrationState::Referred).await;
    run(&harness, "UPDATE registrations SET high_risk = TRUE").await;
    book.page("casework-case-high-risk", 200, &casey.get(&path).await);
    approve(&harness, &mut casey, &case.id).await;
    book.page("casework-case-approved-by-one", 200, &casey.get(&path).await);
    let now = version(&harness, &case.id).await;
    let send = [("reason", "REJ-10"), ("words", "It lapsed."), ("version", now.as_str()), ("do", "send")];
    let declined = casey.passes(&decline, &send).await;
    book.page("casework-case-declined", 200, &casey.get(&declined).await);
    let mut other = send;
    other[1].1 = "It ran out.";
    book.page("casework-decline-too-late", 409, &casey.post(&decline, &other).await);
    book.page("casework-queue-ended", 200, &casey.get("/casework?show=ended").await);

    let (enquiry,): (String,) =
        harness.app.database.one("SELECT id FROM enquiries", &[]).await.expect("read");
    let path = format!("/casework/enquiries/{enquiry}");
    book.page("casework-enquiry", 200, &casey.get(&path).await);
    book.page("casework-enquiry-note-none", 422, &casey.post(&path, &[("do", "note")]).await);
    let mut close = vec![("do", "close"), ("version", "1")];
    book.page("casework-enquiry-how-none", 422, &casey.post(&path, &close).await);
    close.push(("how", "email"));
    book.page("casework-enquiry-answer-none", 422, &casey.post(&path, &close).await);
    close[2].1 = "without";
    book.page("casework-enquiry-why-none", 422, &casey.post(&path, &close).await);
    close.extend([("why", "They found it."), ("note", "They called.")]);
    let closed = casey.passes(&path, &close).await;
    book.page("casework-enquiry-closed", 200, &casey.get(&closed).await);
    assert_eq!(casey.passes(&path, &close).await, closed, "a second click is the same closing");
    close[3].1 = "Sent twice.";
    book.page("casework-enquiry-too-late", 409, &casey.post(&path, &close).await);

    run(
        &harness,
        "UPDATE outbox SET state = 'NeedsAttention', reason = 'The mail server said no.', attempts = 8
          WHERE id = (SELECT MIN(id) FROM outbox WHERE kind = 'SendLetter')",
    )
    .await;
    book.page("casework-attention", 200, &casey.get("/casework/attention").await);
    registers(book, &harness, &mut casey).await;
}

/// The page of the registers, and of an import that waits for two people.
async fn registers(book: &mut Book, harness: &Harness, casey: &mut Guest<'_>) {
    let app = &harness.app;
    let options = import::Options {
        contact_key: Some(app.contact_key()),
        by: "an operator".to_owned(),
        limits: import::Limits { contacts_percent: 0, ..import::Limits::default() },
        ..import::Options::default()
    };
    let file = "Location ID,Contact ID,Email,Telephone\n1-530528300,1-7530528399,eve@elsewhere.example,\n";
    let kind = import::ImportKind::SiteContacts;
    let bytes = file.as_bytes();
    let report =
        import::run_bytes(&app.database, &app.clock, kind, "contacts of November.csv", bytes, &options)
            .await
            .expect("read");
    let path = format!("/casework/registers/{}", report.held.expect("held"));
    book.page("casework-attention-import-waits", 200, &casey.get("/casework/attention").await);
    book.page("casework-registers", 200, &casey.get("/casework/registers").await);
    book.page("casework-registers-held", 200, &casey.get(&path).await);
    casey.passes(&format!("{path}/release"), &[]).await;
    book.page("casework-registers-released-once", 200, &casey.get(&path).await);
    casey.passes(&format!("{path}/discard"), &[]).await;
    book.page("casework-registers-discarded", 200, &casey.get(&path).await);
}

async fn refusals_and_faults(book: &mut Book) {
    let harness = Harness::new(false).await;
    let mut amy = Guest::new(&harness);
    book.page("not-found", 404, &amy.get("/nowhere").await);
    book.page("refused-forged", 403, &harness.post_with_token("/register", &amy.browser, &[], "0").await);
    let huge = "x".repeat(100_000);
    book.page("refused-too-much-text", 413, &amy.post("/registration", &[("reference", &huge)]).await);
    book.page("refused-method", 405, &amy.post("/", &[]).await);
    room(&harness, NO_ROOM).await;
    let mut got = amy.post("/register", &[]).await;
    for _ in 0..200 {
        if got.status != 303 {
            break;
        }
        harness.app.clock.advance(Span::minutes(61));
        got = amy.post("/register", &[]).await;
    }
    book.page("fault-full", 503, &got);
    room(&harness, ROOM).await;
    run(&harness, "ALTER TABLE budgets RENAME TO budgets_elsewhere").await;
    book.page("fault", 500, &amy.post("/register", &[]).await);
}
