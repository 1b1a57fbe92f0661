//! The core: one request in, one reply out, without a clock, a socket or a thread of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::account::{Before, Placed, World};
use crate::accounts::{Accounts, Tenant};
use crate::answer::Answer;
use crate::call::{Call, MAX_BODY};
use crate::calls::Calls;
use crate::dice::Dice;
use crate::faults::{self, After, Faults, Instead, Plan, Weather};
use crate::operation::Operation;
use crate::options::{Options, Switches};
use crate::state::{AffiliateState, State};

/// A Refersion. The same options and the same requests at the same times give the same replies.
pub struct Simulator {
    world: World,
    accounts: Accounts,
    weather: Weather,
    /// By operation and status; `None` is a dropped connection.
    counts: BTreeMap<(Operation, Option<u16>), u64>,
}

/// A `POST` as it came. There is no `Debug`: it holds an API secret.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    /// As in the request line: `/v2/affiliate/new`.
    pub path: &'a str,
    /// The header `Refersion-Public-Key`, empty where it is missing.
    pub public_key: &'a str,
    /// The header `Refersion-Secret-Key`, empty where it is missing.
    pub secret_key: &'a str,
    /// At most 1 MiB; more is answered with 413.
    pub body: &'a [u8],
}

/// What becomes of a request. Its effect, if any, took place when it came, whenever the reply goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// An HTTP answer.
    Answer {
        /// How long it takes.
        after: Duration,
        /// The HTTP status.
        status: u16,
        /// Names in lower case.
        headers: Vec<(String, String)>,
        /// Empty with 204.
        body: Vec<u8>,
    },
    /// The connection closes without an answer. Whether the call was carried out is decided, and not told.
    Drop {
        /// How long that takes.
        after: Duration,
    },
}

/// A request of which everything is checked that needs no account. An error is the whole answer.
pub(crate) struct Reading {
    operation: Operation,
    call: Result<Call, Answer>,
}

impl Simulator {
    /// Begins without affiliates and without faults.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            world: World::new(&options),
            accounts: Accounts::new(&options),
            weather: Weather::new(options.seed),
            counts: BTreeMap::new(),
        }
    }

    /// Answers a request that arrives `now`, counted from the start.
    pub fn handle(&mut self, now: Duration, request: &Incoming<'_>) -> Reply {
        let reading = Reading::of(request, &self.world.switches);
        self.reply(now, request, reading)
    }

    pub(crate) fn reply(&mut self, now: Duration, request: &Incoming<'_>, reading: Reading) -> Reply {
        let operation = reading.operation;
        let plan = self.weather.draw(now, request.public_key);
        let latency = plan.latency;
        let answer = self.answer(now, request, reading, plan);
        *self.counts.entry((operation, answer.as_ref().map(|answer| answer.status))).or_default() += 1;
        match answer {
            None => Reply::Drop { after: latency },
            Some(Answer { status, headers, body }) => Reply::Answer { after: latency, status, headers, body },
        }
    }

    /// `None` is a connection that closes. The order is that of a request on its way: the gateway, the limit of the
    /// account, its keys, the call, and the way back.
    fn answer(
        &mut self,
        now: Duration,
        request: &Incoming<'_>,
        reading: Reading,
        plan: Plan,
    ) -> Option<Answer> {
        let mut tenant = self.accounts.arrive(now, request.public_key, request.secret_key);
        match plan.instead {
            Some(Instead::Drop) => return None,
            Some(Instead::Answer(answer)) => return Some(answer),
            Some(Instead::ComeBack(answer, wait)) => {
                if let Some(tenant) = &mut tenant {
                    tenant.traffic.ask_to_stay_away(now + plan.latency, wait);
                }
                return Some(answer);
            }
            None => {}
        }
        if let Some(refusal) = gateway_refusal(reading.operation, request) {
            return Some(refusal);
        }
        if plan.bad_credentials {
            self.weather.count("credentials");
            return Some(bad_credentials());
        }
        let Some(tenant) = tenant else { return Some(bad_credentials()) };
        if plan.limit.is_some_and(|rate| !tenant.traffic.bucket.admits(now, rate)) {
            self.weather.count("limit");
            return Some(faults::too_many_calls());
        }
        let batch = matches!(reading.call, Ok(Call::Edit(_) | Call::StatusChange(_)));
        if plan.partial.is_some() && batch {
            self.weather.count(faults::Kind::Partial.name());
        }
        let answer = carry_out(tenant, reading.call, &self.world, plan.partial);
        way_back(answer, plan.after)
    }

    /// Puts other faults in force; none of the former stay.
    pub fn set_faults(&mut self, now: Duration, faults: Faults) {
        self.weather.set(now, faults);
    }

    /// The faults in force.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        self.weather.faults()
    }

    /// Everything that the accounts hold.
    #[must_use]
    pub fn state(&self) -> State {
        self.accounts.state()
    }

    /// What was asked for, and what came of it.
    #[must_use]
    pub fn calls(&self) -> Calls {
        let mut calls =
            Calls { faults: self.weather.hits(), accounts: self.accounts.calls(), ..Calls::default() };
        for ((operation, status), count) in &self.counts {
            let status = status.map_or_else(|| "dropped".to_owned(), |status| status.to_string());
            calls.total += count;
            calls.by_operation.entry(operation.name().to_owned()).or_default().insert(status, *count);
        }
        calls
    }

    /// Sets the scene: an affiliate that was there before anybody called. Opens the account if accounts open by
    /// themselves. `None` if there is no such account, or its address is held already.
    pub fn place(&mut self, public_key: &str, before: Before) -> Option<Placed> {
        self.accounts.prepare(public_key)?.place(before, &self.world)
    }

    /// As when affiliates delete their own account. True if there was one with that numeric id.
    pub fn remove(&mut self, public_key: &str, id: u64) -> bool {
        self.accounts.prepare(public_key).is_some_and(|account| account.remove(id))
    }

    /// The affiliate that holds the address, compared without case.
    #[must_use]
    pub fn find_by_email(&self, public_key: &str, email: &str) -> Option<AffiliateState> {
        self.accounts.get(public_key)?.find_by_email(email).map(AffiliateState::of)
    }

    /// The switches that reading needs, for whoever reads outside of the core.
    pub(crate) fn switches(&self) -> &Switches {
        &self.world.switches
    }
}

impl Reading {
    pub(crate) fn of(request: &Incoming<'_>, switches: &Switches) -> Self {
        let operation = Operation::at(request.path);
        let call = match gateway_refusal(operation, request) {
            Some(refusal) => Err(refusal),
            None => Call::read(operation, request.body, switches),
        };
        Self { operation, call }
    }
}

fn gateway_refusal(operation: Operation, request: &Incoming<'_>) -> Option<Answer> {
    if request.body.len() > MAX_BODY {
        return Some(Answer::gateway(413, "Request Too Long"));
    }
    (operation == Operation::Unknown).then(|| Answer::gateway(403, "Forbidden"))
}

/// One answer for unknown, wrong and missing keys. Source: Refersion REST v2, 401 of every operation.
fn bad_credentials() -> Answer {
    Answer::error(401, "Invalid API credentials (error 2).")
}

fn carry_out(
    tenant: &mut Tenant,
    call: Result<Call, Answer>,
    world: &World,
    mut partial: Option<Dice>,
) -> Answer {
    match call {
        Ok(call) => tenant.account.perform(call, world, partial.as_mut()),
        Err(refusal) => refusal,
    }
}

fn way_back(answer: Answer, after: Option<After>) -> Option<Answer> {
    match after {
        None => Some(answer),
        Some(After::Drop) => None,
        Some(After::Answer(other)) => Some(other),
        Some(After::Garble(mut dice)) => Some(garbled(answer, dice.below(3))),
    }
}

/// A success of which the body says nothing.
fn garbled(answer: Answer, how: u64) -> Answer {
    match how {
        0 => Answer { status: 200, body: answer.body[..answer.body.len() / 2].to_vec(), ..answer },
        1 => Answer { status: 200, body: Vec::new(), ..answer },
        _ => Answer::page(200, "We will be back soon"),
    }
}
