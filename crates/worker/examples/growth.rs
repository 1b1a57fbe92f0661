//! Measures how the cost of an event grows with the stored data: `cargo run --release -p worker --example growth --
//! [NAME]`.
//!
//! It runs absorb, from the queue to the recorded ledger, on SQLite in memory. Each line varies one size that a hostile or
//! unlucky customer can make large, and shows the time for each event (or for each kilobyte, if the event itself grows) at
//! each size. A step that searched a list for each event would take four times as long at four times the size.

#![expect(clippy::disallowed_methods, reason = "a measurement takes real time")]

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use connections::{
    ApiKey, ConnectionId, MasterKey, NewConnection, OsRandomness, Registry as _, Settings, Vault,
};
use jiff::Timestamp;
use ledger::sqlite::SqliteLedger;
use queue::sqlite::SqliteQueue;
use queue::{Envelope, FORMAT, Lane, Observe as _, Publish as _};
use refersion::{Answer, Request, TransportError};
use serde_json::{Map, Value, json, value::RawValue};
use sqlite::Database;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker::rules::ConnectionCache;
use worker::{Clock, Limits, Worker, absorb};

type Failure = Box<dyn std::error::Error>;

/// Repetitions of each measurement; the fastest counts.
const REPEATS: u32 = 5;

/// Reconcile does not run, so no call goes out.
struct NoCalls;

#[async_trait]
impl refersion::Transport for NoCalls {
    async fn post(&self, _: Request) -> Result<Answer, TransportError> {
        Err(TransportError::NotSent { detail: "no call is to go out".to_owned() })
    }
}

/// A worker on engines in memory, with one connection.
struct Rig {
    worker: Worker,
    queue: SqliteQueue,
    connection: ConnectionId,
    known: ConnectionCache,
    sent: u128,
}

impl Rig {
    async fn new() -> Result<Self, Failure> {
        let clock: Clock = Arc::new(Timestamp::now);
        let ledger = SqliteLedger::inline().await?;
        let settings = queue::sqlite::Settings::default();
        let queue = SqliteQueue::on(Database::inline()?, settings, Arc::clone(&clock)).await?;
        let vault = Vault::new(MasterKey::generate(&OsRandomness), 1, Arc::new(OsRandomness));
        let key = ApiKey::parse("pub_growth.sec_growth")?;
        let new = NewConnection {
            name: "growth".parse()?,
            settings: Settings::default(),
            key: vault.seal_key(&key),
            write_key: vault.new_write_key(),
            created_at: clock(),
        };
        let connection = ledger.add(new).await?.id;
        let worker = Worker {
            queue: Arc::new(queue.clone()),
            ledger: Arc::new(ledger.clone()),
            connections: Arc::new(ledger),
            transport: Arc::new(NoCalls),
            vault,
            clock,
            randomness: Arc::new(OsRandomness),
            limits: Limits::default(),
            meters: Arc::default(),
            beats: Arc::default(),
            handoffs: Arc::default(),
            locks: Arc::default(),
            audiences: Arc::default(),
            directories: Arc::default(),
        };
        Ok(Self { worker, queue, connection, known: ConnectionCache::default(), sent: 0 })
    }

    async fn publish(&mut self, events: &[Value]) -> Result<(), Failure> {
        for some in events.chunks(256) {
            let envelopes = some.iter().map(|event| self.envelope(event)).collect::<Result<Vec<_>, _>>()?;
            self.queue.publish(&envelopes).await?;
        }
        Ok(())
    }

    fn envelope(&mut self, event: &Value) -> Result<Envelope, serde_json::Error> {
        self.sent += 1;
        Ok(Envelope {
            format: FORMAT,
            event_id: Uuid::from_u128(self.sent),
            connection: self.connection,
            lane: Lane::Live,
            received_at: Timestamp::now(),
            replay: false,
            revision: 0,
            public: false,
            payload: RawValue::from_string(event.to_string())?,
        })
    }

    /// Absorbs everything in the queue.
    async fn absorb(&mut self) -> Result<Duration, Failure> {
        let (began, stop) = (Instant::now(), CancellationToken::new());
        loop {
            let depth = self.queue.depth().await?;
            if depth.live + depth.bulk == 0 {
                return Ok(began.elapsed());
            }
            absorb::round(&self.worker, &mut self.known, &stop).await?;
        }
    }

    async fn take_in(&mut self, events: &[Value]) -> Result<Duration, Failure> {
        self.publish(events).await?;
        self.absorb().await
    }
}

/// One measurement: events that prepare the ledger, then events that are timed.
struct Case {
    name: &'static str,
    sizes: [usize; 4],
    /// The events that prepare the ledger.
    setup: fn(size: usize) -> Vec<Value>,
    /// The events that are timed, in round `round`.
    events: fn(size: usize, round: u32) -> Vec<Value>,
    unit: Unit,
}

/// The unit that the time is divided by.
enum Unit {
    Event,
    Kilobyte,
}

fn identify(user: &str, traits: &Value) -> Value {
    json!({ "type": "identify", "userId": user, "traits": traits })
}

fn nothing(_: usize) -> Vec<Value> {
    Vec::new()
}

fn plan(round: u32) -> Value {
    json!({ "plan": format!("round-{round}") })
}

/// One person with this many anonymousIds.
fn person(size: usize) -> Vec<Value> {
    let seen = |number| json!({ "type": "identify", "userId": "ann", "anonymousId": format!("tab-{number}"), "traits": {} });
    (1..size).map(seen).collect()
}

const CASES: &[Case] = &[
    Case {
        name: "trait names in an event",
        sizes: [100, 400, 1_600, 6_400],
        setup: nothing,
        events: |size, round| {
            let traits: Map<String, Value> =
                (0..size).map(|name| (format!("trait_{round}_{name}"), "x".into())).collect();
            (0..8).map(|user| identify(&format!("user-{user}"), &Value::Object(traits.clone()))).collect()
        },
        unit: Unit::Kilobyte,
    },
    Case {
        name: "events in a batch",
        sizes: [16, 64, 256, 1_024],
        setup: nothing,
        events: |size, round| {
            (0..size).map(|user| identify(&format!("user-{round}-{user}"), &plan(round))).collect()
        },
        unit: Unit::Event,
    },
    Case {
        name: "events of one person in a batch",
        sizes: [16, 64, 256, 1_024],
        setup: nothing,
        events: |size, round| {
            (0..size).map(|event| identify("ann", &json!({ "plan": format!("{round}-{event}") }))).collect()
        },
        unit: Unit::Event,
    },
    Case {
        name: "identifiers of a person, 1 event",
        sizes: [7, 30, 120, 480],
        setup: person,
        events: |_, round| vec![identify("ann", &plan(round))],
        unit: Unit::Event,
    },
    Case {
        name: "identifiers of a person, 256 events",
        sizes: [7, 30, 120, 480],
        setup: person,
        events: |_, round| {
            (0..256).map(|event| identify("ann", &json!({ "plan": format!("{round}-{event}") }))).collect()
        },
        unit: Unit::Event,
    },
    Case {
        name: "kilobytes of a person, 1 event",
        sizes: [7, 30, 120, 480],
        setup: |size| {
            let traits = |from: usize| -> Map<String, Value> {
                (from..from + 25).map(|name| (format!("trait_{name}"), "x".repeat(180).into())).collect()
            };
            (0..size.div_ceil(5)).map(|part| identify("ann", &Value::Object(traits(part * 25)))).collect()
        },
        events: |_, round| vec![identify("ann", &plan(round))],
        unit: Unit::Event,
    },
    Case {
        name: "waiting events of a person, 1 event",
        sizes: [30, 120, 480, 1_920],
        setup: |size| {
            (0..size).map(|event| identify("ann", &json!({ format!("name_{event}"): "x" }))).collect()
        },
        events: |_, round| vec![identify("ann", &plan(round))],
        unit: Unit::Event,
    },
    Case {
        name: "people in the ledger",
        sizes: [1_000, 4_000, 16_000, 64_000],
        setup: |size| (0..size).map(|user| identify(&format!("user-{user}"), &plan(0))).collect(),
        events: |size, round| {
            let user = |number: usize| (number * 7_919 + round as usize) % size;
            (0..256).map(|number| identify(&format!("user-{}", user(number)), &plan(round + 1))).collect()
        },
        unit: Unit::Event,
    },
    Case {
        name: "trait names counted in the ledger",
        sizes: [100, 400, 1_600, 6_400],
        setup: |size| {
            let event = |user| {
                let traits: Map<String, Value> =
                    (0..50).map(|name| (format!("name_{}", user * 50 + name), "x".into())).collect();
                identify(&format!("user-{user}"), &Value::Object(traits))
            };
            (0..size.div_ceil(50)).map(event).collect()
        },
        events: |_, round| (0..256).map(|user| identify(&format!("new-{user}"), &plan(round))).collect(),
        unit: Unit::Event,
    },
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let only = std::env::args().nth(1);
    let mut output = std::io::stdout().lock();
    for case in CASES.iter().filter(|case| only.as_ref().is_none_or(|only| case.name.contains(only.as_str())))
    {
        write!(output, "{:<38}", case.name)?;
        for size in case.sizes {
            let micros = measured(case, size).await?;
            write!(output, "  {size:>6}: {micros:>8.1} µs")?;
            output.flush()?;
        }
        let unit = match case.unit {
            Unit::Event => "event",
            Unit::Kilobyte => "kB",
        };
        writeln!(output, "  for each {unit}")?;
    }
    Ok(())
}

/// The time of the fastest round, in microseconds for each event or kilobyte.
async fn measured(case: &Case, size: usize) -> Result<f64, Failure> {
    let mut rig = Rig::new().await?;
    rig.take_in(&(case.setup)(size)).await?;
    let mut least = f64::INFINITY;
    for round in 0..REPEATS {
        let events = (case.events)(size, round);
        let took = rig.take_in(&events).await?.as_secs_f64() * 1e6;
        let count = match case.unit {
            Unit::Event => events.len() as f64,
            Unit::Kilobyte => events.iter().map(|event| event.to_string().len()).sum::<usize>() as f64 / 1e3,
        };
        least = least.min(took / count);
    }
    Ok(least)
}
