//! Measures the speed of a ledger: `cargo run --release -p ledger --example rates -- URL_OR_FILE [EVENTS] [WRITERS] [BATCH]`.
//!
//! Each writer processes events of its own graphs in batches, as absorb does: it gathers, parses, and records. The
//! first round creates the graphs, later ones change them; their events end at once, or stay pending until the last
//! round ends them. The carried round does the same as the worker's fast path: it does not look up the events, and
//! records each call before the batch that closes it.

#![expect(clippy::disallowed_methods, reason = "a measurement takes real time")]

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use identity::audiences::Counted;
use identity::graph::{Identifier, Kind, Lane, TraitValue};
use identity::stamp::{Moment, Stamp};
use identity::{Digest, Graph};
use jiff::Timestamp;
use ledger::postgres::{Options, PostgresLedger};
use ledger::sqlite::SqliteLedger;
use ledger::{CallItem, Changes, Fence, Ledger, NewEvent, OpenCall, Outcome, Row, Save, State};
use uuid::Uuid;

const ONE: i64 = 1;
const DEFAULTS: [usize; 3] = [100_000, 4, 500];

/// The number of edits in one call.
const EDITS: usize = 50;

/// Longer than any measurement, so that no lease is renewed.
const LEASE: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone, Copy)]
enum Round {
    New,
    KnownAndEnded,
    KnownAndCarried,
    KnownAndPending,
    Ends,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let place = arguments.first().ok_or("usage: rates URL_OR_FILE [EVENTS] [WRITERS] [BATCH]")?;
    let mut numbers = DEFAULTS;
    for (number, argument) in numbers.iter_mut().zip(arguments.iter().skip(1)) {
        *number = argument.parse()?;
    }
    let [events, writers, batch] = numbers;
    let ledger: Arc<dyn Ledger> = if place.starts_with("postgres") {
        let options = Options { connections: u32::try_from(writers)?, ..Options::default() };
        Arc::new(PostgresLedger::connect(place, options).await?)
    } else {
        Arc::new(SqliteLedger::open(Path::new(place)).await?)
    };
    let lease = ledger.lease(ONE, Uuid::from_u128(1), Timestamp::now(), LEASE).await?;
    let fence = Fence { token: lease.ok_or("another run holds the lease")?.token };
    let rounds = [
        ("new graphs, events ended", Round::New),
        ("known graphs, events ended", Round::KnownAndEnded),
        ("known graphs, events carried", Round::KnownAndCarried),
        ("known graphs, events pending", Round::KnownAndPending),
        ("outcomes of pending events", Round::Ends),
    ];
    let mut out = std::io::stdout();
    for (name, round) in rounds {
        let began = Instant::now();
        let mut all = tokio::task::JoinSet::new();
        for writer in 0..writers {
            let ledger = Arc::clone(&ledger);
            let mine = (events * writer / writers)..(events * (writer + 1) / writers);
            all.spawn(async move {
                let mine: Vec<u64> = mine.filter_map(|number| u64::try_from(number).ok()).collect();
                for numbers in mine.chunks(batch) {
                    step(&*ledger, fence, round, numbers).await.map_err(|error| error.to_string())?;
                }
                Ok::<(), String>(())
            });
        }
        while let Some(done) = all.join_next().await {
            done??;
        }
        let seconds = began.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate is shown to three digits")]
        let rate = events as f64 / seconds;
        writeln!(out, "{name:32} {rate:>10.0} events/s")?;
    }
    Ok(())
}

async fn step(
    ledger: &dyn Ledger,
    fence: Fence,
    round: Round,
    numbers: &[u64],
) -> Result<(), ledger::LedgerError> {
    let mut changes = Changes { connection: ONE, ..Changes::default() };
    let pending = |number: &u64| id(4, *number);
    if let Round::Ends = round {
        changes.outcomes = numbers.iter().map(|number| outcome(pending(number), State::Updated)).collect();
        return ledger.record(changes).await;
    }
    let digests: Vec<Digest> = numbers.iter().flat_map(|number| digests(*number)).collect();
    let (series, ended) = match round {
        Round::New => (1, Some(State::Unchanged)),
        Round::KnownAndEnded => (2, Some(State::Unchanged)),
        Round::KnownAndCarried => (3, Some(State::Updated)),
        Round::KnownAndPending | Round::Ends => (4, None),
    };
    let ids: Vec<Uuid> = numbers.iter().map(|number| id(series, *number)).collect();
    changes.assume_new = matches!(round, Round::KnownAndCarried);
    let asked: &[Uuid] = if changes.assume_new { &[] } else { &ids };
    let gathered = ledger.gather(ONE, &digests, asked).await?;
    changes.saves = match round {
        Round::New => numbers.iter().map(|number| new(*number)).collect(),
        _ => gathered.graphs.into_iter().map(changed).collect(),
    };
    changes.events = numbers.iter().zip(&ids).map(|(number, id)| event(*id, *number)).collect();
    if let Some(state) = ended {
        changes.outcomes = ids.iter().map(|id| outcome(*id, state)).collect();
    }
    if changes.assume_new {
        changes.fence = Some(fence);
        changes.closed_calls = ledger.open_calls(ONE, fence, &edits(numbers)).await?;
    }
    ledger.record(changes).await
}

/// The calls that send one edit of each graph.
fn edits(numbers: &[u64]) -> Vec<OpenCall> {
    let item = |number: &u64| CallItem {
        anchor: digests(*number)[1],
        affiliate: Some(*number),
        fields: vec!["first_name".into()],
    };
    let call = |numbers: &[u64]| OpenCall {
        id: 0,
        operation: "bulk_edit".to_owned(),
        started_at: Timestamp::now(),
        items: numbers.iter().map(item).collect(),
    };
    numbers.chunks(EDITS).map(call).collect()
}

/// A UUIDv7 with the current time, the same at each call for the same series and number.
fn id(series: u128, number: u64) -> Uuid {
    static BEGAN: std::sync::OnceLock<u128> = std::sync::OnceLock::new();
    let began = *BEGAN.get_or_init(|| Timestamp::now().as_millisecond().unsigned_abs().into());
    Uuid::from_u128((began + u128::from(number) / 100) << 80 | 7 << 76 | series << 64 | u128::from(number))
}

/// Evenly distributed, like keyed digests.
fn digests(number: u64) -> [Digest; 2] {
    [1u64, 2].map(|kind| {
        let mixed = (number * 2 + kind).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Digest((u128::from(mixed ^ mixed >> 29) << 64 | u128::from(number)).to_be_bytes())
    })
}

fn new(number: u64) -> Save {
    let mut graph = Graph::default();
    for (digest, kind) in digests(number).into_iter().zip([Kind::User, Kind::Address]) {
        let mut identifier = Identifier::new(kind);
        identifier.sealed =
            Some("c2VhbGVkIHdpdGggYSBub25jZSBhbmQgYSB0YWcgb2Ygc2l4dGVlbiBieXRlcw==".to_owned());
        graph.identifiers.insert(digest, identifier);
    }
    let row = Row { id: 0, version: 0, dirty: 0, waiting: 0 };
    let mut save = changed(ledger::GraphRow { row, graph, counted: Counted::default() });
    (save.row, save.new_digests) = (None, digests(number).to_vec());
    save
}

/// Five traits with new values.
fn changed(row: ledger::GraphRow) -> Save {
    let mut graph = row.graph;
    if let Some((_, identifier)) = graph.identifiers.iter_mut().next() {
        for name in ["first_name", "last_name", "company", "city", "country"] {
            let key = format!("ajs-next-{}", row.row.version).into();
            let stamp = Stamp {
                time: Moment(1_800_000_000_000_000 + row.row.version),
                received: None,
                key,
                revision: 0,
            };
            let said = TraitValue::new(Some(format!("{name} {}", row.row.version).into()), stamp);
            identifier.traits.insert(name.into(), said);
        }
    }
    let (row, counted) = (Some(row.row), row.counted);
    Save { row, graph, counted, new_digests: Vec::new(), work: None, dirty: 0, waiting: 0 }
}

fn event(id: Uuid, number: u64) -> NewEvent {
    NewEvent {
        event: id,
        kind: "identify".to_owned(),
        received_at: Timestamp::now(),
        lane: Lane::Bulk,
        payload: "x".repeat(600).into(),
        found_by: digests(number).to_vec(),
    }
}

fn outcome(event: Uuid, state: State) -> Outcome {
    Outcome { event, number: 1, state, reason: None, affiliate: None, at: Timestamp::now() }
}
