//! Checks whether bytes are an event, without reading its statements: a fraction of the work of [`read`](crate::read).

use jiff::Timestamp;

use crate::fields::Fields;
use crate::kind::{self, Kind};
use crate::{Refusal, audience, email, message, text, time};

/// The facts about an event that are needed before it waits for the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Whether it is a delete. Otherwise it is an identify.
    pub is_delete: bool,
    /// As [`Event::bulk`](crate::Event::bulk).
    pub bulk: bool,
    /// Whether it has a `messageId`.
    pub has_message_id: bool,
    /// As [`Identify::time`](crate::Identify::time) and [`Delete::time`](crate::Delete::time).
    pub time: Timestamp,
}

/// Checks an event, whose members before and after texts were [unfolded](crate::unfold) are `written` and `top`.
pub(crate) fn check(
    written: &Fields<'_>,
    top: &Fields<'_>,
    received_at: Timestamp,
) -> Result<Checked, Refusal> {
    let is_delete = matches!(kind::read(top)?, Kind::Delete);
    if !names_anybody(top) {
        return Err(if is_delete { Refusal::DeleteNamesNobody } else { Refusal::IdentifyNamesNobody });
    }
    let time =
        if is_delete { received_at } else { time::of_identify(top, received_at, time::at_segment(top)) };
    Ok(Checked {
        is_delete,
        bulk: !is_delete && audience::is_from_engage(top),
        has_message_id: message::id(written).is_some(),
        time,
    })
}

fn names_anybody(top: &Fields<'_>) -> bool {
    let has_id = |key| top.all(key).any(|node| text::identifier(node).is_some());
    has_id("userid")
        || has_id("anonymousid")
        || email::candidates(top).any(|node| email::address(node).is_some())
}
