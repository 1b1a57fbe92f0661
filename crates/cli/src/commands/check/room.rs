//! The room for new events: free disk space, the size of the ledger, and connections that have used up theirs.

use super::Finding;
use service::capacity::{Gauge, Measured, Reason, Refusals, decide};
use service::config::Config;
use service::engines::{EngineError, storage_alone};

const DISK: &str = "disk";
const LEDGER: &str = "ledger, size";

/// Looks at the disks, and at the ledger if it can be opened without changing anything.
pub(super) async fn look(config: &Config, ledger_is_open: bool) -> Vec<Finding> {
    let gauge = Gauge::new(config);
    let mut findings: Vec<Finding> = gauge.free_bytes().map(|free| disk(&gauge, free)).into_iter().collect();
    if !ledger_is_open {
        return findings;
    }
    match measured(config, &gauge).await {
        Ok(measured) => findings.extend(of_ledger(&gauge, &measured)),
        Err(error) => findings.push(Finding::failed(LEDGER, &error)),
    }
    findings
}

async fn measured(config: &Config, gauge: &Gauge) -> Result<Measured, EngineError> {
    let storage = storage_alone(config).await?;
    gauge.measure_storage(storage.as_ref()).await.map_err(EngineError::Database)
}

fn disk(gauge: &Gauge, free: u64) -> Finding {
    let found = format!("{} MiB are free", free >> 20);
    if free < gauge.limits().min_free {
        return Finding::bad(DISK, found, Reason::Disk.in_words());
    }
    Finding::ok(DISK, found)
}

fn of_ledger(gauge: &Gauge, measured: &Measured) -> Vec<Finding> {
    let refusals = decide(gauge.limits(), measured, &Refusals::default());
    let limit =
        gauge.limits().ledger_bytes.map_or("no limit".to_owned(), |limit| format!("{} MiB", limit >> 20));
    let found = format!("{} MiB of {limit}", measured.ledger_bytes >> 20);
    let size = match refusals.everyone {
        Some(Reason::Ledger) => Finding::bad(LEDGER, found, Reason::Ledger.in_words()),
        _ => Finding::ok(LEDGER, found),
    };
    let refused = refusals.connections.iter().map(|(id, reason)| {
        let name = format!("connection with id {id}");
        Finding::bad(name, format!("its new events are refused ({})", reason.word()), reason.in_words())
    });
    [size].into_iter().chain(refused).collect()
}
