//! Codes sent by email or text: six digits, ten minutes, five tries, only the newest.
//!
//! A code is issued for one [`CodeFor`]: what it proves, about whom, where it was sent, and in which
//! browser. [`check`] counts a try ([`super::tries`]) and compares the digits; [`redeem`] uses the
//! code up in the transaction of what it leads to. Whoever redeems says what the code must be for *as
//! it is stored in that transaction*, so a code that was sent to one address never confirms another.

use super::limits::{self, Budget, SAME_PRESS, UsedUp, wait_in_words};
use super::secrets::{self, Purpose, recipient_hash};
use super::store;
use super::tries::{Allowance, Guess};
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
    /// Who types it, as tries are counted.
    asker: String,
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
            asker: subject.to_owned(),
        }
    }

    /// The same, whose tries are counted for `asker` (a network, a browser) and not for its subject: where
    /// anybody may ask for a code about a subject.
    #[must_use]
    pub fn tried_by(mut self, asker: &str) -> Self {
        asker.clone_into(&mut self.asker);
        self
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

/// Tries of one asker that pass when others have used up the tries of the day: one, and one slip.
const FIRST_TRIES: i64 = 2;

/// How codes of this service behave, from its settings.
#[derive(Clone, Debug)]
pub struct Rules {
    pub lasts: Span,
    pub tries_max: i64,
    pub an_hour_max: i64,
    pub texts_an_hour_max: i64,
}

impl Rules {
    pub fn of(app: &App) -> Self {
        let settings = &app.settings;
        Rules {
            lasts: Span::minutes(i64::from(settings.code_minutes)),
            tries_max: i64::from(settings.code_tries_max),
            an_hour_max: i64::from(settings.codes_an_hour_max),
            texts_an_hour_max: i64::from(settings.texts_an_hour_max),
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
    let budgets = [Budget::an_hour("codes to", &code.recipient, rules.an_hour_max)];
    let texts = match channel(code.purpose) {
        Channel::Text => Some(Budget::an_hour("texts", "everybody", rules.texts_an_hour_max)),
        Channel::Email => None,
    };
    for budget in budgets.into_iter().chain(texts) {
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

/// What guesses at codes are counted as.
fn guess(app: &App, code: &CodeFor) -> Guess {
    let most = i64::from(app.settings.wrong_tries_a_day_max);
    let allowance = Allowance::of(most, FIRST_TRIES, most, Span::days(1));
    Guess::at(app, code.purpose.stored(), &code.recipient, &code.asker, allowance)
}

/// What was found of a try, within the transaction that counted it.
enum Found {
    Right(String),
    JustUsed,
    Wrong,
    /// Compared with a code that was used a moment ago, and not the same.
    WrongAfterUse,
    /// Nothing to compare it with.
    Stale,
}

/// Tries a code: counted against where it was sent and who types it, then compared, in one transaction.
/// Nothing is compared where there were too many.
pub async fn check(app: &App, code: &CodeFor, typed: &str) -> Result<Result<RightCode, CodeProblem>, Error> {
    let channel = channel(code.purpose);
    match six_digits(typed) {
        SixDigits::Yes => {}
        SixDigits::Nothing => return Ok(Err(CodeProblem::Missing(channel))),
        SixDigits::No => return Ok(Err(CodeProblem::NotSixDigits)),
    }
    let (now, rules, guess) = (app.clock.now(), Rules::of(app), guess(app, code));
    let (in_app, code, typed) = (app.clone(), code.clone(), typed.to_owned());
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let counted = match guess.count(tx, now).await? {
                Ok(counted) => counted,
                Err(used_up) => return Ok(Err(CodeProblem::TooManyTries(used_up))),
            };
            let is_it = |id: &str| secrets::is_code(&in_app.key, code.purpose, id, &typed);
            let found = match store::count_try(tx, &code, now, rules.tries_max).await? {
                Some(id) if is_it(&id) => Found::Right(id),
                Some(_) => Found::Wrong,
                None => match store::code_used_since(tx, &code, now.minus(SAME_PRESS)).await? {
                    Some(id) if is_it(&id) => Found::JustUsed,
                    Some(_) => Found::WrongAfterUse,
                    None => Found::Stale,
                },
            };
            match &found {
                Found::Right(_) | Found::JustUsed | Found::Stale => counted.take_back(tx).await?,
                Found::Wrong | Found::WrongAfterUse => counted.was_wrong(&in_app, tx, now).await?,
            }
            Ok(match found {
                Found::Right(id) => Ok(RightCode { id }),
                Found::JustUsed => Err(CodeProblem::JustUsed),
                Found::Wrong => Err(CodeProblem::Wrong(channel)),
                Found::WrongAfterUse | Found::Stale => Err(CodeProblem::Stale),
            })
        }))
        .await
}

/// Uses a code up in the transaction of what it leads to; false where it was sent for something else
/// than `code` says it must be for, was used, replaced, or has run out. Then nothing may be done.
pub async fn redeem(tx: &mut Tx, right: &RightCode, code: &CodeFor, now: Timestamp) -> Result<bool, Error> {
    store::use_code(tx, &right.id, code, now).await
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
