//! Repairs of dead letters: applies a patch or an edited text to their events, and stores the result.
//!
//! [`Repairer`] knows how each connection reads its events, [`newest`] returns the versions that a replay sends, and
//! [`revisions`] the changes so far. If two operators repair at once, one gets a conflict; no change is lost silently.

mod advice;
mod outcome;
mod preview;

use std::collections::BTreeMap;
use std::time::Instant;

use connections::ConnectionId;
use ledger::{Act, DeadLetterState, DeadLetterView, NewRevision, PageSize, Stored};
use repair::{Change, Patch, RepairError, Repaired, Rules};
use serde::Serialize;
use worker::translate::Translator;

pub use advice::Advice;
pub use outcome::{Outcome, Result as RepairResult};
pub use preview::{Preview, Sample, Samples, preview};

use super::Directory;
use super::dead_letters::{Pages, Selection, changed_at_once};
use crate::engines::Engines;
use crate::failure::Failure;

/// The newest version of a dead letter's event.
#[derive(Clone)]
pub struct Version {
    /// 0 is the original.
    pub revision: u32,
    /// Its payload; `None` once it is dropped or erased.
    pub payload: Option<String>,
}

/// A change that an operator may store.
pub struct Proposal {
    /// The dead letter.
    pub letter: i64,
    /// Its connection.
    pub connection: ConnectionId,
    /// The version that was changed.
    pub expected: u32,
    /// The result.
    pub repaired: Repaired,
}

/// A stored revision as operators see it. Personal data.
#[derive(Serialize)]
pub struct RevisionRow {
    /// Counted from 1; the original is 0.
    pub revision: u32,
    /// When.
    pub at: jiff::Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// The differences from the original; `None` once the payloads are dropped or erased.
    pub changes: Option<Vec<Change>>,
}

/// Why a dead letter cannot be repaired.
#[derive(Debug, thiserror::Error)]
pub enum NotRepaired {
    /// It is being replayed, resolved or discarded.
    #[error("it is not open")]
    NotOpen,
    /// No payload of its event is kept.
    #[error("its event was erased or is no longer kept")]
    NoPayload,
    /// The change is refused.
    #[error(transparent)]
    Refused(#[from] RepairError),
}

/// A change to the newest version of an event.
pub enum Means<'a> {
    /// A JSON Patch.
    Patch(&'a Patch),
    /// A whole text.
    Text(&'a str),
}

/// Applies changes as the worker will read them.
pub struct Repairer {
    rules: BTreeMap<ConnectionId, Rules>,
}

impl Repairer {
    /// Learns how the events of each connection are read. `blocked` are the identifiers that the configuration adds to the
    /// default list.
    #[must_use]
    pub fn new(directory: &Directory, blocked: &[String]) -> Self {
        let rules = directory.all().map(|connection| {
            let read = worker::rules::read_options(blocked, &connection.settings);
            let sent = connection.settings.custom_fields.keys().chain(&connection.settings.paypal_trait);
            (connection.id, Rules { read, sent: sent.map(|key| segment::fold_key(key)).collect() })
        });
        Self { rules: rules.collect() }
    }

    /// Changes the newest version of a dead letter's event.
    ///
    /// # Errors
    ///
    /// [`NotRepaired`]; nothing is stored by this.
    pub fn propose(
        &self,
        letter: &DeadLetterView,
        version: &Version,
        means: &Means<'_>,
    ) -> Result<Proposal, NotRepaired> {
        if letter.state != DeadLetterState::Open {
            return Err(NotRepaired::NotOpen);
        }
        let payload = version.payload.as_deref().ok_or(NotRepaired::NoPayload)?;
        let unknown = Rules::default();
        let rules = self.rules.get(&letter.connection).unwrap_or(&unknown);
        let repaired = match means {
            Means::Patch(patch) => repair::patch(payload, patch, letter.received_at, rules)?,
            Means::Text(text) => repair::edit(payload, text, letter.received_at, rules)?,
        };
        let connection = letter.connection;
        Ok(Proposal { letter: letter.id, connection, expected: version.revision, repaired })
    }
}

/// The newest versions of dead letters, by id, for a replay. They are read after the dead letters were marked as replaying,
/// because only open ones can be repaired.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be read.
pub async fn newest(
    engines: &Engines,
    letters: &[DeadLetterView],
) -> Result<BTreeMap<i64, Version>, Failure> {
    let ids: Vec<i64> = letters.iter().map(|letter| letter.id).collect();
    let mut revisions = engines.repairs.newest_revisions(&ids).await?;
    let version = |letter: &DeadLetterView| {
        let version = match revisions.remove(&letter.id) {
            Some(newest) => Version { revision: newest.revision, payload: newest.payload },
            None => Version { revision: 0, payload: letter.payload.clone() },
        };
        (letter.id, version)
    };
    Ok(letters.iter().map(version).collect())
}

/// Stores changes, at most a page of them, in one transaction. Returns the result of each, in their order.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be written.
pub async fn store(engines: &Engines, proposals: &[Proposal], act: &Act) -> Result<Vec<Stored>, Failure> {
    let new = |proposal: &Proposal| {
        let event = &proposal.repaired.event;
        let translator = Translator { vault: &engines.vault, connection: proposal.connection };
        NewRevision {
            letter: proposal.letter,
            expected: proposal.expected,
            payload: proposal.repaired.payload.clone(),
            named: translator.names(event),
            stated_at: event.time().into(),
        }
    };
    let repairs: Vec<NewRevision> = proposals.iter().map(new).collect();
    if repairs.is_empty() {
        return Ok(Vec::new());
    }
    Ok(engines.repairs.repair(&repairs, act).await?)
}

/// Changes a page of dead letters, and returns the outcome of each. The first few are kept in `samples`, and `size` learns how
/// long storing them took.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be used.
pub async fn repair_page(
    engines: &Engines,
    repairer: &Repairer,
    letters: &[DeadLetterView],
    (means, act): (&Means<'_>, &Act),
    (samples, size): (&mut Samples, &mut PageSize),
) -> Result<Vec<Outcome>, Failure> {
    let versions = newest(engines, letters).await?;
    let (mut proposals, mut outcomes) = (Vec::new(), Vec::new());
    for letter in letters {
        let Some(version) = versions.get(&letter.id) else { continue };
        let proposed = repairer.propose(letter, version, means);
        samples.see(letter, &proposed);
        let outcome = match proposed {
            Ok(proposal) => {
                proposals.push(proposal);
                None
            }
            Err(why) => Some(Outcome::refused(letter, &why)),
        };
        outcomes.push((letter, outcome));
    }
    let began = Instant::now();
    let mut stored = store(engines, &proposals, act).await?.into_iter();
    if !proposals.is_empty() {
        size.learn(proposals.len(), began.elapsed());
    }
    let finish = |(letter, refused): (&DeadLetterView, Option<Outcome>)| {
        refused.or_else(|| stored.next().map(|stored| Outcome::of(letter, stored)))
    };
    Ok(outcomes.into_iter().filter_map(finish).collect())
}

/// Patches every dead letter of a selection, page by page, and passes the outcome of each to `each`.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be used. Revisions that were stored until then stay, and are in the audit.
pub async fn repair_all(
    engines: &Engines,
    repairer: &Repairer,
    selection: &Selection,
    (patch, act): (&Patch, &Act),
    each: &mut (dyn FnMut(Outcome) + Send),
) -> Result<(), Failure> {
    let (mut pages, mut samples, mut size) = (Pages::of(selection), Samples::default(), changed_at_once());
    loop {
        let letters = pages.next(engines, size.rows()).await?;
        if letters.is_empty() {
            return Ok(());
        }
        let means = Means::Patch(patch);
        let learned = (&mut samples, &mut size);
        let outcomes = repair_page(engines, repairer, &letters, (&means, act), learned).await?;
        outcomes.into_iter().for_each(&mut *each);
    }
}

/// The revisions of a dead letter, with their differences from the original.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be read.
pub async fn revisions(engines: &Engines, letter: &DeadLetterView) -> Result<Vec<RevisionRow>, Failure> {
    let revisions = engines.repairs.revisions(letter.id).await?;
    let row = |it: ledger::Revision| {
        let payloads = letter.payload.as_deref().zip(it.payload.as_deref());
        let changes = payloads.map(|(original, repaired)| repair::diff(original, repaired));
        RevisionRow { revision: it.revision, at: it.at, by: it.by, reason: it.reason, changes }
    };
    Ok(revisions.into_iter().map(row).collect())
}
