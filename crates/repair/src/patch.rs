//! JSON Patches (RFC 6902): reading and applying them.

use crate::pointer::{Pointer, find_mut, index, place_of};
use crate::tree::{Member, Tree};
use crate::{MAX_BYTES, PatchProblem, RepairError};

/// Maximum number of operations in a patch.
const MAX_OPERATIONS: usize = 1_000;
/// Maximum size of a patch in bytes.
const MAX_PATCH_BYTES: usize = 256 * 1024;

/// A JSON Patch. Numbers in its values stay as they are written.
#[derive(Clone, Debug)]
pub struct Patch {
    operations: Vec<Operation>,
    text: String,
}

#[derive(Clone, Debug)]
enum Operation {
    Add(Pointer, Tree),
    Remove(Pointer),
    Replace(Pointer, Tree),
    Move { from: Pointer, path: Pointer },
    Copy { from: Pointer, path: Pointer },
    Test(Pointer, Tree),
}

impl Patch {
    /// Parses a patch: a list of at most 1,000 operations, with a size of at most 256 KiB.
    ///
    /// # Errors
    ///
    /// [`RepairError::Patch`] with the number of the first operation that cannot be parsed.
    pub fn parse(json: &str) -> Result<Self, RepairError> {
        let refused = |operation| move |problem| RepairError::Patch { operation, problem };
        if json.len() > MAX_PATCH_BYTES {
            return Err(refused(0)(PatchProblem::TooLarge));
        }
        let Some(Tree::List(items)) = Tree::parse(json) else {
            return Err(refused(0)(PatchProblem::NotAPatch));
        };
        if items.len() > MAX_OPERATIONS {
            return Err(refused(0)(PatchProblem::TooLarge));
        }
        let text = Tree::List(items.clone()).to_string();
        let read = |(nth, item): (usize, &Tree)| Operation::read(item).map_err(refused(nth + 1));
        let operations = items.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { operations, text })
    }

    /// The patch as JSON without white space.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.text
    }

    /// Applies all operations, or none.
    pub(crate) fn apply(&self, tree: &Tree) -> Result<Tree, RepairError> {
        let mut patched = tree.clone();
        let mut room = MAX_BYTES;
        for (nth, operation) in self.operations.iter().enumerate() {
            let applied = operation.apply(&mut patched, &mut room);
            applied.map_err(|problem| RepairError::Patch { operation: nth + 1, problem })?;
        }
        Ok(patched)
    }
}

impl Operation {
    fn read(item: &Tree) -> Result<Self, PatchProblem> {
        let Tree::Object(members) = item else { return Err(PatchProblem::NotAPatch) };
        let member = |key: &str| {
            let place = place_of(key, members.iter().map(|it| it.key.as_str()))?;
            place.map(|place| &members[place].value).ok_or(PatchProblem::Lacks)
        };
        let pointer = |key| Pointer::parse(&member(key)?.as_text().ok_or(PatchProblem::Path)?);
        let op = member("op").ok().and_then(Tree::as_text).ok_or(PatchProblem::Operation)?;
        Ok(match op.as_str() {
            "add" => Self::Add(pointer("path")?, member("value")?.clone()),
            "remove" => Self::Remove(pointer("path")?),
            "replace" => Self::Replace(pointer("path")?, member("value")?.clone()),
            "move" => Self::Move { from: pointer("from")?, path: pointer("path")? },
            "copy" => Self::Copy { from: pointer("from")?, path: pointer("path")? },
            "test" => Self::Test(pointer("path")?, member("value")?.clone()),
            _ => return Err(PatchProblem::Operation),
        })
    }

    /// `room` is the number of bytes that may still be added: without a limit, copies of copies could grow forever.
    fn apply(&self, tree: &mut Tree, room: &mut usize) -> Result<(), PatchProblem> {
        let mut take = |value: &Tree| {
            *room = room.checked_sub(value.bytes()).ok_or(PatchProblem::Grows)?;
            Ok(value.clone())
        };
        match self {
            Self::Add(path, value) => add(tree, path, take(value)?),
            Self::Remove(path) => remove(tree, path).map(drop),
            Self::Replace(path, value) => replace(tree, path, take(value)?),
            Self::Move { from, path } if from.is_above(path) => Err(PatchProblem::IntoItself),
            Self::Move { from, path } => {
                let value = remove(tree, from)?;
                add(tree, path, value)
            }
            Self::Copy { from, path } => {
                let value = take(from.find(tree)?)?;
                add(tree, path, value)
            }
            Self::Test(path, value) => {
                if path.find(tree)?.is_same(value) {
                    Ok(())
                } else {
                    Err(PatchProblem::TestFailed)
                }
            }
        }?;
        // Moving parts of a document into each other can make the nesting too deep.
        if tree.is_readable() { Ok(()) } else { Err(PatchProblem::Grows) }
    }
}

fn add(tree: &mut Tree, path: &Pointer, value: Tree) -> Result<(), PatchProblem> {
    let Some((parents, last)) = path.split() else {
        *tree = value;
        return Ok(());
    };
    match find_mut(parents, tree)? {
        Tree::Object(members) => match place_of(last, members.iter().map(|it| it.key.as_str()))? {
            Some(place) => members[place].value = value,
            None => members.push(Member::new(last, value)),
        },
        Tree::List(items) => {
            let place = if last == "-" { items.len() } else { index(last)? };
            if place > items.len() {
                return Err(PatchProblem::Missing);
            }
            items.insert(place, value);
        }
        Tree::Single(_) => return Err(PatchProblem::Missing),
    }
    Ok(())
}

fn remove(tree: &mut Tree, path: &Pointer) -> Result<Tree, PatchProblem> {
    // The whole document cannot be removed.
    let (parents, last) = path.split().ok_or(PatchProblem::Missing)?;
    match find_mut(parents, tree)? {
        Tree::Object(members) => {
            let place =
                place_of(last, members.iter().map(|it| it.key.as_str()))?.ok_or(PatchProblem::Missing)?;
            Ok(members.remove(place).value)
        }
        Tree::List(items) => {
            let place = index(last)?;
            if place < items.len() { Ok(items.remove(place)) } else { Err(PatchProblem::Missing) }
        }
        Tree::Single(_) => Err(PatchProblem::Missing),
    }
}

fn replace(tree: &mut Tree, path: &Pointer, value: Tree) -> Result<(), PatchProblem> {
    match path.split() {
        None => *tree = value,
        Some((parents, last)) => {
            let parent = find_mut(parents, tree)?;
            *find_mut(&[last.to_owned()], parent)? = value;
        }
    }
    Ok(())
}
