//! JSON Pointers (RFC 6901) into a tree.

use crate::PatchProblem;
use crate::tree::Tree;

/// Maximum number of parts of a pointer: the maximum nesting depth of JSON.
const MAX_PARTS: usize = 128;

/// The place of a value, or of a value to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pointer(Vec<String>);

impl Pointer {
    pub(crate) fn parse(text: &str) -> Result<Self, PatchProblem> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let rest = text.strip_prefix('/').ok_or(PatchProblem::Path)?;
        let parts: Vec<String> =
            rest.split('/').map(unescaped).collect::<Option<_>>().ok_or(PatchProblem::Path)?;
        if parts.len() > MAX_PARTS {
            return Err(PatchProblem::Path);
        }
        Ok(Self(parts))
    }

    /// The pointer to a member or an item of the value at this pointer.
    pub(crate) fn join(&self, part: &str) -> Self {
        Self(self.0.iter().cloned().chain([part.to_owned()]).collect())
    }

    pub(crate) fn root() -> Self {
        Self(Vec::new())
    }

    /// Whether `other` points into the value at this pointer.
    pub(crate) fn is_above(&self, other: &Self) -> bool {
        other.0.len() > self.0.len() && other.0.starts_with(&self.0)
    }

    /// The pointer to the object or list that contains the value, and the value's key or index; `None` for the whole document.
    pub(crate) fn split(&self) -> Option<(&[String], &str)> {
        self.0.split_last().map(|(last, parents)| (parents, last.as_str()))
    }

    /// The value.
    pub(crate) fn find<'t>(&self, tree: &'t Tree) -> Result<&'t Tree, PatchProblem> {
        self.0.iter().try_fold(tree, |tree, part| match tree {
            Tree::Object(members) => {
                let place =
                    place_of(part, members.iter().map(|it| it.key.as_str()))?.ok_or(PatchProblem::Missing)?;
                Ok(&members[place].value)
            }
            Tree::List(items) => items.get(index(part)?).ok_or(PatchProblem::Missing),
            Tree::Single(_) => Err(PatchProblem::Missing),
        })
    }
}

/// The value at the end of these parts.
pub(crate) fn find_mut<'t>(parts: &[String], tree: &'t mut Tree) -> Result<&'t mut Tree, PatchProblem> {
    parts.iter().try_fold(tree, |tree, part| match tree {
        Tree::Object(members) => {
            let place =
                place_of(part, members.iter().map(|it| it.key.as_str()))?.ok_or(PatchProblem::Missing)?;
            Ok(&mut members[place].value)
        }
        Tree::List(items) => items.get_mut(index(part)?).ok_or(PatchProblem::Missing),
        Tree::Single(_) => Err(PatchProblem::Missing),
    })
}

/// The place of a key among the members of an object. A pointer cannot name a key that occurs twice.
pub(crate) fn place_of<'k>(
    key: &str,
    mut keys: impl Iterator<Item = &'k str>,
) -> Result<Option<usize>, PatchProblem> {
    let found = keys.by_ref().position(|other| other == key);
    if found.is_some() && keys.any(|other| other == key) {
        return Err(PatchProblem::Twice);
    }
    Ok(found)
}

/// An index of a list: digits without a leading zero.
pub(crate) fn index(part: &str) -> Result<usize, PatchProblem> {
    let is_index = part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
    part.parse().ok().filter(|_| is_index).ok_or(PatchProblem::Missing)
}

fn unescaped(part: &str) -> Option<String> {
    let mut out = String::with_capacity(part.len());
    let mut chars = part.chars();
    while let Some(char) = chars.next() {
        out.push(match char {
            '~' => match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(out)
}

impl std::fmt::Display for Pointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|part| write!(f, "/{}", part.replace('~', "~0").replace('/', "~1")))
    }
}
