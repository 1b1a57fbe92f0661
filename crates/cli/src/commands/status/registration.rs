//! The part of `status` about API keys that no connection has.

use ledger::Registrations;
use serde::Serialize;

use service::config::{self, Config};
use service::failure::Failure;
use service::operator::workers::Workers;
use service::output::Output;

/// The note for a ledger without a connection.
const NO_CONNECTION: &str = "there is no connection, so every event is answered 503: add one with `connections add`, or \
     set ledger.url to the right ledger";

/// Whether unknown keys are registered, and the results since the running processes started.
#[derive(Debug, Serialize)]
pub(super) struct Registration {
    is_open: bool,
    #[serde(flatten)]
    counts: Registrations,
}

impl Registration {
    /// The configuration here, or the reports of running processes.
    pub(super) fn of(config: &Config, workers: &Workers) -> Self {
        let reported = workers.registrations();
        let is_open = config.ingest.registration == config::Registration::Open || reported.is_some();
        Self { is_open, counts: reported.unwrap_or_default() }
    }

    /// The problem, if there is no connection and none will be registered.
    pub(super) fn problem(&self, has_connections: bool) -> Option<String> {
        (!has_connections && !self.is_open).then(|| NO_CONNECTION.to_owned())
    }

    pub(super) fn show(&self, output: &mut Output) -> Result<(), Failure> {
        if !self.is_open {
            return Ok(());
        }
        output.line(&format!("\nregistration is open: {}", in_words(&self.counts)))
    }

    #[cfg(test)]
    pub(super) fn open(counts: Registrations) -> Self {
        Self { is_open: true, counts }
    }
}

/// The text has no start time: each process counts since its own start.
pub(crate) fn in_words(counts: &Registrations) -> String {
    let Registrations { registered, refused, limited, unavailable } = counts;
    format!(
        "{registered} new API keys were registered, {refused} refused, {unavailable} not verifiable; {limited} requests \
         came beyond the limits"
    )
}
