//! Applies the end of a call to a graph.

mod attempts;
mod dead_events;
mod delivered;
mod effect;
mod not_found;

use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::graph::{Graph, Status};
use crate::stamp::Moment;
use crate::{Map, Text};

pub use attempts::{RetryDecision, concerned_by, fail};
pub use dead_events::DeadEvent;
pub use effect::sent;

/// The end of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The affiliate was created.
    Created {
        /// Its numeric id.
        id: u64,
        /// Its code.
        code: String,
        /// Its status.
        status: Status,
        /// The texts that the create sent.
        fields: Map<Text, Text>,
    },
    /// The create got no answer: the affiliate may have been created.
    CreateUnknown {
        /// The fields that were sent.
        fields: Vec<Text>,
    },
    /// The create was certainly not carried out.
    NotCreated,
    /// A search found the affiliate at the anchor.
    Found(Found),
    /// A search found none.
    NotFound,
    /// Fields were changed.
    Edited {
        /// The numeric id.
        id: u64,
        /// The address that was sent.
        email: Option<Digest>,
        /// The fields.
        fields: Map<Text, Text>,
    },
    /// The edit got no answer: the fields may have been changed.
    EditUnknown {
        /// The numeric id.
        id: u64,
        /// Whether an address was among them.
        email: bool,
        /// The fields.
        fields: Vec<Text>,
    },
    /// Refersion accepts everything but these values. A create with this end was not carried out.
    Refused {
        /// The cause, by field (`email` for the address).
        causes: Map<Text, Cause>,
        /// The address that was refused, if `email` is among the causes.
        email: Option<Digest>,
        /// The refused texts, by field: newer statements are not to blame. For a field that is not here, the current value counts
        /// as refused.
        texts: Map<Text, Text>,
    },
    /// The affiliate has this status now.
    StatusIs {
        /// The numeric id.
        id: u64,
        /// The status.
        status: Status,
    },
    /// The status change got no answer: the status is unknown.
    StatusUnknown {
        /// The numeric id.
        id: u64,
    },
    /// The fields of a deleted person's affiliate were overwritten.
    Scrubbed {
        /// The numeric id.
        id: u64,
        /// The fields without data of the person, with the texts that were sent.
        fields: Map<Text, Text>,
        /// The fields that Refersion did not change, with the cause. They keep their values.
        kept: Map<Text, Cause>,
    },
    /// Refersion no longer has the affiliate.
    Gone {
        /// The numeric id.
        id: u64,
    },
}

/// An affiliate as Refersion shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The numeric id.
    pub id: u64,
    /// The code, if it was shown.
    pub code: Option<String>,
    /// The status; `None` if it is not one that is documented.
    pub status: Option<Status>,
    /// The fields that were shown.
    pub shown: Map<Text, Text>,
}

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The failure's class.
    pub class: String,
    /// Refersion's message, without any value of a person.
    pub message: String,
    /// The status of the answer.
    pub http_status: Option<u16>,
}

/// Applies the end of a step about `anchor`. Returns the events that become dead letters because of it.
pub fn apply(
    graph: &mut Graph,
    rules: &Rules,
    anchor: Digest,
    answer: &Answer,
    now: Moment,
) -> Vec<DeadEvent> {
    let tried = graph.retries.get(&anchor).map_or(0, |retry| retry.attempts);
    let retry = if answer.is_inconclusive() { None } else { graph.retries.remove(&anchor) };
    match answer {
        Answer::Created { id, code, status, fields } => {
            effect::created(graph, anchor, (*id, code, *status), fields);
            delivered::by_create(graph, rules, anchor, fields);
        }
        Answer::CreateUnknown { fields } => {
            let until = Moment(now.0.saturating_add(rules.late_creates));
            effect::create_unknown(graph, anchor, fields, until);
        }
        Answer::NotCreated => effect::not_created(graph, anchor),
        Answer::Found(found) => effect::found_at(graph, anchor, found, now),
        Answer::NotFound => not_found::note(graph, rules, anchor, retry, now),
        Answer::Edited { id, email, fields } => {
            delivered::by_edit(graph, rules, anchor, fields, *email);
            effect::edited(graph, *id, *email, fields);
        }
        Answer::EditUnknown { id, email, fields } => effect::edit_unknown(graph, *id, *email, fields),
        Answer::Refused { causes, email, texts } => {
            let refusal =
                dead_events::Refusal { anchor, causes, email: *email, texts, attempts: tried + 1, now };
            return refusal.note(graph, rules);
        }
        Answer::StatusIs { id, status } => effect::status_is(graph, *id, *status),
        Answer::StatusUnknown { id } => effect::status_unknown(graph, *id),
        Answer::Scrubbed { id, fields, kept } => effect::scrubbed(graph, *id, fields, kept),
        Answer::Gone { id } => return dead_events::gone(graph, *id, anchor, rules, tried + 1),
    }
    Vec::new()
}

impl Answer {
    /// Whether the end of the call is still open: then the count of failures in a row continues.
    fn is_inconclusive(&self) -> bool {
        let unknown = matches!(
            self,
            Self::CreateUnknown { .. } | Self::EditUnknown { .. } | Self::StatusUnknown { .. }
        );
        unknown || *self == Self::NotCreated
    }
}
