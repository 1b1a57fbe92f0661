//! One event of a request, written as Segment would deliver it to a destination.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::integrations;
use super::members::Members;
use super::merged::{Merged, Unique};
use super::times::{self, Timed};
use super::writer::{Writer, text};
use crate::fields::{fold_key, is_spec_name};
use crate::identify::DESTINATION;
use crate::kind::{self, DELETE, UNTRUSTED_DELETE};

/// The members of a batch that apply to all of its items.
#[derive(Default)]
pub(super) struct Shared<'a> {
    context: Option<Unique<'a>>,
    integrations: Option<Unique<'a>>,
    sent_at: Option<Timed<'a>>,
}

impl<'a> Shared<'a> {
    pub(super) fn of(
        context: Option<&'a RawValue>,
        integrations: Option<&'a RawValue>,
        sent_at: Option<&'a RawValue>,
    ) -> Self {
        Self {
            context: context.and_then(Unique::of),
            integrations: integrations.and_then(Unique::of),
            sent_at: sent_at.and_then(Timed::of),
        }
    }

    /// Approximate number of bytes that it adds to each item.
    pub(super) fn bytes(&self) -> usize {
        [&self.context, &self.integrations].into_iter().flatten().map(Unique::bytes).sum()
    }
}

/// Folded keys that Segment reads or writes; this destination does it here.
const KNOWN: [&str; 7] =
    ["action", "context", "integrations", "originaltimestamp", "sentat", "timestamp", "type"];

/// Folded keys that are dropped: the key of the connection, and Segment's clock, which is replaced by ours.
const DROPPED: [&str; 2] = ["receivedat", "writekey"];

/// An item that is being written: first the members with known keys, then all others unchanged.
struct Item<'a> {
    /// The members with known keys, the preferred spelling of each first.
    known: Vec<Member<'a>>,
    rest: Vec<Member<'a>>,
    written: Writer,
}

struct Member<'a> {
    folded: String,
    key: Cow<'a, str>,
    value: &'a RawValue,
}

/// The item as JSON. `path` is the type that the path of the request states. An item that is no object stays unchanged: the
/// worker refuses it.
pub(super) fn write(
    item: &RawValue,
    shared: &Shared<'_>,
    path: Option<&str>,
    received_at: Timestamp,
) -> String {
    let Some(members) = Members::of(item) else { return item.get().to_owned() };
    let mut item = Item::of(members);
    item.write_type(path);
    item.write_times(shared.sent_at, received_at);
    item.write_context(shared.context.as_ref());
    item.write_integrations(shared.integrations.as_ref());
    item.finish()
}

impl<'a> Item<'a> {
    fn of(members: Members<'a>) -> Self {
        let with_folded =
            |(key, value): (Cow<'a, str>, &'a RawValue)| Member { folded: fold_key(&key), key, value };
        let members = members.0.into_iter().map(with_folded);
        let kept = members.filter(|member| !DROPPED.contains(&member.folded.as_str()));
        let (mut known, rest): (Vec<_>, Vec<_>) =
            kept.partition(|member| KNOWN.contains(&member.folded.as_str()));
        // A stable sort keeps the order of the document.
        known.sort_by_key(|member| !is_spec_name(&member.key, &member.folded));
        Self { known, rest, written: Writer::new() }
    }

    /// Writes the type of the path, if the event states none. A delete becomes an untrusted one: the key of a client
    /// library is known to everybody, and must not erase anybody.
    fn write_type(&mut self, path: Option<&str>) {
        let own = self.all("type").find_map(stated_type);
        if let (None, Some(path)) = (&own, path) {
            self.drop_all(&["type"]);
            return self.written.member("type", &text(path));
        }
        if own.or_else(|| self.all("action").find_map(stated_type)).as_deref() == Some(DELETE) {
            self.drop_all(&["type", "action"]);
            self.written.member("type", &text(UNTRUSTED_DELETE));
        }
    }

    fn write_times(&mut self, of_batch: Option<Timed<'a>>, received_at: Timestamp) {
        let own = || self.all("timestamp").chain(self.all("originaltimestamp"));
        let happened = own().find_map(Timed::of);
        let original = happened.map(|happened| happened.value).or_else(|| own().next());
        let sent = self.all("sentat").find_map(Timed::of).or(of_batch);
        let corrected = sent.and_then(|sent| times::corrected(happened, sent, received_at));
        if let Some(corrected) = corrected {
            self.drop_all(&["timestamp", "originaltimestamp"]);
            self.written.member("timestamp", &text(&corrected.to_string()));
            if let Some(original) = original {
                self.written.member("originalTimestamp", original.get());
            }
        }
        if let Some(sent) = sent {
            self.drop_all(&["sentat"]);
            self.written.member("sentAt", sent.value.get());
        }
        self.written.member("receivedAt", &text(&received_at.to_string()));
    }

    fn write_context(&mut self, of_batch: Option<&Unique<'_>>) {
        let Some(of_batch) = of_batch else { return };
        let own = self.all("context").next();
        let members = own.and_then(Unique::of);
        if members.is_some() || own.is_none_or(is_blank) {
            self.take("context", own);
            let merged = Merged::of(members, Some(of_batch)).to_json(None);
            self.written.member("context", &merged);
        }
    }

    /// Writes `"Refersion": false` if the rule disables this destination, because the worker skips such events.
    fn write_integrations(&mut self, of_batch: Option<&Unique<'_>>) {
        let own = self.all("integrations").find(|value| value.get().starts_with('{'));
        let members = own.and_then(Unique::of);
        let merged = Merged::of(members, of_batch);
        let off = (!integrations::let_through(&merged)).then_some((DESTINATION, "false"));
        if off.is_some() || of_batch.is_some() {
            self.drop_all(&["integrations"]);
            self.written.member("integrations", &merged.to_json(off));
        }
    }

    fn all(&self, folded: &'static str) -> impl Iterator<Item = &'a RawValue> {
        self.known.iter().filter(move |member| member.folded == folded).map(|member| member.value)
    }

    fn drop_all(&mut self, folded: &[&str]) {
        self.known.retain(|member| !folded.contains(&member.folded.as_str()));
    }

    /// Drops one member, which is written again.
    fn take(&mut self, folded: &str, value: Option<&RawValue>) {
        let is_it = |member: &Member<'_>| value.is_some_and(|value| std::ptr::eq(member.value, value));
        self.known.retain(|member| member.folded != folded || !is_it(member));
    }

    fn finish(mut self) -> String {
        for member in self.known.iter().chain(&self.rest) {
            self.written.member(&member.key, member.value.get());
        }
        self.written.finish()
    }
}

fn stated_type(value: &RawValue) -> Option<String> {
    kind::word(&serde_json::from_str::<String>(value.get()).ok()?)
}

/// Whether a value is an object without members, as some languages write one.
fn is_blank(value: &RawValue) -> bool {
    let inner = value.get().strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    value.get() == "null" || inner.is_some_and(|inner| inner.trim().is_empty())
}
