//! Codes sent by email or text: six digits, ten minutes, five tries, only the newest.
//!
//! A code is issued for one [`CodeFor`]: what it proves, about whom, where it was sent, and in which
//! browser. [`check`] counts a try, whatever comes of it, and compares the digits; [`redeem`] uses the
//! code up in the transaction of what it leads to. Whoever redeems says what the code must be for *as
//! it is stored in that transaction*, so a code that was sent to one address never confirms another.

use super::limits::{self, Budget, SAME_PRESS, UsedUp, wait_in_words};
use super::secrets::{self, Purpose, recipient_hash};
use super::store;
use crate::app::App;
use crate::clock::{Span, Timestamp};
use crate::database::{Error, Tx, transaction};
use crate::letter::Channel;
use crate::settings::SecretKey;

/// What a code is for: compared whole when it is tried and when it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeFor {
    purpose: Purpose,
    subject: String,
    recipient: String,
    browser: String,
}

impl CodeFor {
    /// A code about `subject` (the identifier of a draft, an account) sent to `recipient` (an address
    /// or number in its one written form), good in the browser with this hash.
    pub fn new(key: &SecretKey, purpose: Purpose, subject: &str, recipient: &str, browser: &str) -> Self {
        CodeFor {
            purpose,
            subject: subject.to_owned(),
            recipient: recipient_hash(key, recipient),
            browser: browser.to_owned(),
        }
    }

    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Keyed hash of where it is sent.
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    /// Hash of the browser's secret.
    pub fn browser(&self) -> &str {
        &self.browser
    }
}

/// A code that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issued {
    /// The identifier belongs into the letter that carries the code.
    New(String),
    /// The same was asked for a moment ago: the letter is on its way, and no second one is written.
    JustNow,
}

/// Why a code was not issued or not taken: a person reads it beside the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeProblem {
    /// Nothing was typed.
    Missing(Channel),
    /// What was typed cannot be a code. It costs no try.
    NotSixDigits,
    Wrong(Channel),
    /// Expired, used, tried too often, replaced, or sent to another address: a new one is needed.
    Stale,
    /// Typed right, and used a moment ago by another press of the same button: whoever is here looks
    /// what that press has led to.
    JustUsed,
    /// Too many wrong tries today, whichever code.
    TooManyTries(UsedUp),
    /// Too many codes were asked for.
    TooManySent(UsedUp),
}

impl CodeProblem {
    pub fn words(self, now: Timestamp) -> String {
        match self {
            CodeProblem::Missing(channel) => format!("Enter the code from the {}", in_words(channel)),
            CodeProblem::NotSixDigits => NOT_SIX_DIGITS.to_owned(),
            CodeProblem::Wrong(channel) => {
                let letter = in_words(channel);
                format!("The code is not right. Check the {letter} and enter the code again")
            }
            CodeProblem::Stale | CodeProblem::JustUsed => {
                "This code no longer works. Ask for a new one".to_owned()
            }
            CodeProblem::TooManyTries(used_up) => format!(
                "There have been too many wrong codes today. Try again {}, or call our helpdesk",
                wait_in_words(now, used_up.until)
            ),
            CodeProblem::TooManySent(used_up) => format!(
                "Too many codes have been asked for. You can ask for a new one {}",
                wait_in_words(now, used_up.until)
            ),
        }
    }

    /// Whether the person can only wait: answered with 429 where a page has a status of its own for it.
    pub fn is_too_often(self) -> bool {
        match self {
            CodeProblem::TooManyTries(_) | CodeProblem::TooManySent(_) => true,
            CodeProblem::Missing(_)
            | CodeProblem::NotSixDigits
            | CodeProblem::Wrong(_)
            | CodeProblem::Stale
            | CodeProblem::JustUsed => false,
        }
    }
}

/// What carries a code, as its reader calls it.
fn in_words(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "email",
        Channel::Text => "text message",
    }
}

/// How the codes of a purpose travel.
fn channel(purpose: Purpose) -> Channel {
    match purpose {
        Purpose::ActivationCode | Purpose::SignInCode => Channel::Text,
        Purpose::EmailCode
        | Purpose::SiteCode
        | Purpose::ActivationLink
        | Purpose::StopLink
        | Purpose::CaseWorkerApp
        | Purpose::AccountApp => Channel::Email,
    }
}

/// What somebody is told whose code has not six digits.
pub const NOT_SIX_DIGITS: &str = "Code must be 6 digits, like 123456";

/// Whether what was typed can be a code, of ours or of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SixDigits {
    Yes,
    Nothing,
    No,
}

/// Looks at what was typed before it is tried: a slip of the finger must not cost one of the few tries.
pub fn six_digits(typed: &str) -> SixDigits {
    let digits: Vec<char> =
        typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').collect();
    if digits.is_empty() {
        SixDigits::Nothing
    } else if digits.len() == 6 && digits.iter().all(char::is_ascii_digit) {
        SixDigits::Yes
    } else {
        SixDigits::No
    }
}

/// How codes of this service behave, from its settings.
#[derive(Clone, Debug)]
pub struct Rules {
    pub lasts: Span,
    pub tries_max: i64,
    pub an_hour_max: i64,
    pub wrong_a_day_max: i64,
    pub texts_an_hour_max: i64,
    key: SecretKey,
}

impl Rules {
    pub fn of(app: &App) -> Self {
        let settings = &app.settings;
        Rules {
            lasts: Span::minutes(i64::from(settings.code_minutes)),
            tries_max: i64::from(settings.code_tries_max),
            an_hour_max: i64::from(settings.codes_an_hour_max),
            wrong_a_day_max: i64::from(settings.wrong_tries_a_day_max),
            texts_an_hour_max: i64::from(settings.texts_an_hour_max),
            key: app.key.clone(),
        }
    }
}

/// Issues a code; the caller writes the letter that carries it in the same transaction. The one before
/// for the same purpose, subject and browser stops working.
pub async fn issue(
    tx: &mut Tx,
    rules: &Rules,
    code: &CodeFor,
    now: Timestamp,
) -> Result<Result<Issued, CodeProblem>, Error> {
    store::lock_code(tx, code).await?;
    if store::fresh_code(tx, code, now.minus(SAME_PRESS), rules.tries_max).await?.is_some() {
        return Ok(Ok(Issued::JustNow));
    }
    issue_another(tx, rules, code, now).await
}

async fn issue_another(
    tx: &mut Tx,
    rules: &Rules,
    code: &CodeFor,
    now: Timestamp,
) -> Result<Result<Issued, CodeProblem>, Error> {
    let mut budgets = vec![Budget::an_hour("codes to", &code.recipient, rules.an_hour_max)];
    match channel(code.purpose) {
        Channel::Text => budgets.push(Budget::an_hour("texts", "everybody", rules.texts_an_hour_max)),
        Channel::Email => {}
    }
    for budget in budgets {
        if let Err(used_up) = limits::take(tx, now, &budget).await? {
            return Ok(Err(CodeProblem::TooManySent(used_up)));
        }
    }
    let id = store::add_code(tx, code, now, now.plus(rules.lasts)).await?;
    Ok(Ok(Issued::New(id)))
}

/// A code that was typed right. It proves nothing before it is redeemed. Only [`check`] makes one.
#[derive(Clone, Debug)]
pub struct RightCode {
    id: String,
}

/// Tries a code: counted in the database first, then compared.
pub async fn check(app: &App, code: &CodeFor, typed: &str) -> Result<Result<RightCode, CodeProblem>, Error> {
    let channel = channel(code.purpose);
    match six_digits(typed) {
        SixDigits::Yes => {}
        SixDigits::Nothing => return Ok(Err(CodeProblem::Missing(channel))),
        SixDigits::No => return Ok(Err(CodeProblem::NotSixDigits)),
    }
    let (now, rules) = (app.clock.now(), Rules::of(app));
    let wrong_today = Budget::a_day(code.purpose.stored(), &code.subject, rules.wrong_a_day_max);
    // The count is committed by itself: whatever happens next, this try has been spent.
    let (counting, of_the_day) = (code.clone(), wrong_today.clone());
    let counted = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            if let Err(used_up) = limits::is_used_up(tx, now, &of_the_day).await? {
                return Ok(Err(CodeProblem::TooManyTries(used_up)));
            }
            let id = store::count_try(tx, &counting, now, rules.tries_max).await?;
            Ok(id.ok_or(CodeProblem::Stale))
        }))
        .await?;
    let id = match counted {
        Ok(id) => id,
        Err(CodeProblem::Stale) => {
            let just_used = store::code_used_since(&app.database, code, now.minus(SAME_PRESS)).await?;
            let is_it = just_used.is_some_and(|id| secrets::is_code(&app.key, code.purpose, &id, typed));
            return Ok(Err(if is_it { CodeProblem::JustUsed } else { CodeProblem::Stale }));
        }
        Err(problem) => return Ok(Err(problem)),
    };
    if secrets::is_code(&app.key, code.purpose, &id, typed) {
        return Ok(Ok(RightCode { id }));
    }
    let taken: Result<(), UsedUp> = app
        .database
        .write(transaction!(async move |tx| { limits::take(tx, now, &wrong_today).await }))
        .await?;
    Ok(Err(match taken {
        Ok(()) => CodeProblem::Wrong(channel),
        Err(used_up) => CodeProblem::TooManyTries(used_up),
    }))
}

/// Uses a code up in the transaction of what it leads to; false where it was sent for something else
/// than `code` says it must be for, was used, replaced, or has run out. Then nothing may be done.
pub async fn redeem(tx: &mut Tx, right: &RightCode, code: &CodeFor, now: Timestamp) -> Result<bool, Error> {
    store::use_code(tx, &right.id, code, now).await
}

/// What became of asking for a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeRequest {
    /// A code was made; the identifier belongs into the letter that carries it.
    Made(String),
    /// Too many have been sent; says when one can be sent again.
    TooOften(UsedUp),
}

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    Right,
    Wrong,
    /// Expired, used, tried too often, or never sent: a new one is needed.
    Stale,
    /// Too many wrong tries today, whichever code.
    TooOften(UsedUp),
}

/// Makes a code for one subject (a draft, an account) and one browser, to be sent to `recipient`.
pub async fn ask(
    tx: &mut Tx,
    rules: Rules,
    purpose: Purpose,
    subject: &str,
    browser: &str,
    recipient: &str,
    now: Timestamp,
) -> Result<CodeRequest, Error> {
    let code = CodeFor::new(&rules.key, purpose, subject, recipient, browser);
    match issue_another(tx, &rules, &code, now).await? {
        Ok(Issued::New(id)) => Ok(CodeRequest::Made(id)),
        Err(CodeProblem::TooManySent(used_up)) => Ok(CodeRequest::TooOften(used_up)),
        Ok(Issued::JustNow) | Err(_) => {
            Err(Error::Misused("a code was neither made nor too many".to_owned()))
        }
    }
}

/// Tries a code and uses it up by itself, wherever it was sent.
pub async fn attempt(
    app: App,
    purpose: Purpose,
    subject: String,
    browser: String,
    typed: String,
) -> Result<Tried, Error> {
    let found = store::recipient_of_code(&app.database, purpose, &subject, &browser).await?;
    let Some(recipient) = found else { return Ok(Tried::Stale) };
    let code = CodeFor { purpose, subject, recipient, browser };
    let right = match check(&app, &code, &typed).await? {
        Ok(right) => right,
        Err(CodeProblem::Stale | CodeProblem::JustUsed) => return Ok(Tried::Stale),
        Err(CodeProblem::TooManyTries(used_up) | CodeProblem::TooManySent(used_up)) => {
            return Ok(Tried::TooOften(used_up));
        }
        Err(CodeProblem::Wrong(_) | CodeProblem::NotSixDigits | CodeProblem::Missing(_)) => {
            return Ok(Tried::Wrong);
        }
    };
    let now = app.clock.now();
    let used = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| { redeem(tx, &right, &code, now).await }))
        .await?;
    Ok(if used { Tried::Right } else { Tried::Stale })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::for_tests;
    use crate::clock::Clock;
    use crate::database::Reads;
    use crate::database::for_tests::both_engines;

    const NINE: Timestamp = Timestamp::from_milliseconds(1_790_000_000_000);
    const AMY: &str = "amy@oakhouse.example";
    const EVE: &str = "eve@elsewhere.example";

    fn of(app: &App, subject: &str, recipient: &str, browser: &str) -> CodeFor {
        CodeFor::new(&app.key, Purpose::EmailCode, subject, recipient, browser)
    }

    async fn issued(app: &App, code: &CodeFor) -> Result<Issued, CodeProblem> {
        let (rules, now, code) = (Rules::of(app), app.clock.now(), code.clone());
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| { issue(tx, &rules, &code, now).await }))
            .await
            .expect("asked")
    }

    /// A new code's digits.
    async fn made(app: &App, code: &CodeFor) -> String {
        match issued(app, code).await {
            Ok(Issued::New(id)) => secrets::code(&app.key, Purpose::EmailCode, &id),
            other => panic!("{other:?}"),
        }
    }

    async fn redeemed(app: &App, right: &RightCode, code: &CodeFor) -> bool {
        let (right, code, now) = (right.clone(), code.clone(), app.clock.now());
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| { redeem(tx, &right, &code, now).await }))
            .await
            .expect("redeemed")
    }

    async fn problem(app: &App, code: &CodeFor, typed: &str) -> Option<CodeProblem> {
        check(app, code, typed).await.expect("tried").err()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn codes_work_once_for_what_they_were_sent_for_and_in_their_time() {
        for database in both_engines().await {
            let (app, _) = for_tests::app(database, Clock::still(NINE));
            let amys = of(&app, "draft", AMY, "browser");
            let typed = made(&app, &amys).await;
            for other in [
                of(&app, "draft", AMY, "another browser"),
                of(&app, "another draft", AMY, "browser"),
                of(&app, "draft", EVE, "browser"),
                CodeFor::new(&app.key, Purpose::SiteCode, "draft", AMY, "browser"),
            ] {
                assert_eq!(problem(&app, &other, &typed).await, Some(CodeProblem::Stale), "{other:?}");
            }
            let right = check(&app, &amys, &typed).await.expect("tried").expect("right");
            // Between the try and the transaction the draft got another address.
            assert!(!redeemed(&app, &right, &of(&app, "draft", EVE, "browser")).await);
            assert!(redeemed(&app, &right, &amys).await);
            assert!(!redeemed(&app, &right, &amys).await, "once");
            assert_eq!(problem(&app, &amys, &typed).await, Some(CodeProblem::JustUsed));
            app.clock.advance(Span::seconds(11));
            assert_eq!(problem(&app, &amys, &typed).await, Some(CodeProblem::Stale), "used");

            let old = made(&app, &amys).await;
            let typed_before = check(&app, &amys, &old).await.expect("tried").expect("right");
            app.clock.advance(Span::seconds(11));
            let new = made(&app, &amys).await;
            assert!(problem(&app, &amys, &old).await.is_some(), "only the newest works");
            assert!(!redeemed(&app, &typed_before, &amys).await, "replaced after it was typed");
            app.clock.advance(Span::minutes(10));
            assert_eq!(problem(&app, &amys, &new).await, Some(CodeProblem::Stale), "expired");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn codes_sent_to_one_address_never_confirm_another() {
        for database in both_engines().await {
            let (app, _) = for_tests::app(database, Clock::still(NINE));
            let eves = of(&app, "draft", EVE, "browser");
            let typed = made(&app, &eves).await;
            // Amy's address takes Eve's place in the draft: a code for it is sent, to Amy.
            let amys = of(&app, "draft", AMY, "browser");
            made(&app, &amys).await;
            assert_eq!(problem(&app, &eves, &typed).await, Some(CodeProblem::Stale));
            assert_ne!(problem(&app, &amys, &typed).await, None);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn codes_guessed_a_hundred_times_at_once_are_tried_five_times() {
        for database in both_engines().await {
            let (app, _) = for_tests::app(database, Clock::still(NINE));
            let code = of(&app, "draft", AMY, "browser");
            let right = made(&app, &code).await;
            let wrong = if right == "123456" { "654321" } else { "123456" };
            let guesses: Vec<_> = (0..100)
                .map(|_| {
                    let (app, code) = (app.clone(), code.clone());
                    tokio::spawn(async move { problem(&app, &code, wrong).await })
                })
                .collect();
            let mut counted = 0;
            for guess in guesses {
                counted += usize::from(guess.await.expect("no panic") != Some(CodeProblem::Stale));
            }
            assert_eq!(counted, 5, "{}", app.database.engine());
            let late = problem(&app, &code, &right).await;
            assert_eq!(late, Some(CodeProblem::Stale), "the right one comes too late");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn codes_are_not_taken_after_too_many_wrong_ones_in_a_day() {
        for database in both_engines().await {
            let (app, _) = for_tests::app(database, Clock::still(NINE));
            let code = of(&app, "draft", AMY, "browser");
            let mut wrong = 0;
            while wrong < i64::from(app.settings.wrong_tries_a_day_max) {
                let right = made(&app, &code).await;
                let bad = if right == "123456" { "654321" } else { "123456" };
                for _ in 0..app.settings.code_tries_max {
                    wrong += i64::from(problem(&app, &code, bad).await.is_some());
                }
                app.clock.advance(Span::minutes(13));
            }
            let right = made(&app, &code).await;
            let refused = problem(&app, &code, &right).await;
            assert!(matches!(refused, Some(CodeProblem::TooManyTries(_))), "{refused:?}");
            app.clock.advance(Span::hours(24));
            let right = made(&app, &code).await;
            assert_eq!(problem(&app, &code, &right).await, None, "another day");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn codes_asked_for_twice_at_once_are_one() {
        for database in both_engines().await {
            let (app, _) = for_tests::app(database, Clock::still(NINE));
            let code = of(&app, "draft", AMY, "browser");
            let asking: Vec<_> = (0..16)
                .map(|_| {
                    let (app, code) = (app.clone(), code.clone());
                    tokio::spawn(async move { issued(&app, &code).await })
                })
                .collect();
            let mut new = 0;
            for one in asking {
                new += usize::from(matches!(one.await.expect("no panic"), Ok(Issued::New(_))));
            }
            assert_eq!(new, 1, "{}", app.database.engine());
            app.clock.advance(Span::seconds(11));
            assert!(matches!(issued(&app, &code).await, Ok(Issued::New(_))));
            let (rows,): (i64,) = app.database.one("SELECT COUNT(*) FROM codes", &[]).await.expect("counted");
            assert_eq!(rows, 1);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn codes_flood_nobody() {
        for database in both_engines().await {
            let (app, _) = for_tests::app(database, Clock::still(NINE));
            let asking: Vec<_> = (0..40)
                .map(|number| {
                    let app = app.clone();
                    tokio::spawn(async move {
                        issued(&app, &of(&app, &format!("draft {number}"), AMY, "browser")).await
                    })
                })
                .collect();
            let mut sent = 0;
            for one in asking {
                sent += usize::from(one.await.expect("no panic").is_ok());
            }
            assert_eq!(sent, 5, "{}", app.database.engine());
            app.clock.advance(Span::minutes(61));
            assert!(issued(&app, &of(&app, "draft", AMY, "browser")).await.is_ok(), "an hour later again");
        }
    }

    #[test]
    fn codes_with_a_slip_of_the_finger_are_not_tried() {
        assert_eq!(six_digits(" "), SixDigits::Nothing);
        for typed in ["12345", "1234567", "12345x", "١٢٣٤٥٦"] {
            assert_eq!(six_digits(typed), SixDigits::No, "{typed}");
        }
        for typed in ["123456", "123 456", "123-456"] {
            assert_eq!(six_digits(typed), SixDigits::Yes, "{typed}");
        }
    }

    #[test]
    fn codes_that_fail_say_what_to_do() {
        let until = UsedUp { until: NINE.plus(Span::minutes(12)) };
        let check = |problem: CodeProblem, words: &str| assert_eq!(problem.words(NINE), words);
        check(CodeProblem::Missing(Channel::Email), "Enter the code from the email");
        check(
            CodeProblem::Wrong(Channel::Text),
            "The code is not right. Check the text message and enter the code again",
        );
        check(
            CodeProblem::TooManySent(until),
            "Too many codes have been asked for. You can ask for a new one in 12 minutes",
        );
    }
}
