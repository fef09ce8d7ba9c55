//! Nothing personal and nothing secret stands in a log, in an error page, or, as far as it opens
//! something, in the database.

use crate::guest::{Guest, does_all_work, letter, run};
use crate::harness::{Got, Harness};
use carepost::clock::Span;
use carepost::database::{Error, Reads, transaction};
use carepost::{id, sign_in};
use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Every line that the program logged while these tests ran, at debug level.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static BEGUN: OnceLock<()> = OnceLock::new();

struct Collector;

impl Write for Collector {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One for the whole test program: other tests write into it too, which does no harm, because what
/// is looked for is nowhere but here.
fn collect_the_log() {
    BEGUN.get_or_init(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
            .with_ansi(false)
            .with_writer(|| Collector)
            .init();
    });
}

fn log() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

/// Whether a text holds a secret as a word of its own (six digits stand by chance in many a number).
fn holds(text: &str, secret: &str) -> bool {
    text.match_indices(secret).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + secret.len()..].chars().next();
        ![before, after].into_iter().flatten().any(|letter| letter.is_ascii_alphanumeric())
    })
}

/// What somebody types that nobody else may read, under the names by which a failure speaks of it.
const PERSONAL: [(&str, &str); 12] = [
    ("email", "zaraquill@kestrelby.example"),
    ("second email", "bertrume@kestrelby.example"),
    ("mobile", "07700900777"),
    ("mobile in words", "07700 900 777"),
    ("mobile as sent to", "+447700900777"),
    ("first name", "Zaraquill"),
    ("last name", "Vanterpoolby"),
    ("role", "Chandlery lead"),
    ("note", "Spoke to the quartermistress."),
    ("contact ID", "1-7530528300"),
    ("password of an account", "otter saddle bonfire"),
    ("password of a case worker", "plover anvil drizzle"),
];

/// Somebody who remembers every secret their browser has held and every error page they were shown.
struct Watched<'h> {
    guest: Guest<'h>,
    secrets: Vec<String>,
    error_pages: Vec<String>,
}

impl<'h> Watched<'h> {
    fn new(harness: &'h Harness) -> Self {
        let guest = Guest::new(harness);
        let secrets = vec![guest.browser.clone()];
        Watched { guest, secrets, error_pages: Vec::new() }
    }

    fn remember(&mut self, got: Got) -> Got {
        self.secrets.push(self.guest.browser.clone());
        // A problem is shown beside what was typed; every other page of an error stands alone.
        if got.status >= 400 && got.status != 422 {
            self.error_pages.push(got.body.clone());
        }
        got
    }

    async fn get(&mut self, path: &str) -> Got {
        let got = self.guest.get(path).await;
        self.remember(got)
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Got {
        let got = self.guest.post(path, fields).await;
        self.remember(got)
    }

    async fn passes(&mut self, path: &str, fields: &[(&str, &str)]) {
        let got = self.post(path, fields).await;
        assert_eq!(got.status, 303, "{path}: {}", got.body);
    }
}

fn person<'a>(first: &'a str, email: &'a str, mobile: &'a str, access: &'a str) -> [(&'a str, &'a str); 7] {
    [
        ("first_name", first),
        ("last_name", "Vanterpoolby"),
        ("role", "Chandlery lead"),
        ("email", email),
        ("mobile", mobile),
        ("access", access),
        ("has_account", "no"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_personal_and_no_secret_in_a_log_or_an_error_page() {
    collect_the_log();
    let harness = Harness::new(true).await;
    let mut secrets: Vec<(String, String)> = Vec::new();
    let mut zara = Watched::new(&harness);
    zara.passes("/register", &[]).await;
    for (page, answer) in [
        ("social-care", "yes"),
        ("cqc-registered", "yes"),
        ("hospice", "no"),
        ("how-many-sites", "one"),
        ("existing-account", "no"),
    ] {
        zara.passes(&format!("/register/{page}"), &[("answer", answer)]).await;
    }
    let (email, mobile) = (PERSONAL[0].1, PERSONAL[2].1);
    zara.passes("/register/your-email", &[("email", email)]).await;
    let (code, _) = letter(&harness, email, "email code").await;
    let bad = if code == "123456" { "654321" } else { "123456" };
    zara.post("/register/email-code", &[("code", bad)]).await;
    zara.passes("/register/email-code", &[("code", &code)]).await;
    secrets.push(("code to the registrant".to_owned(), code));
    zara.passes("/register/find-your-site", &[("q", "home instead"), ("site", "1-530528300")]).await;
    zara.passes("/register/confirm-your-site", &[("right", "yes")]).await;
    zara.passes("/register/dspt", &[]).await;
    zara.passes("/register/prove-your-authority", &[("way", "email")]).await;
    let (code, _) = letter(&harness, "manager@home-instead.example", "site code").await;
    secrets.push(("code to the site".to_owned(), code));
    zara.passes("/register/prove-your-authority", &[("way", "contact-id")]).await;
    zara.post("/register/contact-id", &[("contact_id", "1-7530528301")]).await;
    zara.passes("/register/contact-id", &[("contact_id", "1-7530528300")]).await;
    zara.passes("/register/town", &[("town", "Oldham")]).await;
    zara.passes("/register/people/1", &person("Zaraquill", email, mobile, "owner")).await;
    zara.passes("/register/people/2", &person("Bertrume", PERSONAL[1].1, "07700900778", "member")).await;
    zara.passes("/register/people", &[]).await;
    zara.passes("/register/check-your-answers", &[("declaration", "yes")]).await;
    let (_, stop_link) = letter(&harness, "manager@home-instead.example", "notice to the site").await;
    secrets.push(("link to stop it".to_owned(), stop_link.clone()));
    zara.get(&format!("{stop_link}x")).await;
    zara.get(&stop_link).await;

    // A case worker signs in, wrongly and rightly, reads the case, writes a note.
    let (password, now) = (PERSONAL[11].1, harness.app.clock.now());
    let hash = sign_in::password::hash_now(password).expect("hashed");
    secrets.push(("hash of a password".to_owned(), hash.clone()));
    let worker = id::new_id(now);
    let row = worker.clone();
    harness
        .app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            sign_in::store::add_case_worker(tx, &row, "Casey Worker", "casey@carepost.example", &hash, now)
                .await
        }))
        .await
        .expect("a case worker");
    let mut casey = Watched::new(&harness);
    let login = "/casework/sign-in";
    casey.post(login, &[("email", "casey@carepost.example"), ("password", "otter saddle bonfire")]).await;
    casey.passes(login, &[("email", "casey@carepost.example"), ("password", password)]).await;
    let code =
        sign_in::app_code::code_now(&harness.app.key, sign_in::secrets::Purpose::CaseWorkerApp, &worker, now);
    casey.post("/casework/sign-in/code", &[("code", bad)]).await;
    casey.passes("/casework/sign-in/code", &[("code", &code)]).await;
    secrets.push(("code of an app".to_owned(), code));
    let (case,): (String,) = harness
        .app
        .database
        .one("SELECT id FROM registrations WHERE state <> 'Draft'", &[])
        .await
        .expect("read");
    casey.get(&format!("/casework/cases/{case}")).await;
    casey
        .passes(
            &format!("/casework/cases/{case}"),
            &[("do", "note"), ("note", "Spoke to the quartermistress.")],
        )
        .await;
    casey.get("/casework/cases/nowhere").await;
    does_all_work(&harness).await;
    let (state, version): (String, i64) = harness
        .app
        .database
        .one("SELECT state, version FROM registrations WHERE id = $1", &[&case])
        .await
        .expect("read");
    if state == "Referred" {
        let approve = [("do", "approve"), ("version", &version.to_string())];
        casey.passes(&format!("/casework/cases/{case}"), &approve).await;
    }
    does_all_work(&harness).await;

    // She writes to us, wrongly and rightly, and a case worker reads and answers it.
    let mut message = vec![
        ("message", "The quartermistress cannot read anything."),
        ("people", "many"),
        ("name", "Zaraquill Vanterpoolby"),
        ("email", email),
        ("telephone", "07700 900 777"),
        ("organisation", "Kestrelby"),
        ("addresses", "bertrume@kestrelby.example"),
    ];
    zara.post("/contact/email/write", &message).await;
    message[1].1 = "3";
    zara.passes("/contact/email/write", &message).await;
    zara.passes("/feedback/complaint", &message).await;
    does_all_work(&harness).await;

    // She activates her account.
    let (_, link) = letter(&harness, email, "activation").await;
    secrets.push(("link to activate".to_owned(), link.clone()));
    let mut active = Watched::new(&harness);
    active.get(&link).await;
    active.passes(&link, &[]).await;
    let (code, _) = letter(&harness, "+447700900777", "activation code").await;
    active.passes("/activate/code", &[("code", &code)]).await;
    secrets.push(("code to a mobile".to_owned(), code));
    active.passes("/activate/password", &[("password", PERSONAL[10].1)]).await;
    active.passes("/activate/policy", &[("agree", "yes")]).await;
    does_all_work(&harness).await;
    active.get(&link).await;

    // She sets up her app, writes down recovery codes, gives her computer an app password, and signs
    // in again, wrongly and rightly.
    let (app, address): (String, String) = harness
        .app
        .database
        .one("SELECT t.id, a.address FROM authenticators t JOIN accounts a ON a.id = t.account_id", &[])
        .await
        .expect("an app is being set up");
    let purpose = sign_in::secrets::Purpose::AccountApp;
    let key_text = sign_in::app_code::key_text(&harness.app.key, purpose, &app);
    secrets.push(("key of an app".to_owned(), key_text));
    active.get("/sign-in/app").await;
    let code = harness.code_of_app(&app);
    active.post("/sign-in/app", &[("code", bad)]).await;
    active.passes("/sign-in/app", &[("code", &code)]).await;
    secrets.push(("code of a holder's app".to_owned(), code));
    let shown = active.post("/my-account/security/recovery-codes", &[]).await;
    let codes: Vec<String> = shown
        .body
        .split("<li><span class=\"app-secret\">")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap_or("").to_owned())
        .collect();
    assert_eq!(codes.len(), 10);
    for code in &codes {
        secrets.push(("recovery code".to_owned(), code.clone()));
        secrets.push(("recovery code without dashes".to_owned(), code.replace('-', "")));
    }
    let shown = active.post("/my-account/mail-programs/add", &[("name", "Computer")]).await;
    let value: String = shown
        .body
        .split("app-secret--large\">")
        .nth(1)
        .and_then(|rest| rest.split("</p>").next())
        .unwrap_or("")
        .split('>')
        .filter_map(|part| part.split('<').next())
        .collect();
    assert_eq!(value.len(), 24);
    let hash = carepost::directory::app_password::hash(&value);
    secrets.push(("app password".to_owned(), value));
    secrets.push(("hash of an app password".to_owned(), hash));
    active.passes("/sign-out", &[]).await;
    active.post("/sign-in", &[("address", &address), ("password", PERSONAL[11].1)]).await;
    active.passes("/sign-in", &[("address", &address), ("password", PERSONAL[10].1)]).await;
    active.post("/sign-in/recovery-code", &[("code", "AAAA-CCCC-DDDD-EEEE")]).await;
    active.passes("/sign-in/recovery-code", &[("code", &codes[0])]).await;
    active.get("/my-account").await;
    active.get("/my-account/mail-programs/apple.mobileconfig").await;
    does_all_work(&harness).await;

    for (person, name) in [(&zara, "the registrant"), (&casey, "the case worker"), (&active, "the holder")] {
        secrets.extend(person.secrets.iter().map(|secret| (format!("session of {name}"), secret.clone())));
    }
    nothing_that_opens_is_kept(&harness, &secrets).await;

    // Faults: nothing can be asked for, and nothing can be read.
    harness.app.clock.advance(Span::hours(2));
    run(&harness, "ALTER TABLE budgets RENAME TO budgets_elsewhere").await;
    assert_eq!(zara.post("/register/return", &[("email", email)]).await.status, 500);
    assert_eq!(casey.post(login, &[("email", email), ("password", PERSONAL[10].1)]).await.status, 500);
    run(&harness, "ALTER TABLE registrations RENAME TO registrations_elsewhere").await;
    assert_eq!(zara.post("/register/return", &[("email", email)]).await.status, 500);

    let log = log();
    assert!(log.contains("fault") && log.contains("a sign-in to case work was refused"), "the log is kept");
    let pages: Vec<&String> =
        [&zara, &casey, &active].into_iter().flat_map(|person| &person.error_pages).collect();
    assert!(pages.len() >= 5, "errors were provoked");
    let canaries =
        PERSONAL.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).chain(secrets);
    for (name, text) in canaries {
        let token = text.rsplit('/').next().unwrap_or(&text);
        for line in log.lines() {
            let line = line.split(" took_us=").next().unwrap_or(line);
            assert!(!holds(line, token), "the {name} stands in the log: {line}");
        }
        assert!(pages.iter().all(|page| !holds(page, token)), "the {name} stands in an error page");
    }
    for line in log.lines().filter(|line| line.contains(" carepost::web::") || line.contains("::pages::")) {
        assert!(
            line.contains(" request=\"") || line.contains("carepost::web::serve"),
            "no number in: {line}"
        );
    }
}

/// Codes and links are derived, tokens and passwords hashed: no column holds one.
async fn nothing_that_opens_is_kept(harness: &Harness, secrets: &[(String, String)]) {
    let columns: Vec<(String, String)> = harness
        .app
        .database
        .all(
            "SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table'",
            &[],
        )
        .await
        .expect("the tables");
    assert!(columns.len() > 100, "{}", columns.len());
    let mut seen = 0;
    for (table, column) in columns {
        let sql = format!("SELECT \"{column}\" FROM \"{table}\" WHERE typeof(\"{column}\") = 'text'");
        let texts: Vec<(String,)> = harness.app.database.all(sql.leak(), &[]).await.expect("the texts");
        seen += texts.len();
        for (name, secret) in secrets.iter().filter(|(name, _)| !name.starts_with("hash of ")) {
            let token = secret.rsplit('/').next().unwrap_or(secret);
            for (text,) in &texts {
                assert!(!holds(text, token), "the {name} stands in {table}.{column}");
            }
        }
        for (_, password) in &PERSONAL[10..] {
            assert!(texts.iter().all(|(text,)| !text.contains(password)), "a password in {table}.{column}");
        }
        // The contact ID is kept as a keyed hash in a registration; the register's own is, too.
        assert!(texts.iter().all(|(text,)| !holds(text, PERSONAL[9].1)), "a contact ID in {table}.{column}");
    }
    assert!(seen > 1_000, "{seen} texts were read");
}
