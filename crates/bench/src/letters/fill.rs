//! Fills a ledger with dead letters, as workers would have left them: with the graphs of their persons, their payloads and
//! their causes.

use connections::Connection;
use identity::answer::{Answer, Cause, DeadEvent, RetryDecision, apply, fail};
use identity::audiences::Counted;
use identity::eligibility::Rules;
use identity::fold::{Statement, identify};
use identity::graph::{Graph, Lane, Status};
use identity::plan::{Act, Analysis};
use identity::settle::settle;
use jiff::{SignedDuration, Timestamp};
use ledger::{Changes, DeadLetter, NewEvent, OrphanedDeadLetter, Outcome, Save, State};
use uuid::Uuid;
use worker::rules::{read_options, rules};
use worker::translate::{Action, Translator};

use crate::members::{Round, Shape};
use service::engines::Engines;

/// Dead letters that are written in one transaction.
const AT_ONCE: u32 = 500;
/// How many calls had failed when an event died of missing answers.
const ATTEMPTS: u32 = 12;
/// An event that cannot be read.
const UNREADABLE: &str = r#"{"type":"identify","traits":{"plan":"gold"}}"#;

/// Writes dead letters: the first of each three died because Refersion did not answer an edit, the second of its address,
/// the third because it cannot be read.
pub(super) async fn fill(engines: &Engines, connection: &Connection, letters: u32) -> anyhow::Result<()> {
    let filler = Filler {
        engines,
        connection,
        rules: rules(&connection.settings),
        options: read_options(&[], &connection.settings),
    };
    for first in (0..letters).step_by(AT_ONCE as usize) {
        let mut changes = Changes { connection: connection.id, now: engines.now(), ..Changes::default() };
        for member in first..(first + AT_ONCE).min(letters) {
            filler.add_dead_letter(&mut changes, member)?;
        }
        engines.ledger.record(changes).await?;
    }
    Ok(())
}

struct Filler<'f> {
    engines: &'f Engines,
    connection: &'f Connection,
    rules: Rules,
    options: segment::ReadOptions,
}

impl Filler<'_> {
    fn add_dead_letter(&self, changes: &mut Changes, member: u32) -> anyhow::Result<()> {
        let now = changes.now + SignedDuration::from_micros(i64::from(member % AT_ONCE));
        let event = self.engines.new_id();
        match member % 3 {
            0 => self.unanswered(changes, member, (event, now)),
            1 => self.refused(changes, member, (event, now)),
            _ => {
                unreadable(changes, event, now);
                Ok(())
            }
        }
    }

    /// An affiliate whose edit was not answered.
    fn unanswered(
        &self,
        changes: &mut Changes,
        member: u32,
        (event, now): (Uuid, Timestamp),
    ) -> anyhow::Result<()> {
        let mut graph = Graph::default();
        let (first, _) = self.statement((member, Shape::Whole), (1, self.engines.new_id()), now)?;
        identify(&mut graph, &first);
        let anchor = address(&first)?;
        create_affiliate(&mut graph, &self.rules, (anchor, u64::from(member) + 1), now);
        let (second, payload) = self.statement((member, Shape::Whole), (2, event), now)?;
        identify(&mut graph, &second);
        let cause = cause("unavailable", 503, "service is under maintenance.");
        let given_up = |_, _| RetryDecision { due_at: now.into(), give_up: true };
        let mut dead_events = fail(&mut graph, &self.rules, anchor, (now.into(), &cause), given_up);
        dead_events.iter_mut().for_each(|dead_event| dead_event.attempts = ATTEMPTS);
        self.record(changes, graph, &second, (payload, now), dead_events)
    }

    /// A person whose address Refersion refuses.
    fn refused(
        &self,
        changes: &mut Changes,
        member: u32,
        (event, now): (Uuid, Timestamp),
    ) -> anyhow::Result<()> {
        let mut graph = Graph::default();
        // An event dies of an address that it states of its own accord, which Engage's do not.
        let (statement, payload) = self.statement((member, Shape::Live), (1, event), now)?;
        identify(&mut graph, &statement);
        let anchor = address(&statement)?;
        let cause = cause("refused", 422, "this value is not a allowed value for field email");
        let refused = Answer::Refused {
            causes: [("email".into(), cause)].into_iter().collect(),
            email: Some(anchor),
            texts: identity::Map::new(),
        };
        let dead_events = apply(&mut graph, &self.rules, anchor, &refused, now.into());
        self.record(changes, graph, &statement, (payload, now), dead_events)
    }

    /// The statement of a member in a round, as the worker reads it; and its payload.
    fn statement(
        &self,
        (member, shape): (u32, Shape),
        (number, event): (u32, Uuid),
        now: Timestamp,
    ) -> anyhow::Result<(Statement, String)> {
        let at = now - SignedDuration::from_secs(60) + SignedDuration::from_secs(number.into());
        let payload = Round { number, at, shape }.event(member, 0);
        let read = segment::read_with(payload.as_bytes(), now, &self.options)?;
        let translator = Translator { vault: &self.engines.vault, connection: self.connection.id };
        match translator.translate(event, 0, Lane::Bulk, &read) {
            Action::Identify(statement) => Ok((*statement, payload)),
            other => anyhow::bail!("a member sends {other:?}"),
        }
    }

    fn record(
        &self,
        changes: &mut Changes,
        mut graph: Graph,
        statement: &Statement,
        (payload, now): (String, Timestamp),
        dead_events: Vec<DeadEvent>,
    ) -> anyhow::Result<()> {
        anyhow::ensure!(dead_events.len() == 1, "{} events died, not one", dead_events.len());
        changes.events.push(NewEvent {
            event: statement.event,
            kind: "identify".to_owned(),
            received_at: now,
            lane: Lane::Bulk,
            payload: payload.into(),
            found_by: statement.digests(),
        });
        for dead_event in dead_events {
            dead(changes, (dead_event.event, dead_event.number, now), &dead_event.cause.class);
            changes.dead_letters.push(DeadLetter::of(dead_event, now));
        }
        let settled = settle(&mut graph, &self.rules);
        changes.saves.push(Save {
            row: None,
            new_digests: graph.identifiers.keys().copied().collect(),
            graph,
            counted: Counted::default(),
            work: None,
            dirty: settled.dirty(),
            waiting: settled.waiting,
        });
        Ok(())
    }
}

/// Creates the affiliate of a graph, with every trait delivered.
fn create_affiliate(graph: &mut Graph, rules: &Rules, (anchor, id): (identity::Digest, u64), now: Timestamp) {
    for _ in 0..2 {
        let steps = Analysis::of(graph, rules).steps;
        let answer = match steps.into_iter().next().map(|step| step.act) {
            Some(Act::Create { fields, .. }) => {
                Answer::Created { id, code: format!("{id:x}"), status: Status::Active, fields }
            }
            Some(Act::Edit { email, fields, .. }) => Answer::Edited { id, email, fields },
            _ => return,
        };
        apply(graph, rules, anchor, &answer, now.into());
        settle(graph, rules);
    }
}

fn address(statement: &Statement) -> anyhow::Result<identity::Digest> {
    let address = statement.address.as_ref().map(|(name, _)| name.digest);
    address.ok_or_else(|| anyhow::anyhow!("a member states no address"))
}

fn unreadable(changes: &mut Changes, event: Uuid, now: Timestamp) {
    changes.events.push(NewEvent {
        event,
        kind: "identify".to_owned(),
        received_at: now,
        lane: Lane::Bulk,
        payload: UNREADABLE.into(),
        found_by: Vec::new(),
    });
    dead(changes, (event, 1, now), "unreadable");
    changes.orphans.push(OrphanedDeadLetter { event, named: Vec::new(), stated_at: now.into() });
    changes.dead_letters.push(DeadLetter {
        event,
        class: "unreadable".to_owned(),
        cause: segment::Refusal::IdentifyNamesNobody.message(),
        http_status: None,
        field: None,
        attempts: 0,
        died_at: now,
        person: None,
    });
}

fn dead(changes: &mut Changes, (event, number, at): (Uuid, u32, Timestamp), class: &str) {
    changes.outcomes.push(Outcome {
        event,
        number,
        state: State::Dead,
        reason: Some(class.to_owned()),
        affiliate: None,
        at,
    });
}

fn cause(class: &str, http_status: u16, message: &str) -> Cause {
    Cause { class: class.to_owned(), message: message.to_owned(), http_status: Some(http_status) }
}
