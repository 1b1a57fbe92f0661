//! The places where an identify may state traits, in order of precedence.

use crate::Mapping;
use crate::fields::Fields;
use crate::node::Node;
use crate::text::Statement;

/// The paths of these places. In `context.traits`, the libraries for phones keep earlier statements. The others are
/// mistakes of senders that do no harm.
pub(crate) const PATHS: [&[&str]; 4] =
    [&["traits"], &["traits", "traits"], &["context", "traits"], &["properties"]];

/// The objects of one identify that state traits, the strongest first.
pub(crate) struct Sources<'t, 'n> {
    /// The objects of which every member is a trait. The first is `traits`.
    traits: Vec<Fields<'n>>,
    /// The members of the event itself; only those with the names of standard traits count.
    top: &'t Fields<'n>,
}

impl<'t, 'n> Sources<'t, 'n> {
    pub(crate) fn of(top: &'t Fields<'n>) -> Self {
        let objects = PATHS.into_iter().map(|path| {
            let mut nodes = top.at(path).into_iter().filter(|node| matches!(node, Node::Object(_)));
            Fields::of(nodes.next())
        });
        Self { traits: objects.collect(), top }
    }

    /// All sources of standard traits that have any member.
    pub(super) fn standard(&self) -> impl Iterator<Item = &Fields<'n>> {
        self.traits.iter().filter(|source| !source.is_empty()).chain([self.top])
    }

    /// All sources of custom traits.
    pub(crate) fn custom(&self) -> impl Iterator<Item = &Fields<'n>> {
        self.traits.iter()
    }

    /// The values of the trait that is mapped to a standard field, if one is.
    pub(crate) fn mapped(&self, mapping: &Mapping, field: &str) -> Vec<&'n Node<'n>> {
        let path = mapping.path(field);
        path.map_or_else(Vec::new, |path| self.standard().flat_map(|source| source.follow(path)).collect())
    }

    /// The statement of the first source that has one, after that of a mapped trait.
    pub(super) fn statement(
        &self,
        mapped: Option<Statement>,
        read: impl FnMut(&Fields<'n>) -> Option<Statement>,
    ) -> Option<Statement> {
        mapped.or_else(|| self.standard().find_map(read))
    }
}

/// The first of several statements of one source that states a value; if there is none, whether one clears the trait.
pub(super) fn best(statements: impl IntoIterator<Item = Option<Statement>>) -> Option<Statement> {
    let mut cleared = None;
    for statement in statements.into_iter().flatten() {
        if statement.is_some() {
            return Some(statement);
        }
        cleared = Some(None);
    }
    cleared
}
