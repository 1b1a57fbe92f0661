//! The promises of the page.

use std::collections::BTreeMap;

use super::super::{
    ConnectionFigures, Histogram, IngestFigures, LedgerFigures, QueueFigures, Settling, WorkerFigures,
};
use super::*;

struct Full;

#[async_trait]
impl Source for Full {
    fn name(&self) -> &'static str {
        "full"
    }

    async fn fill(&self, snapshot: &mut Snapshot) -> anyhow::Result<()> {
        let answers = Histogram { buckets: vec![(0.1, 2), (1.0, 3)], beyond: 1, seconds: 4.5 };
        let requests = BTreeMap::from([(202, 5), (401, 1)]);
        snapshot.ingest = Some(IngestFigures {
            requests,
            accepted_events: 5,
            answers,
            connections_open: 11,
            connections_closed_idle: 12,
            connections_refused: 13,
            body_bytes: 14,
            registrations: BTreeMap::from([("refused", 15)]),
        });
        snapshot.queue = Some(QueueFigures { live: 3, bulk: 4, oldest: Some(2.5), bytes: Some((10, 100)) });
        let paused = ConnectionFigures { id: 7, name: "shop".to_owned(), paused_for: Some("credentials") };
        snapshot.ledger = Some(LedgerFigures {
            pending: 9,
            oldest: Some(3.5),
            untaken: Some(4.5),
            dead_letters_by_class: vec![(7, "refused".to_owned(), 8)],
            connections: vec![paused],
            ..LedgerFigures::default()
        });
        snapshot.worker = Some(WorkerFigures {
            too_large_events: 6,
            outcomes: BTreeMap::from([("created", 2)]),
            calls: BTreeMap::from([("fine", 2)]),
            settling: BTreeMap::from([("live", Settling { events: 2, seconds: 3.0, longest: 2.5 })]),
            rates: BTreeMap::from([(7, 4.5)]),
            ..WorkerFigures::default()
        });
        Ok(())
    }
}

struct Stuck;

#[async_trait]
impl Source for Stuck {
    fn name(&self) -> &'static str {
        "stuck"
    }

    async fn fill(&self, _: &mut Snapshot) -> anyhow::Result<()> {
        std::future::pending().await
    }
}

async fn page(sources: Vec<Box<dyn Source>>) -> String {
    Exporter::new(sources).page(&Pulses::new(Duration::from_secs(15))).await.unwrap()
}

#[tokio::test]
async fn every_figure_is_on_the_page() {
    let page = page(vec![Box::new(Full)]).await;
    for line in [
        "ingest_requests_total{status=\"202\"} 5",
        "ingest_events_accepted_total 5",
        "ingest_answer_seconds_bucket{le=\"0.1\"} 2",
        "ingest_answer_seconds_bucket{le=\"1\"} 5",
        "ingest_answer_seconds_bucket{le=\"+Inf\"} 6",
        "ingest_answer_seconds_sum 4.5",
        "ingest_connections_open 11",
        "ingest_connections_closed_idle_total 12",
        "ingest_connections_refused_total 13",
        "ingest_body_bytes 14",
        "queue_events{lane=\"bulk\"} 4",
        "events_pending 9",
        "queue_oldest_event_seconds 2.5",
        "queue_bytes 10",
        "queue_limit_bytes 100",
        "pending_oldest_event_seconds 3.5",
        "queue_untaken_seconds 4.5",
        "dead_letters{connection=\"7\",name=\"shop\",class=\"refused\"} 8",
        concat!("build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "connection_active{connection=\"7\",name=\"shop\"} 0",
        "connection_paused{connection=\"7\",name=\"shop\",reason=\"credentials\"} 1",
        "events_too_large_total 6",
        "events_ended_total{outcome=\"created\"} 2",
        "refersion_calls_total{went=\"fine\"} 2",
        "refersion_rate_calls_per_second{connection=\"7\",name=\"shop\"} 4.5",
        "event_settling_seconds_count{lane=\"live\"} 2",
        "event_settling_longest_seconds{lane=\"live\"} 2.5",
        "source_up{source=\"full\"} 1",
    ] {
        assert!(page.contains(&format!("\nrefersion_destination_{line}\n")), "{line} is not in\n{page}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_without_an_answer_loses_only_its_own_figures() {
    let page = page(vec![Box::new(Stuck), Box::new(Full)]).await;
    assert!(page.contains("source_up{source=\"stuck\"} 0"), "{page}");
    assert!(page.contains("events_pending 9"), "{page}");
}
