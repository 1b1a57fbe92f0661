//! What can be told of an event that is refused: its message and whom it names, so that an operator finds it and a delete
//! covers what is kept of it.

use std::collections::BTreeSet;
use std::fmt;

use crate::fields::Fields;
use crate::identifiers::Seeker;
use crate::node::Node;
use crate::{ReadOptions, email, message, numbers, surrogates};

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
    /// The outline of any bytes; it is empty if they are no JSON object.
    #[must_use]
    pub fn of(json: &[u8], options: &ReadOptions) -> Self {
        let json = numbers::wrapped(json);
        let read = |json: &[u8]| Node::parse(json).ok().map(|node| Self::of_node(&node, options));
        read(&json).or_else(|| read(&surrogates::replaced(&json)?)).unwrap_or_default()
    }

    fn of_node(node: &Node<'_>, options: &ReadOptions) -> Self {
        let top = Fields::of(Some(node));
        let mut seeker = Seeker::new(&options.blocked);
        let user = seeker.user(&top);
        let anonymous = seeker.anonymous(&top);
        Self {
            message_id: message::id(&top),
            addresses: addresses(&top, user.as_deref(), &mut seeker),
            user,
            anonymous,
        }
    }
}

/// Every address that counts, including a userId that looks like one.
pub(crate) fn addresses(top: &Fields<'_>, user: Option<&str>, seeker: &mut Seeker<'_>) -> BTreeSet<String> {
    let shape = user.and_then(email::address_of);
    let stated = email::candidates(top).filter_map(email::address);
    stated.chain(shape).filter_map(|address| seeker.counting(address)).collect()
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
