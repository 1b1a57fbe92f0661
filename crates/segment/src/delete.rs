//! Reads deletes, in any of the four forms that Segment has published.

use jiff::Timestamp;

use crate::event::Delete;
use crate::fields::Fields;
use crate::identifiers::IdentifierReader;
use crate::{ReadOptions, Refusal, outline};

/// Reads a delete. Unlike an identify, it names every address that it contains, and its time is the time of arrival.
/// `integrations` is ignored: a delete concerns every destination.
pub(crate) fn read(
    top: &Fields<'_>,
    received_at: Timestamp,
    options: &ReadOptions,
) -> Result<Delete, Refusal> {
    let mut reader = IdentifierReader::new(&options.blocked);
    let user = reader.user(top);
    let anonymous = reader.anonymous(top);
    let addresses = outline::addresses(top, user.as_deref(), &mut reader);
    if user.is_none() && anonymous.is_none() && addresses.is_empty() && reader.blocked_none() {
        return Err(Refusal::DeleteNamesNobody);
    }
    Ok(Delete { user, anonymous, addresses, time: received_at, blocked: reader.into_blocked() })
}
