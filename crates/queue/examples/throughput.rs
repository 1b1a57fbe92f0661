//! Measures how fast a broker takes and gives events through this engine.
//!
//! `cargo run --release -p queue --example throughput -- amqp://guest:guest@localhost:5672/%2f [EVENTS]`
//!
//! It makes queues of its own (`throughput.…`), which have to be deleted by hand, because the engine never deletes one.

#![expect(clippy::disallowed_methods, reason = "a measurement takes real time")]

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use queue::rabbitmq::{Options, RabbitQueue};
use queue::{Consume as _, Envelope, FORMAT, Lane, Publish as _};
use serde_json::value::RawValue;
use uuid::Uuid;

const EVENTS: usize = 200_000;

/// Bytes of an identify as Segment sends it.
const PAYLOAD_BYTES: usize = 600;

/// Events of one publish, as in a commit of a busy ingest endpoint.
const GROUP: usize = 1024;

/// Events of one take, as in absorb.
const BATCH: usize = 1024;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("the first argument is the URL of a broker")?;
    let events = arguments.next().map_or(Ok(EVENTS), |count| count.parse())?;
    let options = Options { prefix: "throughput".to_owned(), ..Options::default() };
    let queue = RabbitQueue::connect(&[url], options, Arc::new(Timestamp::now)).await?;
    let began = Instant::now();
    publish(&queue, events).await?;
    report("published", events, began.elapsed())?;
    let began = Instant::now();
    let taken = take(&queue, events).await?;
    report("taken", taken, began.elapsed())
}

async fn publish(queue: &RabbitQueue, events: usize) -> Result<(), Box<dyn Error>> {
    let payload = format!("{{\"filler\":\"{}\"}}", "x".repeat(PAYLOAD_BYTES));
    for first in (0..events).step_by(GROUP) {
        let group: Result<Vec<_>, _> =
            (first..events.min(first + GROUP)).map(|number| envelope(number, &payload)).collect();
        queue.publish(&group?).await?;
    }
    Ok(())
}

fn envelope(number: usize, payload: &str) -> Result<Envelope, serde_json::Error> {
    Ok(Envelope {
        format: FORMAT,
        event_id: Uuid::from_u128(number as u128),
        connection: 1,
        lane: Lane::Bulk,
        received_at: Timestamp::UNIX_EPOCH,
        replay: false,
        revision: 0,
        public: false,
        payload: RawValue::from_string(payload.to_owned())?,
    })
}

async fn take(queue: &RabbitQueue, events: usize) -> Result<usize, Box<dyn Error>> {
    let mut taken = 0;
    while taken < events {
        let batch = queue.take(BATCH, Duration::from_secs(10)).await?;
        if batch.is_empty() {
            break;
        }
        taken += batch.items.len();
        queue.acknowledge(&batch).await?;
    }
    Ok(taken)
}

fn report(what: &str, events: usize, time: Duration) -> Result<(), Box<dyn Error>> {
    let rate = events as f64 / time.as_secs_f64();
    writeln!(std::io::stdout(), "{events} events {what} in {time:.2?}: {rate:.0} a second")?;
    Ok(())
}
