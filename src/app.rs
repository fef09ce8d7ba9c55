//! What is built once and shared by every page and every piece of work.

use crate::cache::{Cache, Caches};
use crate::clock::Clock;
use crate::database::Database;
use crate::letter::Transport;
use crate::mail::MailEngine;
use crate::register::search::Search;
use crate::register::site_contacts::ContactKey;
use crate::register::{AskError, Code, Finding, Imported, Register};
use crate::settings::{SecretKey, Settings};
use crate::transparency_log::Keeper;
use crate::web::notices::Notices;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Passwords hashed at the same time. Each takes a core and 19 MiB for about 40 ms; more would let
/// a storm of sign-ins starve every other page.
const HASHES_AT_ONCE: usize = 1;

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// Everything in it.
pub struct Parts {
    pub database: Database,
    pub settings: Settings,
    pub clock: Clock,
    /// Codes, links and form tokens are derived from this.
    pub key: SecretKey,
    /// Which of the caches below have been filled.
    pub caches: Caches,
    /// The registers as imported.
    pub imported: Imported,
    /// Registers that are asked at once where the imported ones do not know a code.
    pub live: Vec<Arc<dyn Register>>,
    /// Search over the imported registers.
    pub search: Search,
    pub mail: Arc<dyn MailEngine>,
    pub letters: Transport,
    pub hashing: Semaphore,
    pub figures: Figures,
    /// Messages on top of every page.
    pub notices: Notices,
    /// Names this program among those that work on the same database; a new name at every start.
    pub node: String,
    /// Whether this is the demo: letters can be read on a page, and nothing leaves the machine.
    pub demo: bool,
    /// What signs checkpoints of the audit trail and keeps them; nothing in a program that signs none.
    log_keeper: Option<Keeper>,
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What an [`App`] is made of that may differ between the service, the demo and a test.
pub struct Outside {
    pub live: Vec<Arc<dyn Register>>,
    pub mail: Arc<dyn MailEngine>,
    pub letters: Transport,
    pub demo: bool,
}

impl App {
    pub fn new(
        database: Database,
        settings: Settings,
        clock: Clock,
        key: SecretKey,
        outside: Outside,
    ) -> Self {
        let caches = Caches::default();
        App(Arc::new(Parts {
            search: Search::new(database.clone(), caches.filled(Cache::SiteSearch)),
            imported: Imported::new(database.clone()),
            database,
            settings,
            clock,
            key,
            live: outside.live,
            mail: outside.mail,
            letters: outside.letters,
            hashing: Semaphore::new(HASHES_AT_ONCE),
            figures: Figures::new(),
            notices: Notices::new(caches.filled(Cache::Notices)),
            caches,
            node: crate::id::new_token()[..16].to_owned(),
            demo: outside.demo,
            log_keeper: None,
        }))
    }

    /// The same service, which signs checkpoints of the audit trail. It is not shared yet.
    #[must_use]
    pub fn keeping(mut self, keeper: Keeper) -> Self {
        let parts = Arc::get_mut(&mut self.0).expect("whoever makes the service says so before it is shared");
        parts.log_keeper = Some(keeper);
        self
    }
}

impl Parts {
    /// What signs checkpoints of the audit trail; nothing in a program that signs none.
    pub fn log_keeper(&self) -> Option<&Keeper> {
        self.log_keeper.as_ref()
    }

    /// What the registers say about a code: the imported one first, then, where it does not know,
    /// those that are asked live.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ask(&self, code: &Code) -> Result<Finding, AskError> {
        let mut finding = self.imported.find(code).await?;
        for register in &self.live {
            if finding == Finding::NotFound && register.knows(code) {
                finding = register.find(code).await?;
            }
        }
        Ok(finding)
    }

    /// The key under which contact IDs are kept.
    pub fn contact_key(&self) -> ContactKey {
        contact_key(&self.key)
    }
}

/// The key under which contact IDs are kept, for the command line that imports them.
pub fn contact_key(key: &SecretKey) -> ContactKey {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac =
        Hmac::<sha2::Sha256>::new_from_slice(key.reveal()).expect("a key of 32 bytes is always taken");
    mac.update(b"contact ids");
    ContactKey::new(mac.finalize().into_bytes().into())
}

/// Labels of an answered request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Answered {
    route: String,
    status: u16,
}

/// Labels of finished work.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Worked {
    kind: &'static str,
    outcome: &'static str,
}

/// Labels of what stands in a lane of work.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfLane {
    lane: &'static str,
}

/// What stands in a lane of work.
#[derive(Clone, Copy, Debug)]
pub struct LaneFigures {
    /// Pieces that are due and not begun.
    pub due: i64,
    /// How long the oldest of them has been due, in seconds; 0 where nothing is due.
    pub oldest_seconds: i64,
    /// Pieces under way on all nodes.
    pub taken: i64,
    /// Whether it has due work and does not move.
    pub is_stuck: bool,
}

/// Figures for Prometheus.
pub struct Figures {
    registry: Registry,
    answers: Family<Answered, Counter>,
    seconds: Histogram,
    work: Family<Worked, Counter>,
    due: Family<OfLane, Gauge>,
    oldest: Family<OfLane, Gauge>,
    taken: Family<OfLane, Gauge>,
    stuck: Family<OfLane, Gauge>,
    audit_checkpoint: Gauge,
    audit_unsound: Gauge,
    wrong_guesses: Counter,
}

impl Figures {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("carepost");
        let answers = Family::<Answered, Counter>::default();
        registry.register("answers", "Requests answered, by route and status", answers.clone());
        let seconds = Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5]);
        registry.register("answer_seconds", "How long answers took", seconds.clone());
        let work = Family::<Worked, Counter>::default();
        registry.register("work", "Work attempted, by kind and outcome", work.clone());
        let of_lane = |registry: &mut Registry, name: &str, help: &str| {
            let gauge = Family::<OfLane, Gauge>::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let due = of_lane(&mut registry, "lane_due", "Work that is due and not begun, by lane");
        let oldest = of_lane(
            &mut registry,
            "lane_oldest_due_seconds",
            "How long the oldest work that is not begun has been due, by lane",
        );
        let taken = of_lane(&mut registry, "lane_taken", "Work under way on all nodes, by lane");
        let stuck = of_lane(
            &mut registry,
            "lane_stuck",
            "1 where a lane has due work and has not moved for two minutes",
        );
        let (audit_checkpoint, audit_unsound) = (Gauge::default(), Gauge::default());
        registry.register(
            "audit_checkpoint_entries",
            "Entries of the audit trail under the newest signed checkpoint",
            audit_checkpoint.clone(),
        );
        registry.register(
            "audit_unsound",
            "1 where the audit trail is not the one of its last checkpoint, or no checkpoint could be kept",
            audit_unsound.clone(),
        );
        let wrong_guesses = Counter::default();
        registry.register(
            "wrong_guesses",
            "Wrong codes, contact IDs and passwords that were judged",
            wrong_guesses.clone(),
        );
        Figures {
            registry,
            answers,
            seconds,
            work,
            due,
            oldest,
            taken,
            stuck,
            audit_checkpoint,
            audit_unsound,
            wrong_guesses,
        }
    }

    /// A code, a contact ID or a password was wrong.
    pub fn wrong_guess(&self) {
        self.wrong_guesses.inc();
    }

    pub fn answered(&self, route: &str, status: u16, took: Duration) {
        self.answers.get_or_create(&Answered { route: route.to_owned(), status }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub fn worked(&self, kind: &'static str, outcome: &'static str) {
        self.work.get_or_create(&Worked { kind, outcome }).inc();
    }

    /// Says what stands in a lane now.
    pub fn lane(&self, lane: &'static str, now: LaneFigures) {
        let of = OfLane { lane };
        self.due.get_or_create(&of).set(now.due);
        self.oldest.get_or_create(&of).set(now.oldest_seconds);
        self.taken.get_or_create(&of).set(now.taken);
        self.stuck.get_or_create(&of).set(i64::from(now.is_stuck));
    }

    /// Says how many entries the newest checkpoint of the audit trail covers.
    pub fn audit_checkpoint(&self, entries: u64) {
        self.audit_checkpoint.set(i64::try_from(entries).unwrap_or(i64::MAX));
    }

    /// Says whether the audit trail is the one of its last checkpoint.
    pub fn audit_log_is_sound(&self, is_sound: bool) {
        self.audit_unsound.set(i64::from(!is_sound));
    }

    /// The figures in the text form that Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
pub mod for_tests {
    //! A service for tests: a still clock, a mail engine that fails on demand, registers that say
    //! what a test told them.

    use super::{App, Outside};
    use crate::clock::Clock;
    use crate::database::Database;
    use crate::letter::Transport;
    use crate::mail::fake::FakeEngine;
    use crate::register::fake::FakeRegister;
    use crate::settings::{Secret, Settings};
    use std::sync::Arc;

    pub fn app(database: Database, clock: Clock) -> (App, FakeEngine) {
        let engine = FakeEngine::default();
        let outside = Outside {
            live: vec![Arc::new(FakeRegister::new())],
            mail: Arc::new(engine.clone()),
            letters: Transport::Kept,
            demo: false,
        };
        let settings = Settings::defaults().expect("the defaults are right");
        (App::new(database, settings, clock, Secret::new([7; 32]), outside), engine)
    }
}
