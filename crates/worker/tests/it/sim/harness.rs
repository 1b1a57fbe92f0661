//! The parts that outlive the workers: the engines, Refersion, the connections and the clock.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use connections::{
    ApiKey, ConnectionId, MasterKey, NewAffiliateStatus, NewConnection, OneWordName, Registry as _, Settings,
    Vault,
};
use jiff::{SignedDuration, Timestamp};
use ledger::sqlite::SqliteLedger;
use ledger::{Schedule as _, View as _};
use parking_lot::Mutex;
use queue::Observe as _;
use queue::sqlite::SqliteQueue;
use simulator::{ExistingAffiliate, Options, Simulator, Status, Switches};
use sqlite::Database;
use tokio::sync::Notify;
use tokio::time::Instant;
use worker::{Clock, Limits, RetryPolicy};

use super::adoption;
use super::dice::Dice;
use super::ledger_port::Watch;
use super::network::{Refersion, Sent};
use super::planted_bug::PlantedBug;
use super::process::EngineFaults;
use super::shapes;
use super::staff::{self, Staff};
use super::story::{Story, is_refused};

/// One connection, with its story and the affiliates that the worker did not create.
pub(crate) struct Account {
    pub(crate) id: ConnectionId,
    pub(crate) public_key: String,
    pub(crate) settings: Settings,
    pub(crate) story: Story,
    pub(crate) existed: BTreeSet<u64>,
    /// Those of them that the merchant added meanwhile.
    pub(crate) added: BTreeSet<u64>,
}

/// The engines, accounts and settings of a simulation.
pub(crate) struct Harness {
    pub(crate) dice: Dice,
    pub(crate) planted_bug: PlantedBug,
    pub(crate) watch: Watch,
    pub(crate) memories: [Database; 2],
    pub(crate) queue: SqliteQueue,
    pub(crate) ledger: SqliteLedger,
    pub(crate) published: Arc<Notify>,
    pub(crate) engine_faults: Arc<Mutex<EngineFaults>>,
    pub(crate) refersion: Arc<Refersion>,
    pub(crate) vault: Vault,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) began: Instant,
    pub(crate) accounts: Vec<Account>,
    /// Whether a fault was injected: an answer, or a recording, may have been lost.
    pub(crate) disturbed: bool,
    /// The random stream of adoption, if the seed adopts.
    pub(crate) adoption: Option<Dice>,
    /// The merchant's staff, who change affiliates in Refersion.
    pub(crate) staff: Option<Staff>,
}

/// The accounts and people that a scenario needs.
#[derive(Clone, Copy)]
pub(crate) enum Population {
    /// One account or two, with affiliates that were there before us, and operators of all kinds.
    Any,
    /// Accounts without affiliates in Refersion before the first event, and whose affiliates keep their fields after a delete.
    Plain(u64),
    /// The same, one account, in which an identifier that links more than a few others stops linking.
    SharedIdentifiers,
}

impl Harness {
    pub(crate) async fn set_up(seed: u64, planted_bug: PlantedBug, population: Population) -> Self {
        let dice = Dice::new(seed);
        let began = Instant::now();
        let clock = clock(began);
        let memories = [0; 2].map(|_| Database::inline().expect("memory for a database"));
        let queue =
            SqliteQueue::on(memories[0].clone(), queue::sqlite::Settings::default(), Arc::clone(&clock));
        let ledger = SqliteLedger::over(memories[1].clone()).await.expect("a fresh ledger");
        let vault = Vault::new(MasterKey::generate(&dice), 1, Arc::new(dice.split()));
        let core = simulator(seed, &dice, population);
        let refersion = Refersion {
            core: Mutex::new(core),
            began,
            sent: Mutex::default(),
            wait_requests: Mutex::default(),
            network_faults: Mutex::default(),
        };
        let mut harness = Self {
            planted_bug,
            watch: Watch {
                memory: memories[1].clone(),
                seen: Arc::default(),
                conflicts: Arc::default(),
                versions: Arc::default(),
            },
            memories,
            queue: queue.await.expect("a fresh queue"),
            ledger,
            published: Arc::default(),
            engine_faults: Arc::default(),
            refersion: Arc::new(refersion),
            vault,
            clock,
            limits: limits(&dice, population),
            began,
            accounts: Vec::new(),
            disturbed: false,
            adoption: adoption::of(seed, population),
            staff: Staff::of(seed, population),
            dice,
        };
        let accounts = match population {
            Population::Any => 1 + u64::from(harness.dice.per_mille(200)),
            Population::Plain(accounts) => accounts,
            Population::SharedIdentifiers => 1,
        };
        for number in 0..accounts {
            let account = harness.open(number, population).await;
            harness.accounts.push(account);
        }
        harness
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// A time of day as the simulation's calls count it.
    pub(crate) fn since_the_beginning(&self, at: Timestamp) -> Duration {
        let ago = Duration::try_from(self.now().duration_since(at)).expect("it is past");
        self.began.elapsed().saturating_sub(ago)
    }

    /// Every call that was sent so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.refersion.sent.lock().clone()
    }

    /// Whether nothing is left to do.
    pub(crate) async fn is_idle(&self) -> bool {
        let depth = self.queue.depth().await.expect("a queue");
        let counts = self.ledger.counts(None, self.now()).await.expect("a ledger");
        let mut idle = depth.live + depth.bulk + counts.pending == 0 && staff::is_idle(self);
        for account in &self.accounts {
            let walk = self.ledger.walk_position(account.id).await.expect("a ledger");
            let due = self.ledger.next_due(account.id).await.expect("a ledger");
            idle &= walk.is_none() && due.is_none() && adoption::is_idle(self, account).await;
        }
        idle
    }

    async fn open(&self, number: u64, population: Population) -> Account {
        let dice = self.dice.split();
        let key = ApiKey::parse(&format!("pub_{number}.{}", secret(number))).expect("a well-formed key");
        let plain = !matches!(population, Population::Any);
        let mut settings = settings(&dice);
        settings.scrub_on_delete.take_if(|_| plain);
        let added = self.ledger.add(NewConnection {
            name: format!("shop-{number}").parse().expect("a good name"),
            settings: settings.clone(),
            key: self.vault.seal_key(&key),
            write_key: self.vault.new_write_key(),
            created_at: self.now(),
        });
        let story = Story::new(dice.split(), number);
        let public_key = key.public().to_owned();
        let mut existed = BTreeSet::new();
        if dice.per_mille(300) && !plain {
            let mut core = self.refersion.core.lock();
            for address in &story.addresses {
                let status = *dice.pick(&[Status::Active, Status::Pending, Status::Denied, Status::Disabled]);
                let before = ExistingAffiliate { status, ..ExistingAffiliate::active(address) };
                // An address that Refersion refuses cannot have an affiliate from before either.
                if dice.below(2) == 0 && !is_refused(address) {
                    existed.extend(core.add_affiliate(&public_key, before).map(|placed| placed.id));
                }
            }
        }
        Account {
            id: added.await.expect("a fresh connection").id,
            public_key,
            settings,
            story,
            existed,
            added: BTreeSet::new(),
        }
    }
}

/// The simulated Refersion of a seed.
fn simulator(seed: u64, dice: &Dice, population: Population) -> Simulator {
    Simulator::new(Options {
        seed,
        switches: switches(dice, population),
        custom_fields: staff::custom_fields(seed, population),
        ..Options::default()
    })
}

/// The secret half of an account's key.
pub(crate) fn secret(number: u64) -> String {
    format!("sec_hush{number}hush")
}

fn clock(began: Instant) -> Clock {
    let first: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a time");
    Arc::new(move || {
        let passed = SignedDuration::try_from(began.elapsed()).expect("a simulation is short");
        let micros = (first + passed).as_microsecond();
        Timestamp::from_microsecond(micros).expect("a simulation is short")
    })
}

fn switches(dice: &Dice, population: Population) -> Switches {
    let coin = || dice.per_mille(250);
    Switches {
        unknown_field_is_422: coin(),
        get_id_as_text: coin(),
        // Either costs a second call for each create.
        no_create_message: coin() && matches!(population, Population::Any),
        alphanumeric_merchant_id: coin() && matches!(population, Population::Any),
        empty_search_is_200: coin(),
        integer_pages: coin(),
        same_status_not_changed: coin(),
        empty_values_clear: coin(),
        zero_id_is_422: coin(),
        list_limit_is_capped: coin(),
        // Costs a second call for each create, too.
        create_message_counts: coin() && matches!(population, Population::Any),
        total_is_of_the_page: coin(),
        short_pages: coin(),
        search_lags: if coin() { dice.millis(8_000) } else { Duration::ZERO },
        same_values_not_changed: coin(),
        byte_order_mark: coin(),
        ..Switches::default()
    }
}

fn settings(dice: &Dice) -> Settings {
    let active = dice.below(2) == 0;
    let wait = dice.per_mille(200);
    Settings {
        refersion_url: "https://refersion.test".to_owned(),
        rate_per_second: *dice.pick(&[2.0, 5.0, 20.0]),
        new_affiliate_status: if active { NewAffiliateStatus::Active } else { NewAffiliateStatus::Pending },
        require_address: dice.per_mille(300),
        custom_fields: [("vip".to_owned(), 101), ("plan".to_owned(), 102)].into(),
        one_word_name: if wait { OneWordName::Wait } else { OneWordName::Placeholder("-".to_owned()) },
        paypal_trait: dice.per_mille(600).then(|| "payout".to_owned()),
        blocked_identifiers: [shapes::placeholder()].into(),
        trait_map: [("company".to_owned(), "org.title".to_owned())].into(),
        scrub_on_delete: dice.per_mille(150).then(|| {
            serde_json::from_value("deleted.test".into()).expect("a domain that an operator could own")
        }),
        ..Settings::default()
    }
}

/// Some operators give up soon; the others keep the default, which outlasts any simulation.
fn limits(dice: &Dice, population: Population) -> Limits {
    let mut limits = Limits { absorb_batch: *dice.pick(&[1, 4, 64]), breaker_after: 4, ..Limits::default() };
    if matches!(population, Population::Any) {
        // A story has few people, so half of the stories use the fast path for fewer edits than are worth a call elsewhere.
        limits.fast_path_from = *dice.pick(&[1, 3, 50, 50]);
    }
    if matches!(population, Population::SharedIdentifiers) {
        limits.shared_after = 4;
        limits.fast_path_from = *dice.pick(&[1, 3, 50]);
    }
    if dice.per_mille(200) {
        limits.retry =
            RetryPolicy { max_attempts: 3, max_elapsed: Duration::from_secs(5), ..RetryPolicy::default() };
    }
    limits
}
