//! What stands still while workers come and go: the engines, Refersion, the connections and the clock.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connections::{
    ApiKey, ConnectionId, ConnectionStore, MasterKey, NewAffiliateStatus, NewConnection, OneWordName,
    Settings, Vault,
};
use jiff::{SignedDuration, Timestamp};
use ledger::sqlite::SqliteLedger;
use queue::sqlite::SqliteQueue;
use simulator::{Before, Options, Simulator, Status, Switches};
use sqlite::Database;
use tokio::sync::Notify;
use tokio::time::Instant;
use worker::{Clock, Limits, RetryPolicy};

use super::dice::Dice;
use super::ledger_port::{Plant, Watch};
use super::life::Storm;
use super::network::Refersion;
use super::story::Story;

/// One connection, and who is said to be there.
pub(crate) struct Account {
    pub(crate) id: ConnectionId,
    pub(crate) public_key: String,
    pub(crate) settings: Settings,
    pub(crate) story: Story,
    pub(crate) existed: BTreeSet<u64>,
}

/// The stage.
pub(crate) struct Stage {
    pub(crate) dice: Dice,
    pub(crate) plant: Plant,
    pub(crate) watch: Watch,
    pub(crate) memories: [Database; 2],
    pub(crate) queue: SqliteQueue,
    pub(crate) ledger: SqliteLedger,
    pub(crate) bell: Arc<Notify>,
    pub(crate) storm: Arc<Mutex<Storm>>,
    pub(crate) refersion: Arc<Refersion>,
    pub(crate) vault: Vault,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) began: Instant,
    pub(crate) accounts: Vec<Account>,
}

impl Stage {
    pub(crate) async fn set(seed: u64, plant: Plant) -> Self {
        let dice = Dice::new(seed);
        let began = Instant::now();
        let clock = clock(began);
        let memories = [0; 2].map(|_| Database::inline().expect("memory for a database"));
        let queue =
            SqliteQueue::on(memories[0].clone(), queue::sqlite::Settings::default(), Arc::clone(&clock));
        let ledger = SqliteLedger::over(memories[1].clone()).await.expect("a fresh ledger");
        let vault = Vault::new(MasterKey::generate(&dice), 1, Arc::new(dice.split()));
        let core = Simulator::new(Options { seed, switches: switches(&dice), ..Options::default() });
        let refersion = Refersion {
            core: Mutex::new(core),
            began,
            sent: Mutex::default(),
            asked: Mutex::default(),
            rough: Mutex::default(),
        };
        let mut stage = Self {
            plant,
            watch: Watch { memory: memories[1].clone(), seen: Arc::default() },
            memories,
            queue: queue.await.expect("a fresh queue"),
            ledger,
            bell: Arc::default(),
            storm: Arc::default(),
            refersion: Arc::new(refersion),
            vault,
            clock,
            limits: limits(&dice),
            began,
            accounts: Vec::new(),
            dice,
        };
        for number in 0..=u64::from(stage.dice.per_mille(200)) {
            let account = stage.open(number).await;
            stage.accounts.push(account);
        }
        stage
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    async fn open(&self, number: u64) -> Account {
        let dice = self.dice.split();
        let key = ApiKey::parse(&format!("pub_{number}.{}", secret(number))).expect("a well-formed key");
        let settings = settings(&dice);
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
        if dice.per_mille(300) {
            let mut core = self.refersion.core.lock().expect("no panic holds it");
            for address in &story.addresses {
                let status = *dice.pick(&[Status::Active, Status::Pending, Status::Denied, Status::Disabled]);
                let before = Before { status, ..Before::active(address) };
                if dice.below(2) == 0 {
                    existed.extend(core.place(&public_key, before).map(|placed| placed.id));
                }
            }
        }
        Account { id: added.await.expect("a fresh connection").id, public_key, settings, story, existed }
    }
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

fn switches(dice: &Dice) -> Switches {
    let coin = || dice.per_mille(250);
    Switches {
        unknown_field_is_422: coin(),
        get_id_as_text: coin(),
        no_create_message: coin(),
        empty_search_is_200: coin(),
        integer_pages: coin(),
        alphanumeric_merchant_id: coin(),
        same_status_not_changed: coin(),
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
        scrub_on_delete: dice.per_mille(150).then(|| {
            serde_json::from_value("deleted.test".into()).expect("a domain that an operator could own")
        }),
        ..Settings::default()
    }
}

/// Some operators give up soon; the others keep the default, which outlasts any simulation.
fn limits(dice: &Dice) -> Limits {
    let mut limits = Limits { absorb_batch: *dice.pick(&[1, 4, 64]), breaker_after: 4, ..Limits::default() };
    if dice.per_mille(200) {
        limits.retry =
            RetryPolicy { max_attempts: 3, max_elapsed: Duration::from_secs(5), ..RetryPolicy::default() };
    }
    limits
}
