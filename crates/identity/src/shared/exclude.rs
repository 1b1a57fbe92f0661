//! Leaves shared identifiers out of an identify.

use crate::Text;
use crate::digest::Digest;
use crate::fold::{Name, Statement};
use crate::graph::{Graph, Identifier, Kind};

use super::{SHARED, Shared};

/// An identify without its shared identifiers.
#[derive(Clone, Debug)]
pub struct WithoutShared {
    /// The rest of it; `None` if no other identifier remains.
    pub statement: Option<Statement>,
    /// Identifiers that count a shared one as linked.
    pub apart: Vec<Apart>,
    /// The shared identifiers of the event.
    pub shared: Vec<Shared>,
}

/// An identifier that was named with a shared one.
#[derive(Clone, Copy, Debug)]
pub struct Apart {
    /// The identifier.
    pub identifier: Digest,
    /// Its kind.
    pub kind: Kind,
    /// The shared one.
    pub shared: Digest,
}

/// Leaves the shared identifiers out of an identify; `None` if it has none, so that it counts unchanged.
///
/// Traits stated under a shared userId count for the address that is stated with it, and for nothing else: the anonymousId
/// is dropped. An identify whose strongest identifier is a shared address or anonymousId counts for no person.
#[must_use]
pub fn without_shared(statement: &Statement, is_shared: impl Fn(Digest) -> bool) -> Option<WithoutShared> {
    let user = statement.user.as_ref().map(|name| (name, Kind::User));
    let address = statement.address.as_ref().map(|(name, _)| (name, Kind::Address));
    let anonymous = statement.anonymous.as_ref().map(|name| (name, Kind::Anonymous));
    let named = [user, address, anonymous].into_iter().flatten();
    let named = named.filter(|(name, _)| is_shared(name.digest));
    let shared: Vec<Shared> = named.map(|(name, kind)| Shared { identifier: name.digest, kind }).collect();
    if shared.is_empty() {
        return None;
    }
    let apart = |one: Option<(&Name, Kind)>, other: Option<(&Name, Kind)>| {
        let ((name, kind), (other, _)) = (one?, other?);
        let counts = !is_shared(name.digest) && is_shared(other.digest);
        counts.then_some(Apart { identifier: name.digest, kind, shared: other.digest })
    };
    let links = [apart(user, address), apart(address, user), apart(anonymous, user.or(address))];
    let is = |name: Option<(&Name, Kind)>| name.is_some_and(|(name, _)| is_shared(name.digest));
    let unusable = Some(describe_unusable(statement.unusable.as_ref(), shared.iter().map(|it| it.kind)));
    let mut left = Statement { unusable, ..statement.clone() };
    if is(user) {
        (left.user, left.anonymous) = (None, None);
    }
    if is(address) {
        left.address = None;
    }
    if is(anonymous) || (user.is_none() && is(address)) {
        left.anonymous = None;
    }
    let counts = !left.digests().is_empty();
    Some(WithoutShared {
        statement: counts.then_some(left),
        apart: links.into_iter().flatten().collect(),
        shared,
    })
}

/// The unusable values of an event in words, with its shared identifiers of these kinds.
#[must_use]
pub fn describe_unusable(unusable: Option<&Text>, kinds: impl IntoIterator<Item = Kind>) -> Text {
    let words = kinds.into_iter().map(|kind| format!("{} ({SHARED})", kind.place()));
    let words: Vec<String> = unusable.map(ToString::to_string).into_iter().chain(words).collect();
    words.join(", ").into()
}

/// Notes in the graph of an identifier that it was named with a shared one. Its name is not needed for that.
pub fn note_apart(graph: &mut Graph, apart: &Apart) {
    let identifier = graph.identifiers.entry(apart.identifier).or_insert_with(|| Identifier::new(apart.kind));
    identifier.note_apart(apart.shared);
}
