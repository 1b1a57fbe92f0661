//! The faults at work: for each call, what will go wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Faults, Kind};
use crate::answer::Answer;
use crate::dice::Dice;

/// What happens to a call instead of its effect.
#[derive(Debug)]
pub(crate) enum Instead {
    Drop,
    Answer(Answer),
    /// 429, and when to come back.
    ComeBack(Answer, Duration),
}

/// What happens to the answer of a call that was carried out.
#[derive(Debug)]
pub(crate) enum After {
    Drop,
    Answer(Answer),
    Garble(Dice),
}

/// What goes wrong with one call.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) latency: Duration,
    pub(crate) instead: Option<Instead>,
    /// Calls per second, if a hidden limit is in force.
    pub(crate) limit: Option<f64>,
    pub(crate) bad_credentials: bool,
    pub(crate) after: Option<After>,
    /// Decides which items of a batch are withheld, if any are.
    pub(crate) partial: Option<Dice>,
}

/// The faults in force, since when, and how often each has hit.
pub(crate) struct Weather {
    seed: u64,
    dice: Dice,
    faults: Faults,
    since: Duration,
    hits: BTreeMap<&'static str, u64>,
}

impl Weather {
    pub(crate) fn new(seed: u64) -> Self {
        let faults = Faults::default();
        Self {
            seed,
            dice: Dice::named(seed, "weather"),
            faults,
            since: Duration::ZERO,
            hits: BTreeMap::new(),
        }
    }

    pub(crate) fn set(&mut self, now: Duration, faults: Faults) {
        self.faults = faults;
        self.since = now;
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// How often each fault was injected, by its name in a specification.
    pub(crate) fn hits(&self) -> BTreeMap<String, u64> {
        self.hits.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    pub(crate) fn count(&mut self, name: &'static str) {
        *self.hits.entry(name).or_default() += 1;
    }

    /// Draws what goes wrong with a call of that account.
    pub(crate) fn draw(&mut self, now: Duration, public_key: &str) -> Plan {
        if self.faults.account.as_ref().is_some_and(|account| account != public_key) {
            return Plan::default();
        }
        let elapsed = now.saturating_sub(self.since);
        let hit = self.draw_kinds();
        let mut plan = Plan { latency: self.draw_latency(), ..Plan::default() };
        if self.is_down(elapsed) {
            self.count("down");
            plan.instead = Some(self.outage());
            return plan;
        }
        if hit.contains(&Kind::Slow) {
            self.count(Kind::Slow.name());
            plan.latency += self.faults.slow_by;
        }
        plan.limit = self.faults.limit.map(|limit| limit.rate(self.seed, elapsed));
        plan.bad_credentials = self.faults.bad_credentials;
        if hit.contains(&Kind::Partial) {
            plan.partial = Some(Dice::new(self.dice.next()));
        }
        if let Some(kind) = hit.into_iter().find(|kind| ![Kind::Slow, Kind::Partial].contains(kind)) {
            self.count(kind.name());
            self.spoil(&mut plan, kind);
        }
        plan
    }

    fn draw_kinds(&mut self) -> BTreeSet<Kind> {
        let dice = &mut self.dice;
        self.faults.chances.iter().filter(|(_, chance)| dice.hits(**chance)).map(|(kind, _)| *kind).collect()
    }

    fn draw_latency(&mut self) -> Duration {
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let latency = self.faults.latency;
        Duration::from_micros(self.dice.between(micros(latency.least), micros(latency.most)))
    }

    fn is_down(&self, elapsed: Duration) -> bool {
        self.faults.down.iter().any(|down| down.begins <= elapsed && elapsed - down.begins < down.lasts)
    }

    /// The three faces of an API that is away.
    fn outage(&mut self) -> Instead {
        match self.dice.below(3) {
            0 => Instead::Drop,
            1 => Instead::Answer(Answer::page(502, "Bad Gateway")),
            _ => Instead::Answer(Answer::gateway(502, "Internal server error")),
        }
    }

    fn spoil(&mut self, plan: &mut Plan, kind: Kind) {
        match kind {
            Kind::DropBefore => plan.instead = Some(Instead::Drop),
            Kind::Html => plan.instead = Some(Instead::Answer(self.page())),
            Kind::Forbidden => plan.instead = Some(Instead::Answer(Answer::gateway(403, "Forbidden"))),
            Kind::Unavailable => {
                plan.instead = Some(Instead::Answer(Answer::error(503, "Service is under maintenance.")))
            }
            Kind::TooMany => plan.instead = Some(Instead::Answer(too_many_calls())),
            Kind::TooManyAfter => plan.instead = Some(come_back(self.faults.retry_after)),
            Kind::Internal => self.on_either_side(plan, Answer::error(500, "Internal server error")),
            Kind::BadGateway => self.on_either_side(plan, Answer::gateway(502, "Bad Gateway")),
            Kind::GatewayTimeout => {
                self.on_either_side(plan, Answer::gateway(504, "Endpoint request timed out"));
            }
            Kind::DropAfter => plan.after = Some(After::Drop),
            Kind::Garbage => plan.after = Some(After::Garble(Dice::new(self.dice.next()))),
            Kind::Slow | Kind::Partial => {}
        }
    }

    fn page(&mut self) -> Answer {
        match self.dice.below(3) {
            0 => Answer::page(502, "Bad Gateway"),
            1 => Answer::page(503, "Service Temporarily Unavailable"),
            _ => Answer::page(504, "Gateway Time-out"),
        }
    }

    /// Such an answer leaves open whether the call was carried out.
    fn on_either_side(&mut self, plan: &mut Plan, answer: Answer) {
        if self.dice.coin() {
            plan.instead = Some(Instead::Answer(answer));
        } else {
            plan.after = Some(After::Answer(answer));
        }
    }
}

/// Too many calls, without a word on when to come back.
pub(crate) fn too_many_calls() -> Answer {
    Answer::gateway(429, "Too Many Requests")
}

fn come_back(after: Duration) -> Instead {
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    let answer = too_many_calls().with_header("retry-after", &seconds.to_string());
    Instead::ComeBack(answer, Duration::from_secs(seconds))
}
