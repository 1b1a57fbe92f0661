//! The core of the simulator: one reply for each request, without clock, sockets and threads.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::account::Config;
use crate::accounts::Accounts;
use crate::answer::Answer;
use crate::call::Call;
use crate::calls::Calls;
use crate::exchange::{
    ApiRequest, ParsedRequest, Reply, apply_after_effect, bad_credentials, gateway_refusal, perform,
};
use crate::faults::{self, BeforeEffect, Faults, Injection, Injector};
use crate::operation::Operation;
use crate::options::{Options, Switches};
use crate::state::{AffiliateState, LastEdit, State};
use crate::webhooks::Outbox;

/// UTF-8's byte order mark, which some servers put before their JSON.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A simulated Refersion. The same options and the same requests at the same times give the same replies.
pub struct Simulator {
    pub(crate) config: Config,
    pub(crate) accounts: Accounts,
    injector: Injector,
    /// By operation and status; `None` is a dropped connection.
    counts: BTreeMap<(Operation, Option<u16>), u64>,
    /// Creates that are carried out later, with the public key of their account, in the order of their times.
    late: BTreeMap<(Duration, u64), (String, Call)>,
    /// Number of late creates so far, which keeps those of one time apart.
    late_count: u64,
    pub(crate) outbox: Outbox,
}

impl Simulator {
    /// A simulator without affiliates and faults.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            config: Config::new(&options),
            accounts: Accounts::new(&options),
            injector: Injector::new(options.seed),
            counts: BTreeMap::new(),
            late: BTreeMap::new(),
            late_count: 0,
            outbox: Outbox::new(&options),
        }
    }

    /// Answers a request that arrives at `now`, measured from the start.
    pub fn handle(&mut self, now: Duration, request: &ApiRequest<'_>) -> Reply {
        let parsed = ParsedRequest::of(request, &self.config.switches);
        self.reply(now, request, parsed)
    }

    pub(crate) fn reply(&mut self, now: Duration, request: &ApiRequest<'_>, parsed: ParsedRequest) -> Reply {
        let operation = parsed.operation;
        self.advance(now);
        let injection = self.injector.draw(now, request.public_key, operation.name());
        let latency = injection.latency;
        let answer = self.answer(now, request, parsed, injection);
        self.announce(now, request.public_key);
        *self.counts.entry((operation, answer.as_ref().map(|answer| answer.status))).or_default() += 1;
        match answer {
            None => Reply::Drop { after: latency },
            Some(Answer { status, headers, body }) => {
                let body = self.marked(body, &headers);
                Reply::Answer { after: latency, status, headers, body }
            }
        }
    }

    /// Carries out every late create whose time has come. Each request does this first.
    pub fn advance(&mut self, now: Duration) {
        while let Some(first) = self.late.first_entry().filter(|first| first.key().0 <= now) {
            let at = first.key().0;
            let (public_key, call) = first.remove();
            if let Some(account) = self.accounts.get_or_open(&public_key) {
                account.perform(call, (&self.config, at), None);
            }
            self.announce(at, &public_key);
        }
    }

    /// The body with a byte order mark, if a switch asks for it and the body is JSON.
    fn marked(&self, body: Vec<u8>, headers: &[(String, String)]) -> Vec<u8> {
        let is_json =
            headers.iter().any(|(name, value)| name == "content-type" && value == "application/json");
        if !self.config.switches.byte_order_mark || !is_json {
            return body;
        }
        [BYTE_ORDER_MARK, &body].concat()
    }

    /// The answer to a request; `None` closes the connection. The checks have the order in which a request passes
    /// them: the gateway, the keys, the limit of the account, the call itself, and the faults of the answer.
    pub(super) fn answer(
        &mut self,
        now: Duration,
        request: &ApiRequest<'_>,
        parsed: ParsedRequest,
        injection: Injection,
    ) -> Option<Answer> {
        let mut tenant = self.accounts.authenticate(now, request.public_key, request.secret_key);
        match injection.before {
            Some(BeforeEffect::Drop) => return None,
            Some(BeforeEffect::Answer(answer)) => return Some(answer),
            Some(BeforeEffect::RetryAfter(answer, wait)) => {
                if let Some(tenant) = &mut tenant {
                    tenant.traffic.record_retry_after(now + injection.latency, wait);
                }
                return Some(answer);
            }
            None => {}
        }
        if let Some(refusal) = gateway_refusal(parsed.operation, request) {
            return Some(refusal);
        }
        if injection.bad_credentials {
            self.injector.count("credentials");
            return Some(bad_credentials());
        }
        let Some(tenant) = tenant else { return Some(bad_credentials()) };
        if injection.limit.is_some_and(|rate| !tenant.traffic.bucket.admits(now, rate)) {
            self.injector.count("limit");
            return Some(faults::too_many_calls());
        }
        if let (Some(by), Ok(Call::New(_))) = (injection.late, &parsed.call) {
            self.late_count += 1;
            let call = parsed.call.ok()?;
            self.late.insert((now + by, self.late_count), (request.public_key.to_owned(), call));
            self.injector.count(faults::Kind::Late.name());
            return None;
        }
        let is_batch = matches!(parsed.call, Ok(Call::Edit(_) | Call::StatusChange(_)));
        if injection.partial.is_some() && is_batch {
            self.injector.count(faults::Kind::Partial.name());
        }
        let answer = perform(tenant, parsed.call, (&self.config, now), injection.partial);
        apply_after_effect(answer, injection.after)
    }

    /// Replaces all faults.
    pub fn set_faults(&mut self, now: Duration, faults: Faults) {
        self.injector.set(now, faults);
    }

    /// Whether an outage of the whole API is on.
    #[must_use]
    pub fn is_down(&self, now: Duration) -> bool {
        self.injector.outage_is_on(now)
    }

    /// The faults in force.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        self.injector.faults()
    }

    /// The contents of all accounts.
    #[must_use]
    pub fn state(&self) -> State {
        self.accounts.state()
    }

    /// The last edit of each affiliate of all accounts that an edit has changed.
    #[must_use]
    pub fn last_edits(&self) -> Vec<LastEdit> {
        self.accounts.last_edits()
    }

    /// Counters of calls and their effects.
    #[must_use]
    pub fn calls(&self) -> Calls {
        let mut calls =
            Calls { faults: self.injector.injected(), accounts: self.accounts.calls(), ..Calls::default() };
        calls.webhooks = self.outbox.counts();
        for ((operation, status), count) in &self.counts {
            let status = status.map_or_else(|| "dropped".to_owned(), |status| status.to_string());
            calls.total += count;
            calls.by_operation.entry(operation.name().to_owned()).or_default().insert(status, *count);
        }
        calls
    }

    /// The affiliate with this address, compared ignoring case.
    #[must_use]
    pub fn find_by_email(&self, public_key: &str, email: &str) -> Option<AffiliateState> {
        self.accounts.get(public_key)?.find_by_email(email).map(AffiliateState::of)
    }

    /// The switches, for callers that parse requests themselves.
    pub(crate) fn switches(&self) -> &Switches {
        &self.config.switches
    }
}
