//! How fast plans are frozen and cancelled: `cargo run -p ledger --example plans -- URL_OR_FILE [DEAD_LETTERS]`.
//!
//! The ledger has to be a fresh one. What `dead-letters plan` does beside this is to fold the events, which `dead-letters plan`
//! itself shows.

#![expect(clippy::disallowed_methods, reason = "a measurement takes real time")]

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use identity::Digest;
use identity::graph::Lane;
use jiff::Timestamp;
use ledger::plans::{Frame, ItemChange, ItemFilter, ItemState, PlanChange};
use ledger::postgres::{Options, PostgresLedger};
use ledger::sqlite::SqliteLedger;
use ledger::{
    Changes, DeadLetter, DeadLetterFilter, Engine, LedgerError, NewEvent, Outcome, PlanState, State,
};
use uuid::Uuid;

/// Dead letters that are laid down, and items that are added or changed, in one transaction, as `dead-letters plan` does.
const AT_ONCE: u64 = 500;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().ok_or("usage: plans URL_OR_FILE [DEAD_LETTERS]")?;
    let letters = arguments.next().map_or(Ok(100_000), |number| number.parse())?;
    if place.starts_with("postgres") {
        measure(&PostgresLedger::connect(&place, Options::default()).await?, letters).await?;
    } else {
        measure(&SqliteLedger::open(Path::new(&place)).await?, letters).await?;
    }
    Ok(())
}

async fn measure(engine: &impl Engine, letters: u64) -> Result<(), Box<dyn std::error::Error>> {
    for first in (0..letters).step_by(usize::try_from(AT_ONCE)?) {
        engine.record(dead(first..(first + AT_ONCE).min(letters))).await?;
    }
    let frame = Frame { selector: "state:open".to_owned(), ..Frame::default() };
    let now = Timestamp::now();
    let plan = engine.create_plan(&frame, now, now).await?;
    let frozen = freeze(engine, plan).await?;
    say("frozen", letters, frozen)?;
    say("changed once", letters, change(engine, plan).await?)?;
    let began = Instant::now();
    engine.change_plan(plan, &PlanChange::to(&[PlanState::Planning], PlanState::Cancelled)).await?;
    say("cancelled", letters, (began.elapsed(), began.elapsed()))?;
    let again = engine.create_plan(&frame, now, now).await?;
    say("frozen again", letters, freeze(engine, again).await?)
}

/// How long all of it took, and the longest transaction.
type Took = (Duration, Duration);

async fn freeze(engine: &impl Engine, plan: i64) -> Result<Took, LedgerError> {
    let (began, mut longest) = (Instant::now(), Duration::ZERO);
    let limit = usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
    let mut filter = DeadLetterFilter { limit, ..DeadLetterFilter::default() };
    loop {
        let page = engine.plan_candidates(&filter).await?;
        let Some(last) = page.last() else { return Ok((began.elapsed(), longest)) };
        filter.after = Some((last.died_at, last.letter));
        let writes = Instant::now();
        engine.add_plan_items(plan, &page).await?;
        longest = longest.max(writes.elapsed());
    }
}

/// What looking at every item writes.
async fn change(engine: &impl Engine, plan: i64) -> Result<Took, LedgerError> {
    let (began, mut longest) = (Instant::now(), Duration::ZERO);
    let limit = usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
    let mut filter = ItemFilter { plan, limit, ..ItemFilter::default() };
    loop {
        let page = engine.plan_items(&filter).await?;
        let Some(last) = page.last() else { return Ok((began.elapsed(), longest)) };
        filter.after = Some((last.connection, last.person, last.letter));
        let changes = page.iter().map(|item| ItemChange {
            person: Some(item.person),
            weight: Some(20),
            ..ItemChange::to(item.letter, ItemState::Planned, "")
        });
        let writes = Instant::now();
        engine.change_plan_items(plan, None, &changes.collect::<Vec<_>>()).await?;
        longest = longest.max(writes.elapsed());
    }
}

fn say(what: &str, letters: u64, (all, longest): Took) -> Result<(), Box<dyn std::error::Error>> {
    let (all, longest) = (all.as_secs_f64(), longest.as_secs_f64() * 1_000.0);
    writeln!(
        std::io::stdout(),
        "{letters} {what:14} {all:>7.2} s, the longest transaction {longest:>6.1} ms"
    )?;
    Ok(())
}

/// Events that have died.
fn dead(numbers: std::ops::Range<u64>) -> Changes {
    let mut changes = Changes { connection: 1, ..Changes::default() };
    for number in numbers {
        let at = Timestamp::from_microsecond(1_800_000_000_000_000 + i64::try_from(number).unwrap_or(0))
            .unwrap_or_default();
        let event = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number));
        let person = Digest((u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)) << 64).to_be_bytes());
        changes.events.push(NewEvent {
            event,
            kind: "identify".to_owned(),
            received_at: at,
            lane: Lane::Bulk,
            payload: r#"{"type":"identify"}"#.into(),
            found_by: vec![person],
        });
        changes.outcomes.push(Outcome {
            event,
            number: 1,
            state: State::Dead,
            reason: None,
            affiliate: None,
            at,
        });
        changes.dead_letters.push(DeadLetter {
            event,
            class: "no_answer".to_owned(),
            cause: "service is under maintenance.".to_owned(),
            http_status: Some(503),
            field: None,
            attempts: 12,
            died_at: at,
            person: Some(person),
        });
    }
    changes
}
