//! No order in which a registrant chooses, sends, resends, confirms, switches and comes back makes what was
//! proved for one site, or one address, count for another.
//!
//! Mallory reads the mailbox of one site and her own, knows the contact ID of that site, has two browsers and
//! presses two things at once. Whatever she does, she has a proof for that site alone, no address but her own
//! is confirmed, and nobody else's registration opens.

use super::super::*;
use super::writes_return_letters;
use crate::app::for_tests::app;
use crate::clock::Clock;
use crate::database::Reads;
use crate::database::for_tests::both_engines;
use crate::register::{CqcContactId, for_tests};
use crate::registration::answer::OneAnswer;
use crate::registration::answers::{Answers, Proof, ProofWay, SiteAnswer};
use crate::registration::for_tests::{draft, of_registrant};
use crate::registration::journey::tests::complete;
use crate::settings::Secret;
use crate::sign_in::session::browser_hash;

const NINE: Timestamp = Timestamp::from_milliseconds(1_790_000_000_000);
const BROWSERS: [&str; 2] = ["one browser", "another browser"];
/// Mallory works here; the others are a head office's two homes, and one without any address on record.
const HERS: &str = "1-300000003";
const LOCATIONS: [&str; 4] = ["1-100000001", "1-200000002", HERS, "1-400000004"];
const HER_CONTACT_ID: &str = "1-7300000003";
const HER_SITE: &str = "office@mallory.example";
const VICTIM: &str = "amy@oakhouse.example";
const ROUNDS: usize = 8;
/// Sequences in an ordinary run; `CAREPOST_TEST_SEQUENCES` sets another number.
const SEQUENCES: u64 = 150;

#[derive(Clone, Copy, Debug)]
enum Step {
    Site(usize),
    Way(ProofWay, usize),
    SiteCodeAgain(usize),
    SiteCode(usize, usize),
    ContactId,
    Email(bool, usize),
    EmailAgain(usize),
    EmailCode(usize, usize),
    Return(bool, usize),
    ComeBack(bool, usize, usize),
    RegisterChanges(usize),
    Send,
}

impl Step {
    fn draw(chance: &mut fastrand::Rng) -> Self {
        // The likelier choices are those that lead somewhere.
        let (browser, code) = (chance.usize(..4) / 3, chance.usize(..6) % 4);
        match chance.usize(..20) {
            0 | 1 => Step::Site([2, 2, 2, 0, 1, 3][chance.usize(..6)]),
            2..=4 => Step::Way(ProofWay::EmailedCode, browser),
            5 => Step::Way(
                [ProofWay::ContactId, ProofWay::ContactId, ProofWay::CallBack][chance.usize(..3)],
                browser,
            ),
            6 => Step::SiteCodeAgain(browser),
            7..=10 => Step::SiteCode(code, browser),
            11 => Step::ContactId,
            12 => Step::Email(chance.usize(..3) > 0, browser),
            13 => Step::EmailAgain(browser),
            14 | 15 => Step::EmailCode(code, browser),
            16 => Step::Return(chance.usize(..2) == 0, browser),
            17 => Step::ComeBack(chance.usize(..2) == 0, code, browser),
            18 => Step::RegisterChanges(chance.usize(..2)),
            _ => Step::Send,
        }
    }
}

struct World {
    app: App,
    id: String,
    mallory: Email,
}

impl World {
    fn address(&self, own: bool) -> Email {
        if own { self.mallory.clone() } else { Email::parse(VICTIM).expect("an address") }
    }

    /// The newest codes in the mailboxes that Mallory reads.
    async fn code(&self, which: usize) -> String {
        let mut found = Vec::new();
        for to in [HER_SITE, self.mallory.as_str()] {
            let rows: Vec<(String, String)> = self
                .app
                .database
                .all(
                    "SELECT secret_id, secret_purpose FROM letters
                      WHERE recipient = $1 AND secret_id IS NOT NULL ORDER BY written_at DESC, id DESC LIMIT 2",
                    &[&to],
                )
                .await
                .expect("letters");
            found.extend(rows);
        }
        found.get(which % found.len().max(1)).map_or_else(
            || "123456".to_owned(),
            |(id, purpose)| {
                crate::sign_in::secrets::code(&self.app.key, Purpose::parse(purpose).expect("a purpose"), id)
            },
        )
    }

    /// Does one thing, whatever comes of it; a fault is none of it.
    async fn does(&self, step: Step) {
        let (app, permit) = (&self.app, || of_registrant(&self.id));
        let browser = |which: usize| browser_hash(BROWSERS[which]);
        let secret = |which: usize| Secret::new(BROWSERS[which].to_owned());
        let outcome = match step {
            Step::Site(which) => {
                for answer in [
                    OneAnswer::Site(site(which)),
                    OneAnswer::RightSite(true),
                    OneAnswer::Dspt(complete().dspt.expect("an answer")),
                ] {
                    no_fault(save_answer(app, permit(), answer).await.map(|_| ()));
                }
                Ok(())
            }
            Step::Way(way, which) => {
                choose_proof(app, permit(), ProofOrder { way, browser: browser(which) }).await.map(|_| ())
            }
            Step::SiteCodeAgain(which) => ask_for_site_code(app, permit(), &browser(which)).await,
            Step::SiteCode(code, which) => {
                confirm_site_code(app, permit(), &self.code(code).await, &browser(which)).await.map(|_| ())
            }
            Step::ContactId => {
                let typed = CqcContactId::parse(HER_CONTACT_ID).expect("an id");
                prove_by_contact_id(app, permit(), typed).await.map(|_| ())
            }
            Step::Email(own, which) => {
                let order = EmailCodeOrder { to: Some(self.address(own)), browser: browser(which) };
                ask_for_email_code(app, permit(), order).await.map(|_| ())
            }
            Step::EmailAgain(which) => {
                let order = EmailCodeOrder { to: None, browser: browser(which) };
                ask_for_email_code(app, permit(), order).await.map(|_| ())
            }
            Step::EmailCode(code, which) => {
                let order =
                    ConfirmOrder { typed: self.code(code).await, browser: secret(which), masked: false };
                confirm_email(app, permit(), order).await.map(|_| ())
            }
            Step::Return(own, which) => {
                let order = ReturnOrder {
                    email: self.address(own),
                    browser: browser(which),
                    network: self.id.clone(),
                };
                let asked = ask_to_return(app, order).await;
                writes_return_letters(app).await;
                asked
            }
            Step::ComeBack(own, code, which) => {
                let order = ComeBackOrder {
                    email: self.address(own),
                    typed: self.code(code).await,
                    browser: secret(which),
                    network: self.id.clone(),
                };
                let came = come_back(app, order).await;
                assert!(own || came.is_err(), "Mallory came back as somebody else");
                came.map(|_| ())
            }
            Step::RegisterChanges(which) => {
                let address = ["office@oak.example", "new@oak.example"][which];
                on_record(app, LOCATIONS[0], Some(address), None).await;
                Ok(())
            }
            Step::Send => submit(app, permit()).await,
        };
        no_fault(outcome);
    }
}

fn no_fault(outcome: Result<(), NotDone<Refusal>>) {
    if let Err(NotDone::Fault(error)) = outcome {
        panic!("{error}");
    }
}

fn site(which: usize) -> SiteAnswer {
    SiteAnswer {
        cqc_location_id: LOCATIONS[which].to_owned(),
        ods_code: format!("VM19{which}"),
        ..complete().site.expect("a site")
    }
}

async fn on_record(app: &App, location: &str, email: Option<&str>, contact_id: Option<&str>) {
    for_tests::on_record(&app.database, &app.contact_key(), location, email, contact_id).await;
}

#[derive(Default)]
struct Reached {
    codes: u64,
    contact_ids: u64,
    addresses: u64,
    sent: u64,
}

/// What must hold of the registration, and of all others.
async fn holds(world: &World, victim: &str, reached: &mut Reached) {
    let stored = store::find(&world.app.database, &world.id).await.expect("read").expect("there");
    let (site, proof, email) = match stored {
        Stored::Sent(case) => {
            reached.sent += 1;
            let answers = case.answers;
            (answers.site.cqc_location_id, Some(answers.proof), Some(answers.email))
        }
        Stored::Draft(draft) => {
            let answers = draft.answers;
            let site = answers.site.map(|site| site.cqc_location_id).unwrap_or_default();
            (site, answers.proof, answers.email.filter(|_| answers.email_confirmed))
        }
        Stored::Forgotten(forgotten) => panic!("{forgotten:?}"),
    };
    if let Some(email) = email {
        assert_eq!(email, world.mallory, "an address that Mallory does not read is confirmed");
        reached.addresses += 1;
    }
    match &proof {
        Some(Proof::EmailedCode { location, .. }) => {
            assert_eq!((location.as_str(), site.as_str()), (HERS, HERS), "a proof for another site");
            reached.codes += 1;
        }
        Some(Proof::ContactId { location, .. }) => {
            assert_eq!((location.as_str(), site.as_str()), (HERS, HERS), "a proof for another site");
            reached.contact_ids += 1;
        }
        Some(Proof::CallBack { .. }) | None => {}
    }
    let (sessions,): (i64,) = world
        .app
        .database
        .one("SELECT COUNT(*) FROM sessions WHERE subject = $1", &[&victim])
        .await
        .expect("counted");
    assert_eq!(sessions, 0, "a session in somebody else's registration");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proofs_count_for_what_they_were_given_for_in_every_order() {
    #[allow(clippy::disallowed_methods, reason = "no setting of the service")]
    let set = std::env::var("CAREPOST_TEST_SEQUENCES");
    let sequences = set.map_or(SEQUENCES, |set| set.parse().expect("a number"));
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        on_record(&app, LOCATIONS[1], Some("office@oak.example"), Some("1-7200000002")).await;
        on_record(&app, HERS, Some(HER_SITE), Some(HER_CONTACT_ID)).await;
        let victim = Answers { email: Email::parse(VICTIM).ok(), ..complete() };
        let victim = draft(&app, victim).await;
        let mut reached = Reached::default();
        for sequence in 1..=sequences {
            app.clock.advance(Span::days(1));
            on_record(&app, LOCATIONS[0], Some("office@oak.example"), Some("1-7100000001")).await;
            let mut chance = fastrand::Rng::with_seed(sequence);
            let mallory = Email::parse(&format!("mallory{sequence}@elsewhere.example")).expect("an address");
            let begun = Answers {
                email: Some(mallory.clone()),
                email_confirmed: chance.usize(..4) > 0,
                proof: None,
                proof_way: None,
                site: Some(site([2, 2, 0, 1, 3][chance.usize(..5)])),
                ..complete()
            };
            let world = World { id: draft(&app, begun).await, app: app.clone(), mallory };
            let world = std::sync::Arc::new(world);
            for round in 0..ROUNDS {
                let steps = [Step::draw(&mut chance), Step::draw(&mut chance)];
                let pressed = steps.map(|step| {
                    let world = world.clone();
                    tokio::spawn(async move { world.does(step).await })
                });
                for press in pressed {
                    let done = press.await;
                    assert!(done.is_ok(), "sequence {sequence}, round {round}, {steps:?}: {done:?}");
                }
                app.clock.advance(Span::seconds(11));
                holds(&world, &victim, &mut reached).await;
            }
        }
        let Reached { codes, contact_ids, addresses, sent } = reached;
        println!(
            "{}: {sequences} sequences; her own site was proved by code {codes} times and by contact ID {contact_ids} times, her address {addresses} times, {sent} sent",
            app.database.engine()
        );
        assert!(codes > 0 && contact_ids > 0 && addresses > 0 && sent > 0, "the model goes nowhere");
    }
}
