//! People with browsers. They do what people do: read, fill in, choose, press. Every page they come
//! to is looked at by the accessibility engine, wide and at 320 pixels.

use super::world::{PASSWORD, World};
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::key::Key;
use fantoccini::wd::PrintConfiguration;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, OnceLock};

/// Pages that have been looked at, by what they hold; a page two stories pass is looked at once.
static LOOKED_AT: Mutex<Option<HashSet<String>>> = Mutex::new(None);

/// How long somebody looks before looking again.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(50);

pub struct Person {
    world: Arc<World>,
    browser: Client,
    pub email: String,
    scripts: bool,
    keyboard: bool,
}

/// One home as a story registers it.
pub struct Home {
    pub search: &'static str,
    pub name: &'static str,
    pub contact_id: &'static str,
    pub contact: &'static str,
}

/// Right in everything, Standards Met.
pub const HOME_INSTEAD: Home = Home {
    search: "Home Instead",
    name: "Home Instead",
    contact_id: "1-7530528300",
    contact: "manager@home-instead.example",
};

impl Person {
    pub(super) fn new(world: &Arc<World>, email: &str, scripts: bool) -> Self {
        let driver = webdriver();
        let mut preferences = serde_json::json!({});
        if !scripts {
            preferences = serde_json::json!({ "profile.managed_default_content_settings.javascript": 2 });
        }
        let capabilities: Capabilities = serde_json::from_value(serde_json::json!({
            "goog:chromeOptions": {
                "args": [
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                    "--disable-background-networking", "--disable-component-update", "--disable-sync",
                    "--disable-dev-shm-usage", "--window-size=1280,1600", "--lang=en-GB"
                ],
                "prefs": preferences
            }
        }))
        .expect("capabilities are an object");
        let browser = world.wait(async {
            let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
            builder.capabilities(capabilities).connect(&driver).await.expect("the browser starts")
        });
        Person { world: Arc::clone(world), browser, email: email.to_owned(), scripts, keyboard: false }
    }

    /// From now on with the keyboard alone.
    #[must_use]
    pub fn by_keyboard(mut self) -> Self {
        self.keyboard = true;
        self
    }

    fn wait<T>(&self, what: impl Future<Output = Result<T, fantoccini::error::CmdError>>, doing: &str) -> T {
        match self.world.wait(what) {
            Ok(done) => done,
            Err(error) => panic!(
                "{} could not {doing}: {error}\nOn the page {}:\n{}",
                self.email,
                self.path(),
                self.text()
            ),
        }
    }

    pub fn path(&self) -> String {
        let url = self.world.wait(self.browser.current_url());
        url.map_or_else(|_| "(no page)".to_owned(), |url| url.path().to_owned())
    }

    /// What the page says.
    pub fn text(&self) -> String {
        self.world
            .wait(async { self.browser.find(Locator::Css("main")).await?.text().await })
            .unwrap_or_else(|_| "(no text)".to_owned())
    }

    /// What stands on top of the page, where every page shows it.
    pub fn reads_on_top(&self) -> String {
        self.world
            .wait(async { self.browser.find(Locator::Css(".app-notices")).await?.text().await })
            .unwrap_or_default()
    }

    /// Follows a link in the message on top of the page.
    pub fn follows_on_top(&self, words: &str) {
        let find = format!(
            "//*[contains(@class, 'app-notices')]//a[starts-with(normalize-space(.), {})]",
            quoted(words)
        );
        let element =
            self.wait(self.browser.find(Locator::XPath(&find)), &format!("find the link “{words}”"));
        self.activates(&element, words);
    }

    pub fn goes_to(&self, path: &str) {
        let address =
            if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.world.address) };
        self.wait(self.browser.goto(&address), &format!("go to {path}"));
        self.looks_at_the_page();
    }

    #[track_caller]
    pub fn sees(&self, words: &str) {
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let seen = self.becomes(|| plain(&self.text()).contains(&plain(words)));
        assert!(seen, "{} does not see “{words}” on {}:\n{}", self.email, self.path(), self.text());
    }

    #[track_caller]
    pub fn does_not_see(&self, words: &str) {
        let text = self.text();
        assert!(!text.contains(words), "{} sees “{words}” on {}:\n{text}", self.email, self.path());
    }

    #[track_caller]
    pub fn is_on(&self, path: &str) {
        self.becomes(|| self.path() == path);
        assert_eq!(self.path(), path, "{} reads:\n{}", self.email, self.text());
    }

    /// Types into the field with this label, in place of what stands there.
    pub fn fills(&self, label: &str, value: &str) {
        let find = format!(
            "//*[@id = string(//label[normalize-space(.) = {0}]/@for)] | //*[@id = string(//label[starts-with(normalize-space(.), {0})]/@for)]",
            quoted(label)
        );
        self.types_into(&find, label, value);
    }

    /// Types into the fields of the day asked for under this question.
    pub fn gives_the_day(&self, question: &str, day: &str, month: &str, year: &str) {
        for (label, value) in [("Day", day), ("Month", month), ("Year", year)] {
            let find = format!(
                "//fieldset[legend[starts-with(normalize-space(.), {})]]//input[@id = //label[normalize-space(.) = {}]/@for]",
                quoted(question),
                quoted(label)
            );
            self.types_into(&find, label, value);
        }
    }

    fn types_into(&self, find: &str, label: &str, value: &str) {
        let element =
            self.wait(self.browser.find(Locator::XPath(find)), &format!("find the field “{label}”"));
        if self.keyboard {
            self.moves_focus_to(&element, label);
            self.keys(&[Key::Control], "a");
            self.wait(element.send_keys(value), &format!("fill in “{label}”"));
        } else {
            self.wait(element.clear(), &format!("clear “{label}”"));
            self.wait(element.send_keys(value), &format!("fill in “{label}”"));
        }
    }

    /// Chooses the answer, or ticks the box, with this label.
    pub fn chooses(&self, label: &str) {
        let find = format!(
            "//input[(@type = 'radio' or @type = 'checkbox') and (@id = string(//label[normalize-space(.) = {0}]/@for) or @id = string(//label[starts-with(normalize-space(.), {0})]/@for))]",
            quoted(label)
        );
        let element =
            self.wait(self.browser.find(Locator::XPath(&find)), &format!("find the answer “{label}”"));
        if self.keyboard {
            self.chooses_by_keyboard(&element, label);
        } else {
            self.wait(element.click(), &format!("choose “{label}”"));
        }
    }

    /// Chooses in a group of answers by its question, where labels repeat on a page.
    pub fn answers(&self, question: &str, label: &str) {
        let find = format!(
            "//fieldset[.//legend[contains(normalize-space(.), {})]]//input[@id = string(//fieldset[.//legend[contains(normalize-space(.), {})]]//label[starts-with(normalize-space(.), {})]/@for)]",
            quoted(question),
            quoted(question),
            quoted(label)
        );
        let element = self
            .wait(self.browser.find(Locator::XPath(&find)), &format!("find “{label}” under “{question}”"));
        if self.keyboard {
            self.chooses_by_keyboard(&element, label);
        } else {
            self.wait(element.click(), &format!("choose “{label}”"));
        }
    }

    pub fn selects(&self, label: &str, option: &str) {
        let find = format!("//select[@id = string(//label[normalize-space(.) = {}]/@for)]", quoted(label));
        let element =
            self.wait(self.browser.find(Locator::XPath(&find)), &format!("find the list “{label}”"));
        let option_at = format!(".//option[contains(normalize-space(.), {})]", quoted(option));
        let chosen =
            self.wait(element.find(Locator::XPath(&option_at)), &format!("find “{option}” in “{label}”"));
        self.wait(chosen.click(), &format!("select “{option}”"));
    }

    /// Presses a button, or a link that looks like one.
    pub fn presses(&self, words: &str) {
        let find = format!(
            "//button[normalize-space(.) = {0}] | //a[@role = 'button' and normalize-space(.) = {0}]",
            quoted(words)
        );
        let element =
            self.wait(self.browser.find(Locator::XPath(&find)), &format!("find the button “{words}”"));
        self.activates(&element, words);
    }

    /// Follows a link.
    pub fn follows(&self, words: &str) {
        let find = format!("//a[normalize-space(.) = {}]", quoted(words));
        let element =
            self.wait(self.browser.find(Locator::XPath(&find)), &format!("find the link “{words}”"));
        self.activates(&element, words);
    }

    fn activates(&self, element: &fantoccini::elements::Element, words: &str) {
        if self.keyboard {
            self.moves_focus_to(element, words);
            self.keys(&[], "\u{e007}");
        } else {
            self.wait(element.click(), &format!("press “{words}”"));
        }
        self.waits_for_the_next_page(element);
        self.looks_at_the_page();
    }

    /// Waits until what was pressed is gone with its page. A browser under load comes back from a
    /// press before the next page is there.
    fn waits_for_the_next_page(&self, pressed: &fantoccini::elements::Element) {
        for _ in 0..100 {
            if self.world.wait(pressed.is_enabled()).is_err() {
                return;
            }
            std::thread::sleep(PATIENCE);
        }
    }

    /// Asks until it holds, for as long as a person would wait.
    fn becomes(&self, holds: impl Fn() -> bool) -> bool {
        for _ in 0..100 {
            if holds() {
                return true;
            }
            std::thread::sleep(PATIENCE);
        }
        false
    }

    fn keys(&self, held: &[Key], keys: &str) {
        let mut actions = KeyActions::new("keyboard".to_owned());
        for key in held {
            actions = actions.then(KeyAction::Down { value: char::from(*key) });
        }
        for key in keys.chars() {
            actions = actions.then(KeyAction::Down { value: key }).then(KeyAction::Up { value: key });
        }
        for key in held {
            actions = actions.then(KeyAction::Up { value: char::from(*key) });
        }
        self.wait(self.browser.perform_actions(actions), "press keys");
    }

    /// Presses Tab until the element has the focus; fails when it is never reached, which is what a
    /// person without a mouse would find.
    fn moves_focus_to(&self, element: &fantoccini::elements::Element, what: &str) {
        for _ in 0..80 {
            let active = self.wait(self.browser.active_element(), "find the focus");
            if active.element_id() == element.element_id() {
                return;
            }
            self.keys(&[], "\u{e004}");
        }
        panic!("{} cannot reach “{what}” with the Tab key on {}", self.email, self.path());
    }

    fn chooses_by_keyboard(&self, element: &fantoccini::elements::Element, label: &str) {
        let name = self.wait(element.attr("name"), "read a name").unwrap_or_default();
        let kind = self.wait(element.attr("type"), "read a type").unwrap_or_default();
        if kind == "checkbox" {
            self.moves_focus_to(element, label);
            self.keys(&[], " ");
            return;
        }
        // Tab reaches the group, arrows move within it.
        for _ in 0..80 {
            let active = self.wait(self.browser.active_element(), "find the focus");
            if self.wait(active.attr("name"), "read a name").unwrap_or_default() == name {
                break;
            }
            self.keys(&[], "\u{e004}");
        }
        self.keys(&[], " ");
        for _ in 0..30 {
            if self.wait(element.is_selected(), "see what is chosen") {
                return;
            }
            self.keys(&[], "\u{e015}");
        }
        panic!("{} cannot choose “{label}” with the arrow keys on {}", self.email, self.path());
    }

    /// The code in the newest letter of this name that came to an address.
    pub fn code_from(&self, recipient: &str, letter: &str) -> String {
        let body = self.world.letter(recipient, letter);
        body.split(|letter: char| !letter.is_ascii_digit())
            .find(|digits| digits.len() == 6)
            .unwrap_or_else(|| panic!("no code in {body}"))
            .to_owned()
    }

    /// The link in the newest letter of this name that came to an address.
    pub fn link_from(&self, recipient: &str, letter: &str) -> String {
        let body = self.world.letter(recipient, letter);
        body.split_whitespace()
            .find(|word| word.starts_with(&self.world.address))
            .unwrap_or_else(|| panic!("no link in {body}"))
            .to_owned()
    }

    /// Presses the button with the magnifying glass.
    pub fn searches(&self) {
        let find = "//button[@aria-label = 'Search']";
        let element = self.wait(self.browser.find(Locator::XPath(find)), "find the search button");
        self.activates(&element, "Search");
    }

    /// Prints the page; how many sheets it takes.
    pub fn prints(&self) -> usize {
        let pdf = self.wait(self.browser.print(PrintConfiguration::default()), "print the page");
        let text = String::from_utf8_lossy(&pdf);
        text.matches("/Type /Page").count() - text.matches("/Type /Pages").count()
    }

    // What registrants do.

    /// Begins, and answers the questions that lead to registering one site.
    pub fn starts_a_registration(&self) {
        self.goes_to("/register");
        self.presses("Start now");
        for answer in ["Yes", "Yes", "No"] {
            self.chooses(answer);
            self.presses("Continue");
        }
        self.chooses("One site");
        self.presses("Continue");
        self.chooses("No");
        self.presses("Continue");
        self.fills("What is your email address?", &self.email);
        self.presses("Continue");
        self.sees("Check your email");
        self.fills("Code", &self.code_from(&self.email, "email code"));
        self.presses("Continue");
        self.is_on("/register/find-your-site");
    }

    pub fn finds(&self, home: &Home) {
        self.fills("Name, postcode, ODS code or CQC location ID", home.search);
        self.presses("Search");
        self.chooses(home.name);
        self.presses("Continue");
        self.chooses("Yes, this is my site");
        self.presses("Continue");
    }

    pub fn proves_with_the_contact_id(&self, home: &Home) {
        self.chooses("With the CQC contact ID");
        self.presses("Continue");
        self.fills("What is the CQC contact ID?", home.contact_id);
        self.presses("Continue");
        self.is_on("/register/town");
    }

    pub fn gives_the_town(&self, town: &str) {
        self.fills("Which town or city is your site in?", town);
        self.presses("Continue");
    }

    pub fn adds(&self, first: &str, last: &str, email: &str, mobile: &str, access: &str) {
        let add = if self.text().contains("You have added") {
            "Add another person"
        } else {
            "Add the first person"
        };
        self.presses(add);
        self.fills("First name", first);
        self.fills("Last name", last);
        self.fills("Role at the site", "Carer");
        self.fills("Email address", email);
        self.fills("UK mobile number", mobile);
        self.answers("What may they do", access);
        self.answers("Do they have an account", "No");
        self.presses("Save this person");
        self.sees(&format!("{first} {last}"));
    }

    /// Amy, who registers, and Bo.
    pub fn adds_two_people(&self) {
        self.adds("Amy", "Reed", "amy.reed@personal.example", "07700 900101", "Owner");
        self.adds("Bo", "Li", "bo.li@personal.example", "07700 900102", "Member");
        self.presses("Continue");
        self.is_on("/register/check-your-answers");
    }

    /// Everything from the start to check-your-answers.
    pub fn answers_everything(&self, home: &Home) {
        self.starts_a_registration();
        self.finds(home);
        self.sees("Your DSPT is in place");
        self.presses("Continue");
        self.proves_with_the_contact_id(home);
        self.gives_the_town("Oldham");
        self.adds_two_people();
    }

    pub fn sends_it(&self) {
        self.chooses("I may act for this site");
        self.presses("Send registration");
        self.sees("Registration sent");
    }

    /// The reference on the confirmation.
    pub fn reference(&self) -> String {
        self.text()
            .split_whitespace()
            .find_map(|word| carepost::id::Reference::parse(word).filter(|_| word.starts_with("CP-")))
            .expect("a reference on the page")
            .to_string()
    }

    // What case workers do.

    pub fn signs_in_as_case_worker(&self) {
        self.goes_to("/casework");
        self.fills("Email address", &self.email);
        self.fills("Password", PASSWORD);
        self.presses("Continue");
        self.fills("Code", &self.world.app_code(&self.email));
        self.presses("Sign in");
        self.is_on("/casework");
    }

    // What account holders do.

    /// From the link in the letter to the page that asks for the app.
    pub fn activates_the_account(&self, personal_email: &str, mobile: &str) {
        self.goes_to(&self.link_from(personal_email, "activation"));
        self.presses("Send the code to my phone");
        self.fills("Enter the code we sent you", &self.code_from(mobile, "activation code"));
        self.presses("Continue");
        self.fills("Password", PASSWORD);
        self.presses("Continue");
        self.chooses("I have read this policy");
        self.presses("Activate my account");
        self.sees("One thing is left: your authenticator app");
    }

    /// With the password and the code of the app.
    pub fn signs_in(&self, address: &str) {
        self.world.time_passes(carepost::clock::Span::seconds(30));
        self.gives_the_password(address);
        self.fills("Enter the code from your authenticator app", &self.world.code_of_account(address));
        self.presses("Sign in");
        self.is_on("/my-account");
    }

    pub fn gives_the_password(&self, address: &str) {
        self.goes_to("/sign-in");
        self.fills("Email address", address);
        self.fills("Password", PASSWORD);
        self.presses("Continue");
    }

    /// The recovery codes on the page that shows them.
    pub fn reads_the_recovery_codes(&self) -> Vec<String> {
        let text = self.text();
        let is_code = |word: &&str| word.len() == 19 && word.matches('-').count() == 3;
        text.split_whitespace().filter(is_code).map(str::to_owned).collect()
    }

    /// What the browser copies of the element with this class.
    pub fn copies(&self, class: &str) -> String {
        let copy = format!(
            "getSelection().selectAllChildren(document.querySelector('.{class}')); return getSelection().toString()"
        );
        let text = self.wait(self.browser.execute(&copy, Vec::new()), "select and copy");
        text.as_str().unwrap_or("").to_owned()
    }

    // What is looked at on every page.

    fn looks_at_the_page(&self) {
        let source = self.wait(self.browser.source(), "read the page");
        let mut hash = Sha256::new();
        // Tokens and references differ each time and change nothing for the eye.
        for piece in
            source.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|piece| piece.len() < 24)
        {
            hash.update(piece.as_bytes());
        }
        let fingerprint = carepost::id::hex(&hash.finalize());
        {
            let mut looked = LOOKED_AT.lock().expect("not poisoned");
            if !looked.get_or_insert_with(HashSet::new).insert(fingerprint) {
                return;
            }
        }
        assert_eq!(source.matches("<h1").count(), 1, "{} has not one h1:\n{source}", self.path());
        let title = self.wait(self.browser.title(), "read the title");
        let wrong = source.contains("nhsuk-error-summary");
        assert_eq!(title.starts_with("Error: "), wrong, "the title of {} is “{title}”", self.path());
        if !self.scripts {
            return;
        }
        self.must_be_accessible("wide");
        self.narrow(true);
        let measure = "return document.documentElement.scrollWidth - window.innerWidth";
        let overflow = || {
            let found = self.wait(self.browser.execute(measure, Vec::new()), "measure the page");
            found.as_i64().unwrap_or(0)
        };
        // The header folds its parts away a moment after the window has become narrow.
        if !self.becomes(|| overflow() <= 0) {
            let overflow = overflow();
            let sticks_out = self.wait(
                self.browser.execute(
                    "return [...document.querySelectorAll('body *')]
                       .filter(element => element.getBoundingClientRect().right > window.innerWidth)
                       .map(element => element.outerHTML.slice(0, 120))",
                    Vec::new(),
                ),
                "see what sticks out",
            );
            panic!("{} is {overflow} pixels too wide at 320: {sticks_out:#?}", self.path());
        }
        self.must_be_accessible("at 320 pixels");
        self.narrow(false);
    }

    fn must_be_accessible(&self, how: &str) {
        let run = format!(
            "{}\nconst done = arguments[arguments.length - 1];
             axe.run(document, {{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }})
                .then(found => done(found.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' | '))))
                .catch(error => done(['axe failed: ' + error]))",
            axe()
        );
        let found = self.wait(self.browser.execute_async(&run, Vec::new()), "run the accessibility engine");
        let violations = found.as_array().cloned().unwrap_or_default();
        assert!(violations.is_empty(), "{} {how}: {violations:#?}", self.path());
    }

    fn narrow(&self, narrow: bool) {
        let (command, params) = if narrow {
            (
                "Emulation.setDeviceMetricsOverride",
                serde_json::json!({ "width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": false }),
            )
        } else {
            ("Emulation.clearDeviceMetricsOverride", serde_json::json!({}))
        };
        self.wait(self.browser.issue_cmd(DevTools { command, params }), "set the width");
    }

    /// Takes a picture of the page, for a person to look at.
    pub fn takes_a_picture(&self, name: &str) {
        let picture = self.wait(self.browser.screenshot(), "take a picture");
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("a file");
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.takes_a_picture_of_the_failure();
        }
        let _ = self.world.wait(self.browser.clone().close());
    }
}

impl Person {
    fn takes_a_picture_of_the_failure(&self) {
        if let Ok(picture) = self.world.wait(self.browser.screenshot()) {
            let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("failures");
            let _ = std::fs::create_dir_all(&folder);
            let name = std::thread::current().name().unwrap_or("story").replace("::", "-");
            let _ = std::fs::write(folder.join(format!("{name}.png")), picture);
        }
    }
}

/// A command of the browser's own protocol.
#[derive(Debug)]
struct DevTools {
    command: &'static str,
    params: serde_json::Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or("")))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (
            http::Method::POST,
            Some(serde_json::json!({ "cmd": self.command, "params": self.params }).to_string()),
        )
    }
}

/// Text as a string of XPath.
fn quoted(text: &str) -> String {
    if !text.contains('\'') {
        format!("'{text}'")
    } else if text.contains('"') {
        let parts: Vec<String> = text.split('\'').map(|part| format!("'{part}'")).collect();
        format!("concat({})", parts.join(", \"'\", "))
    } else {
        format!("\"{text}\"")
    }
}

fn axe() -> &'static str {
    static AXE: OnceLock<String> = OnceLock::new();
    AXE.get_or_init(|| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/node_modules/axe-core/axe.min.js");
        std::fs::read_to_string(path)
            .expect("axe-core is there after `npm ci`; run the tests with `make test`")
    })
}

#[expect(clippy::disallowed_methods, reason = "the test run says where its servers are")]
fn webdriver() -> String {
    std::env::var("CAREPOST_TEST_WEBDRIVER")
        .expect("CAREPOST_TEST_WEBDRIVER is not set: run the tests with `make test`")
}
