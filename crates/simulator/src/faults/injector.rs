//! The fault injector: decides which faults are injected into each call.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Faults, Kind};
use crate::answer::Answer;
use crate::random::RandomSource;

/// The result of a call that is not carried out.
#[derive(Debug)]
pub(crate) enum BeforeEffect {
    Drop,
    Answer(Answer),
    /// 429 with the wait that `Retry-After` names.
    RetryAfter(Answer, Duration),
}

/// The changed answer of a call that was carried out.
#[derive(Debug)]
pub(crate) enum AfterEffect {
    Drop,
    Answer(Answer),
    Corrupt(RandomSource),
}

/// The faults that are injected into one call.
#[derive(Debug, Default)]
pub(crate) struct Injection {
    pub(crate) latency: Duration,
    pub(crate) before: Option<BeforeEffect>,
    /// How much later the call is carried out, if it is a create.
    pub(crate) late: Option<Duration>,
    /// Calls per second, if a hidden limit is in force.
    pub(crate) limit: Option<f64>,
    pub(crate) bad_credentials: bool,
    pub(crate) after: Option<AfterEffect>,
    /// Selects the items of a batch that are reported as not changed, if the fault `partial` hits.
    pub(crate) partial: Option<RandomSource>,
}

/// The faults in force, the time at which they were set, and the number of injections of each.
pub(crate) struct Injector {
    seed: u64,
    random: RandomSource,
    faults: Faults,
    since: Duration,
    injected: BTreeMap<&'static str, u64>,
}

impl Injector {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            random: RandomSource::for_name(seed, "faults"),
            faults: Faults::default(),
            since: Duration::ZERO,
            injected: BTreeMap::new(),
        }
    }

    pub(crate) fn set(&mut self, now: Duration, faults: Faults) {
        self.faults = faults;
        self.since = now;
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The number of injections of each fault, by its name in a specification.
    pub(crate) fn injected(&self) -> BTreeMap<String, u64> {
        self.injected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    pub(crate) fn count(&mut self, name: &'static str) {
        *self.injected.entry(name).or_default() += 1;
    }

    /// Draws the faults of one call of this account.
    pub(crate) fn draw(&mut self, now: Duration, public_key: &str, operation: &str) -> Injection {
        let concerns = |only: &Option<String>, this: &str| only.as_ref().is_none_or(|only| only == this);
        if !concerns(&self.faults.account, public_key) || !concerns(&self.faults.operation, operation) {
            return Injection::default();
        }
        let elapsed = now.saturating_sub(self.since);
        let kinds = self.draw_kinds();
        let mut injection = Injection { latency: self.draw_latency(), ..Injection::default() };
        if self.is_down(elapsed) {
            self.count("down");
            injection.before = Some(self.outage());
            return injection;
        }
        if kinds.contains(&Kind::Slow) {
            self.count(Kind::Slow.name());
            injection.latency += self.faults.slow_by;
        }
        injection.limit = self.faults.limit.map(|limit| limit.rate(self.seed, elapsed));
        injection.bad_credentials = self.faults.bad_credentials;
        if kinds.contains(&Kind::Partial) {
            injection.partial = Some(self.random.fork());
        }
        if let Some(kind) = kinds.into_iter().find(|kind| ![Kind::Slow, Kind::Partial].contains(kind)) {
            // Only a create can be late, and counts if it is.
            if kind != Kind::Late {
                self.count(kind.name());
            }
            self.inject(&mut injection, kind);
        }
        injection
    }

    fn draw_kinds(&mut self) -> BTreeSet<Kind> {
        let random = &mut self.random;
        let probabilities = self.faults.probabilities.iter();
        probabilities.filter(|(_, it)| random.occurs(**it)).map(|(kind, _)| *kind).collect()
    }

    fn draw_latency(&mut self) -> Duration {
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let latency = self.faults.latency;
        Duration::from_micros(self.random.between(micros(latency.min), micros(latency.max)))
    }

    /// Whether an outage is on, whatever account it concerns.
    pub(crate) fn outage_is_on(&self, now: Duration) -> bool {
        self.is_down(now.saturating_sub(self.since))
    }

    fn is_down(&self, elapsed: Duration) -> bool {
        let outages = &self.faults.outages;
        outages.iter().any(|outage| outage.start <= elapsed && elapsed - outage.start < outage.duration)
    }

    /// One of the three ways in which an API that is down answers.
    fn outage(&mut self) -> BeforeEffect {
        match self.random.below(3) {
            0 => BeforeEffect::Drop,
            1 => BeforeEffect::Answer(Answer::page(502, "Bad Gateway")),
            _ => BeforeEffect::Answer(Answer::gateway(502, "Internal server error")),
        }
    }

    fn inject(&mut self, injection: &mut Injection, kind: Kind) {
        match kind {
            Kind::DropBefore => injection.before = Some(BeforeEffect::Drop),
            Kind::Html => injection.before = Some(BeforeEffect::Answer(self.page())),
            Kind::Forbidden => {
                injection.before = Some(BeforeEffect::Answer(Answer::gateway(403, "Forbidden")));
            }
            Kind::Unavailable => {
                let answer = Answer::error(503, "Service is under maintenance.");
                injection.before = Some(BeforeEffect::Answer(answer));
            }
            Kind::TooMany => injection.before = Some(BeforeEffect::Answer(too_many_calls())),
            Kind::TooManyAfter => injection.before = Some(retry_after(self.faults.retry_after)),
            Kind::Internal => self.before_or_after(injection, Answer::error(500, "Internal server error")),
            Kind::BadGateway => self.before_or_after(injection, Answer::gateway(502, "Bad Gateway")),
            Kind::GatewayTimeout => {
                self.before_or_after(injection, Answer::gateway(504, "Endpoint request timed out"));
            }
            Kind::Late => injection.late = Some(self.faults.late_by),
            Kind::DropAfter => injection.after = Some(AfterEffect::Drop),
            Kind::Garbage => injection.after = Some(AfterEffect::Corrupt(self.random.fork())),
            Kind::Slow | Kind::Partial => {}
        }
    }

    fn page(&mut self) -> Answer {
        match self.random.below(3) {
            0 => Answer::page(502, "Bad Gateway"),
            1 => Answer::page(503, "Service Temporarily Unavailable"),
            _ => Answer::page(504, "Gateway Time-out"),
        }
    }

    /// Injects an answer that does not show whether the call was carried out; half of the calls are.
    fn before_or_after(&mut self, injection: &mut Injection, answer: Answer) {
        if self.random.flip() {
            injection.before = Some(BeforeEffect::Answer(answer));
        } else {
            injection.after = Some(AfterEffect::Answer(answer));
        }
    }
}

/// 429 for too many calls, without `Retry-After`.
pub(crate) fn too_many_calls() -> Answer {
    Answer::gateway(429, "Too Many Requests")
}

fn retry_after(wait: Duration) -> BeforeEffect {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let answer = too_many_calls().with_header("retry-after", &seconds.to_string());
    BeforeEffect::RetryAfter(answer, Duration::from_secs(seconds))
}
