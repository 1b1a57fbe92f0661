//! Records how calls ended: delivered traits, outcomes, attempts and dead letters, in one fenced transaction.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use connections::Connection;
use identity::Digest;
use identity::answer::{Answer, RetryDecision, apply, concerned_by, fail};
use identity::eligibility::Rules;
use identity::fold::retry_refused;
use identity::graph::{Affiliate, Graph};
use identity::stamp::Moment;
use jiff::Timestamp;
use ledger::{Attempt, CallId, Changes, Fence, Gathered, GraphId, GraphRow, LedgerError, Save, State};
use refersion::Class;

use super::Holder;
use super::notes::{add_dead_letters, affiliate_of, audit, named, note_decided, note_not_scrubbed};
use crate::Worker;
use crate::contention::Contention;
use crate::deliver::{CallOutcome, Failed};
use crate::locks::{Held, read_locked};
use crate::notices::record;
use crate::off_thread::off_thread;
use crate::settle::{settle_save, unsettled};

/// The result of recording call outcomes together.
enum Recorded {
    /// All are recorded.
    All,
    /// Nothing is recorded: their graphs are too large to be read at once.
    TooLarge,
}

/// Records the results of a lease holder, under its fence.
#[derive(Clone)]
pub(super) struct Recorder {
    pub(super) worker: Worker,
    pub(super) connection: Arc<Connection>,
    pub(super) fence: Fence,
    /// Whether failures give nothing up, because they are those of a probe.
    pub(super) is_lenient: bool,
}

impl Holder {
    pub(super) fn recorder(&self) -> Recorder {
        let (worker, connection) = (self.worker.clone(), Arc::clone(&self.connection));
        Recorder { worker, connection, fence: self.fence, is_lenient: false }
    }
}

impl Recorder {
    /// The same recorder, for probes.
    pub(super) fn lenient(self) -> Self {
        Self { is_lenient: true, ..self }
    }

    /// The rules of the connection's settings.
    pub(super) fn rules(&self) -> Rules {
        self.worker.rules_of(self.connection.id, &self.connection.settings)
    }

    /// Changes without content yet.
    pub(super) fn changes(&self) -> Changes {
        let (connection, fence, now) = (self.connection.id, Some(self.fence), self.worker.now());
        Changes { connection, fence, now, ..Changes::default() }
    }

    /// Records how calls ended, also if others have changed their graphs meanwhile: together, or in pieces if their graphs are
    /// too large to be read at once. The last piece closes the calls.
    pub(super) async fn record_answers(
        &self,
        outcomes: &[&CallOutcome],
        closed: &[CallId],
    ) -> anyhow::Result<()> {
        self.note_addresses(outcomes).await?;
        let mut pieces = vec![outcomes];
        while let Some(piece) = pieces.pop() {
            let closed = if pieces.is_empty() { closed } else { &[] };
            if matches!(self.record_piece(piece, closed).await?, Recorded::TooLarge) {
                let (first, second) = piece.split_at(piece.len() / 2);
                pieces.extend([second, first]);
            }
        }
        Ok(())
    }

    async fn record_piece(&self, outcomes: &[&CallOutcome], closed: &[CallId]) -> anyhow::Result<Recorded> {
        let rules = self.rules();
        let mut anchors: BTreeSet<Digest> = outcomes.iter().map(|outcome| outcome.anchor).collect();
        anchors.extend(outcomes.iter().flat_map(|outcome| &outcome.answers).flat_map(concerns));
        let anchors: Vec<Digest> = anchors.into_iter().collect();
        let mut contention = Contention::none_yet(&self.worker, self.connection.id);
        let recorded = loop {
            // The graphs of a single outcome are read one by one, so that each fits.
            let at_once = if outcomes.len() > 1 { anchors.len().max(1) } else { 1 };
            let (gathered, held) = self.read(&anchors, at_once).await?;
            if gathered.partial && outcomes.len() > 1 {
                break Ok(Recorded::TooLarge);
            }
            let mut changes = self.changes();
            changes.claim = contention.claim();
            changes.saves = gathered.graphs.into_iter().map(unsettled).collect();
            off_thread(|| self.apply(&mut changes, outcomes, &rules));
            changes.closed_calls = closed.to_vec();
            let ended: Vec<State> = changes.outcomes.iter().map(|outcome| outcome.state).collect();
            let Err(failed) = record(&self.worker, changes).await else {
                ended.into_iter().for_each(|state| self.worker.meters.outcome(state.word()));
                break Ok(Recorded::All);
            };
            drop(held);
            if let Err(failed) = contention.passes(failed).await {
                break Err(failed);
            }
        };
        contention.end().await;
        Ok(recorded?)
    }

    /// Reads the graphs of some identifiers, and locks them until the changes are written.
    pub(super) async fn read(
        &self,
        names: &[Digest],
        at_once: usize,
    ) -> Result<(Gathered, Vec<Held>), LedgerError> {
        let (ledger, connection) = (&self.worker.ledger, self.connection.id);
        let locks = [&self.worker.locks.writing];
        let gather = || async move {
            let mut gathered = Gathered::default();
            for names in names.chunks(at_once) {
                let more = ledger.gather(connection, names, &[]).await?;
                let known: HashSet<GraphId> = gathered.graphs.iter().map(|read| read.row.id).collect();
                gathered.graphs.extend(more.graphs.into_iter().filter(|read| !known.contains(&read.row.id)));
                gathered.partial |= more.partial;
            }
            Ok((gathered, ()))
        };
        let (gathered, (), held) = read_locked(&locks, names.to_vec(), gather).await?;
        Ok((gathered, held))
    }

    /// Reads graphs by id, and locks their identifiers until the changes are written.
    pub(super) async fn read_by_id(
        &self,
        ids: &[GraphId],
        names: Vec<Digest>,
    ) -> Result<(Vec<GraphRow>, Vec<Held>), LedgerError> {
        let (ledger, locks) = (&self.worker.ledger, [&self.worker.locks.writing]);
        let by_id = || async move {
            let graphs = ledger.graphs(ids).await?;
            Ok((Gathered { graphs, ..Gathered::default() }, ()))
        };
        let (gathered, (), held) = read_locked(&locks, names, by_id).await?;
        Ok((gathered.graphs, held))
    }

    /// Applies call outcomes to the graphs that are to be saved, and settles the graphs that they concern again.
    pub(super) fn apply(&self, changes: &mut Changes, outcomes: &[&CallOutcome], rules: &Rules) {
        let now = self.worker.now();
        let mut saves = std::mem::take(&mut changes.saves);
        let places = places(&saves);
        let mut touched = BTreeSet::new();
        for outcome in outcomes {
            for (anchor, answer) in &outcome.answers {
                if let Some(place) = places.get(anchor) {
                    touched.insert(*place);
                    audit(changes, answer, now);
                    let graph = &mut saves[*place].graph;
                    let affiliate = affiliate_of(graph, *anchor);
                    changes.affiliates.extend(named(answer));
                    note_not_scrubbed(changes, graph, rules, *anchor, answer);
                    let dead_events = apply(graph, rules, *anchor, answer, now.into());
                    note_decided(changes, &dead_events, (answer, outcome), affiliate.is_some(), now);
                    add_dead_letters(changes, dead_events, affiliate.as_ref(), now);
                }
            }
            if let Some(place) = places.get(&outcome.anchor) {
                touched.insert(*place);
                if let Some(failed) = &outcome.failed {
                    self.note_failure(changes, &mut saves[*place].graph, rules, (outcome, failed), now);
                }
            }
        }
        for (anchor, answer) in outcomes.iter().flat_map(|outcome| &outcome.answers) {
            let to = new_address(answer).and_then(|address| places.get(&address));
            touched.extend(to);
            if let (Some(from), Some(to)) = (places.get(anchor), to) {
                follow(&mut saves, *from, *to);
            }
        }
        for place in touched {
            let save = &mut saves[place];
            settle_save(changes, save, rules, now, Duration::ZERO);
            let new = save.graph.identifiers.keys().filter(|digest| !places.contains_key(digest));
            save.new_digests.extend(new);
        }
        changes.saves = saves;
    }

    /// Notes a failed call: the person stays dirty, with an attempt count, the last error and a due time. Failures that do not
    /// concern the person (refused keys, a closed gate) do not count.
    fn note_failure(
        &self,
        changes: &mut Changes,
        graph: &mut Graph,
        rules: &Rules,
        (outcome, failed): (&CallOutcome, &Failed),
        now: Timestamp,
    ) {
        let anchor = outcome.anchor;
        if matches!(failed.class, Class::Closed | Class::Credentials) {
            return;
        }
        for event in concerned_by(graph, rules, anchor) {
            changes.attempts.push(Attempt {
                event,
                at: now,
                operation: failed.operation.name().to_owned(),
                http_status: failed.cause.http_status,
                class: failed.cause.class.clone(),
                message: failed.cause.message.clone(),
                request: outcome.request.clone(),
            });
        }
        let chance = self.worker.chance();
        let policy = &self.worker.limits.retry;
        let decide = |attempts, since: Moment| {
            let decision = policy.decide(attempts, since, now.into(), chance);
            RetryDecision { give_up: decision.give_up && !self.is_lenient, ..decision }
        };
        let dead_events = fail(graph, rules, anchor, (now.into(), &failed.cause), decide);
        add_dead_letters(changes, dead_events, affiliate_of(graph, anchor).as_ref(), now);
    }

    /// Settles a graph under changed settings: Refersion may accept now what it refused before.
    pub(super) fn retry_refused(
        &self,
        changes: &mut Changes,
        mut read: GraphRow,
        rules: &Rules,
        now: Timestamp,
    ) {
        retry_refused(&mut read.graph);
        self.resettle(changes, read, rules, now);
    }

    /// Settles a graph again. Values that Refersion refused stay suppressed.
    pub(super) fn resettle(&self, changes: &mut Changes, read: GraphRow, rules: &Rules, now: Timestamp) {
        let mut save = unsettled(read);
        settle_save(changes, &mut save, rules, now, Duration::ZERO);
        changes.saves.push(save);
    }
}

/// The address that an affiliate was moved to.
fn new_address(answer: &Answer) -> Option<Digest> {
    if let Answer::Edited { email, .. } = answer { *email } else { None }
}

/// The identifiers whose graphs an answer is about.
fn concerns((anchor, answer): &(Digest, Answer)) -> impl Iterator<Item = Digest> {
    new_address(answer).into_iter().chain([*anchor])
}

/// Moves affiliates to the graph of their address, which may have been split from the graph that planned the call while the call
/// was under way.
fn follow(saves: &mut [Save], from: usize, to: usize) {
    let Ok([from, to]) = saves.get_disjoint_mut([from, to]) else { return };
    let arrived = |it: &mut Affiliate| to.graph.identifiers.contains_key(&it.address);
    let moved: Vec<Affiliate> = from.graph.affiliates.extract_if(.., arrived).collect();
    for affiliate in moved {
        to.graph.affiliates.retain(|known| known.id != affiliate.id);
        to.graph.affiliates.push(affiliate);
    }
}

/// The index of each identifier's graph; a map, because one recording may concern thousands of graphs.
fn places(saves: &[Save]) -> BTreeMap<Digest, usize> {
    let held = |(place, save): (usize, &Save)| {
        save.graph.identifiers.keys().map(|digest| (*digest, place)).collect::<Vec<_>>()
    };
    saves.iter().enumerate().flat_map(held).collect()
}
