//! The audience, computed trait or journey that an identify is about.

use crate::event::{Audience, Trait};
use crate::fields::{Fields, fold_key, folds_to};
use crate::node::Node;
use crate::traits::{ParsedTraits, Sources};

/// Maximum length of names and ids that are kept, in characters. Segment's own are far shorter.
const MAX_CHARS: usize = 128;

/// The audience that Engage names in `context.personas`. Without that object: the audience of an event that states nothing
/// but its flag. Source: Segment, `engage/using-engage-data.md`.
pub(crate) fn of(top: &Fields<'_>, sources: &Sources<'_, '_>, parsed: &ParsedTraits) -> Option<Audience> {
    let personas = personas(top);
    if personas.is_empty() {
        return lone_flag(sources, parsed);
    }
    let text = |key| personas.iter().find_map(|(written, node)| text(written, node, key));
    let name = text("computationkey").or_else(|| only_trait(parsed))?;
    Some(Audience {
        key: fold_key(&name),
        name,
        class: text("computationclass"),
        space: text("spaceid").or_else(|| text("namespace")),
        id: text("computationid"),
    })
}

/// Whether an audience, computed trait or journey sent the event: all of them add this object, with various members.
pub(crate) fn is_from_engage(top: &Fields<'_>) -> bool {
    top.at(&["context", "personas"]).into_iter().any(|node| matches!(node, Node::Object(_)))
}

fn personas<'n>(top: &Fields<'n>) -> &'n [(std::borrow::Cow<'n, str>, Node<'n>)] {
    let objects = top.at(&["context", "personas"]).into_iter();
    let mut members = objects.filter_map(|node| match node {
        Node::Object(members) => Some(members.as_slice()),
        _ => None,
    });
    members.next().unwrap_or_default()
}

/// The text of a member, if it has this folded key and may be kept.
fn text(written: &str, node: &Node<'_>, folded: &str) -> Option<String> {
    let Node::Text(text) = node else { return None };
    let text = text.trim();
    let usable = !text.is_empty() && text.chars().nth(MAX_CHARS).is_none();
    (usable && folds_to(written, folded)).then(|| text.to_owned())
}

/// The one trait that an event states, in its spelling.
fn only_trait(parsed: &ParsedTraits) -> Option<String> {
    let mut traits = parsed.traits.keys();
    let (Some(Trait::Custom(key)), None) = (traits.next(), traits.next()) else { return None };
    let name = parsed.spellings.get(key)?;
    name.chars().nth(MAX_CHARS).is_none().then(|| name.clone())
}

/// The audience of an event without the object, as older syncs and other senders send it: one trait, a boolean.
fn lone_flag(sources: &Sources<'_, '_>, parsed: &ParsedTraits) -> Option<Audience> {
    let name = only_trait(parsed).filter(|_| parsed.ignored.is_empty())?;
    let key = fold_key(&name);
    let is_flag = sources.custom().any(|source| source.all(&key).any(|node| matches!(node, Node::Bool(_))));
    is_flag.then_some(Audience { key, name, class: None, space: None, id: None })
}
