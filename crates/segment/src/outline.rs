//! The outline of a refused event: its message and the identifiers that it names, so that an operator finds it and a delete
//! covers its stored parts.

use std::collections::BTreeSet;
use std::fmt;

use crate::fields::Fields;
use crate::identifiers::IdentifierReader;
use crate::node::Node;
use crate::{ReadOptions, email, message, numbers, rough, surrogates};

/// The message id and the identifiers of an event of any type. Identifiers that name nobody are left out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// Segment's `messageId`, trimmed.
    pub message_id: Option<String>,
    /// `userId`, trimmed, never empty.
    pub user: Option<String>,
    /// `anonymousId`, trimmed, never empty.
    pub anonymous: Option<String>,
    /// Every email address, including a userId that looks like one.
    pub addresses: BTreeSet<String>,
}

impl Outline {
    /// The outline of any bytes, however deeply they are nested: of a JSON object, of a text that contains one, or of the
    /// first one in a list. It is empty for any other bytes.
    #[must_use]
    pub fn of(json: &[u8], options: &ReadOptions) -> Self {
        let wrapped = numbers::wrapped(json);
        let read = |json: &[u8]| Node::parse(json).ok().map(|node| Self::of_any(&node, options));
        let rough = || rough::event(json).map(|node| Self::of_node(&node, options));
        let read = read(&wrapped).or_else(|| read(&surrogates::replaced(&wrapped)?));
        read.or_else(rough).unwrap_or_default()
    }

    fn of_any(node: &Node<'_>, options: &ReadOptions) -> Self {
        match node {
            Node::Text(text) if text.trim_start().starts_with('{') => Self::of(text.as_bytes(), options),
            Node::List(items) => {
                let first = items.iter().find(|item| matches!(item, Node::Object(_)));
                first.map(|node| Self::of_node(node, options)).unwrap_or_default()
            }
            node => Self::of_node(node, options),
        }
    }

    pub(crate) fn of_node(node: &Node<'_>, options: &ReadOptions) -> Self {
        let top = Fields::of(Some(node));
        let mut reader = IdentifierReader::new(&options.blocked);
        let user = reader.user(&top);
        let anonymous = reader.anonymous(&top);
        Self {
            message_id: message::id(&top),
            addresses: addresses(&top, user.as_deref(), &mut reader),
            user,
            anonymous,
        }
    }
}

/// Every address that counts, including a userId that looks like one.
pub(crate) fn addresses(
    top: &Fields<'_>,
    user: Option<&str>,
    reader: &mut IdentifierReader<'_>,
) -> BTreeSet<String> {
    let shape = user.and_then(email::address_of);
    let stated = email::candidates(top).filter_map(email::address);
    stated.chain(shape).filter_map(|address| reader.counting(address)).collect()
}

impl fmt::Debug for Outline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outline")
            .field("message_id", &self.message_id.is_some())
            .field("user", &self.user.is_some())
            .field("anonymous", &self.anonymous.is_some())
            .field("addresses", &self.addresses.len())
            .finish()
    }
}
