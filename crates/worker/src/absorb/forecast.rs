//! Forecasts a replay: dead events are read and folded in memory, with the code of absorb, and nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use connections::{Connection, Vault};
use identity::Digest;
use identity::eligibility::Rules;
use identity::plan::{Analysis, StepKind};
use identity::settle::{End, settle};
use jiff::Timestamp;
use ledger::{Changes, Gathered, Ledger, LedgerError, State};
use queue::Envelope;
use segment::ReadOptions;
use uuid::Uuid;

use super::fold::{FoldInput, fold_event};
use super::graph_set::GraphSet;
use super::read::{Reading, read_known};
use crate::rules::{read_options, rules};

/// The rules by which the events of one connection are judged.
pub struct Forecaster<'f> {
    ledger: &'f dyn Ledger,
    vault: &'f Vault,
    connection: &'f Connection,
    rules: Rules,
    options: ReadOptions,
    now: Timestamp,
}

/// The expected result of replaying a dead event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prospect {
    /// It is folded again, and the values that still count are sent.
    Replayed,
    /// Newer statements replace everything that it states.
    Superseded,
    /// A delete covers it.
    Deleted,
    /// It cannot be read or folded, as before.
    Invalid,
    /// It is not for us.
    NotForUs,
    /// It is no longer dead.
    NotDead,
}

/// The forecast for one dead event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventForecast {
    /// The event.
    pub event: Uuid,
    /// The smallest identifier of its person's graph; `None` if it belongs to no graph.
    pub person: Option<Digest>,
    /// The expected result.
    pub prospect: Prospect,
}

/// The expected results of replaying dead events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// The events, in their order.
    pub events: Vec<EventForecast>,
    /// The steps that become necessary, by person: the address that each is about, and its kind.
    pub steps: BTreeSet<(Digest, Digest, StepKind)>,
}

impl<'f> Forecaster<'f> {
    /// A forecaster for a connection with its current settings. `blocked` are the identifiers that the configuration adds to the
    /// default list.
    #[must_use]
    pub fn new(
        (ledger, vault): (&'f dyn Ledger, &'f Vault),
        connection: &'f Connection,
        blocked: &[String],
        now: Timestamp,
    ) -> Self {
        let (rules, options) = (rules(&connection.settings), read_options(blocked, &connection.settings));
        Self { ledger, vault, connection, rules, options, now }
    }

    /// Forecasts the replay of these events.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub async fn forecast(&self, envelopes: &[Envelope]) -> Result<Forecast, LedgerError> {
        let mut forecast = Forecast::default();
        let mut left = vec![envelopes];
        while let Some(piece) = left.pop() {
            let readings: Vec<Reading> =
                piece.iter().map(|envelope| read_known(self.vault, &self.options, envelope)).collect();
            let names: Vec<Digest> = readings.iter().flat_map(Reading::names).collect();
            let events: Vec<Uuid> = piece.iter().map(|envelope| envelope.event_id).collect();
            let gathered = self.ledger.gather(self.connection.id, &names, &events).await?;
            if gathered.partial && piece.len() > 1 {
                let (first, second) = piece.split_at(piece.len() / 2);
                left.extend([second, first]);
                continue;
            }
            self.fold(&readings, gathered, &mut forecast);
        }
        Ok(forecast)
    }

    fn fold(&self, readings: &[Reading], gathered: Gathered, forecast: &mut Forecast) {
        let mut changes = Changes::default();
        let due = self.due_already(&gathered);
        let mut graphs = GraphSet::of(gathered.graphs);
        let mut seen: BTreeMap<Uuid, (Option<Digest>, Prospect)> = BTreeMap::new();
        for reading in readings {
            let known = gathered.known.get(&reading.event);
            let Some(dead) = known.filter(|known| known.state == State::Dead) else {
                seen.insert(reading.event, (None, Prospect::NotDead));
                continue;
            };
            let replayed = Some(*dead);
            let after = identity::shared::SHARED_AFTER;
            fold_event(
                &mut graphs,
                &mut changes,
                FoldInput { reading, rules: &self.rules, replayed, now: self.now, after },
            );
            seen.insert(reading.event, (None, Prospect::Replayed));
        }
        let invalid = changes.dead_letters.iter().map(|letter| (letter.event, Prospect::Invalid));
        let skipped = changes.outcomes.iter().map(|outcome| (outcome.event, Prospect::NotForUs));
        for (event, prospect) in skipped.chain(invalid) {
            seen.insert(event, (None, prospect));
        }
        for mut graph in graphs.into_touched() {
            let Some(person) = graph.identifiers.keys().next().copied() else { continue };
            let held: Vec<Uuid> = graph.events.iter().map(|kept| kept.event).collect();
            for event in &held {
                seen.entry(*event).and_modify(|it| it.0 = Some(person));
            }
            let settled = settle(&mut graph, &self.rules);
            for ended in settled.ended.iter().filter(|ended| ended.end == End::Superseded) {
                let is_deleted = ended.reason.as_deref() == Some("deleted");
                let prospect = if is_deleted { Prospect::Deleted } else { Prospect::Superseded };
                seen.entry(ended.event).and_modify(|it| it.1 = prospect);
            }
            // Persons without a replayed event need no calls.
            if !held.iter().any(|event| seen.get(event) == Some(&(Some(person), Prospect::Replayed))) {
                continue;
            }
            let steps = settled.steps.iter().map(|step| (step.anchor, step.kind()));
            let new = steps.filter(|step| !due.contains(step));
            forecast.steps.extend(new.map(|(anchor, kind)| (person, anchor, kind)));
        }
        forecast.events.extend(readings.iter().map(|reading| {
            let (person, prospect) = seen.get(&reading.event).copied().unwrap_or((None, Prospect::NotDead));
            EventForecast { event: reading.event, person, prospect }
        }));
    }

    /// Steps that are due without the replay, too.
    fn due_already(&self, gathered: &Gathered) -> BTreeSet<(Digest, StepKind)> {
        let mut due = BTreeSet::new();
        for row in gathered.graphs.iter().filter(|row| row.row.dirty > 0) {
            let given_up = |anchor| row.graph.retries.get(anchor).is_some_and(|retry| retry.given_up);
            let steps = Analysis::of(&row.graph, &self.rules).steps;
            let tried = steps.iter().filter(|step| !given_up(&step.anchor));
            due.extend(tried.map(|step| (step.anchor, step.kind())));
        }
        due
    }
}
