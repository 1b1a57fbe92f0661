//! What the end of a call changes in a graph.

mod attempts;
mod deaths;
mod effect;
mod not_found;
mod told;

use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::graph::{Graph, Status};
use crate::stamp::Moment;
use crate::{Map, Text};

pub use attempts::{Verdict, concerned_by, fail};
pub use deaths::Death;
pub use effect::sent;

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The affiliate was made.
    Created {
        /// Its numeric id.
        id: u64,
        /// Its code.
        code: String,
        /// Its status.
        status: Status,
        /// What the create told.
        told: Map<Text, Text>,
    },
    /// The create's answer never came: it may have been made.
    CreateUnknown {
        /// The fields that were sent.
        fields: Vec<Text>,
    },
    /// The create was certainly not carried out.
    NotMade,
    /// A search found the affiliate at the anchor.
    Found(Found),
    /// A search found none.
    NotFound,
    /// Fields were told.
    Told {
        /// The numeric id.
        id: u64,
        /// The address that was told.
        email: Option<Digest>,
        /// The fields.
        fields: Map<Text, Text>,
    },
    /// The answer never came: the fields may have been told.
    TellUnknown {
        /// The numeric id.
        id: u64,
        /// An address was among them.
        email: bool,
        /// The fields.
        fields: Vec<Text>,
    },
    /// Refersion takes everything but these values. A create that ended so was not carried out.
    Refused {
        /// The cause, by field (`email` for the address).
        causes: Map<Text, Cause>,
        /// The address that was refused, where `email` is among the causes.
        email: Option<Digest>,
        /// The refused texts, by field: what has been said since is not to blame. Of a field that is not here, whatever
        /// is said now counts as refused.
        texts: Map<Text, Text>,
    },
    /// The status is this now.
    StatusIs {
        /// The numeric id.
        id: u64,
        /// The status.
        status: Status,
    },
    /// The answer never came: the status is not known.
    StatusUnknown {
        /// The numeric id.
        id: u64,
    },
    /// The fields of a deleted person's affiliate were overwritten.
    Scrubbed {
        /// The numeric id.
        id: u64,
        /// The fields that hold nothing of the person any more, with the text that they were told.
        fields: Map<Text, Text>,
        /// The fields that Refersion did not let overwrite, with the cause. They hold what they held.
        kept: Map<Text, Cause>,
    },
    /// Refersion does not know the affiliate any more.
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
    /// The code, where it was shown.
    pub code: Option<String>,
    /// The status.
    pub status: Status,
    /// The fields that were shown.
    pub shown: Map<Text, Text>,
}

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The failure's class.
    pub class: String,
    /// What Refersion said, less any value of a person.
    pub message: String,
    /// The status of the answer.
    pub http_status: Option<u16>,
}

/// Applies how a step about `anchor` ended. Returns the events that die of it.
pub fn apply(graph: &mut Graph, rules: &Rules, anchor: Digest, answer: &Answer, now: Moment) -> Vec<Death> {
    let tried = graph.troubles.get(&anchor).map_or(0, |trouble| trouble.attempts);
    let trouble = if answer.is_no_news() { None } else { graph.troubles.remove(&anchor) };
    match answer {
        Answer::Created { id, code, status, told } => {
            effect::made(graph, anchor, (*id, code, *status), told);
            told::by_create(graph, rules, anchor, told);
        }
        Answer::CreateUnknown { fields } => {
            let until = Moment(now.0.saturating_add(rules.late_creates));
            effect::create_unknown(graph, anchor, fields, until);
        }
        Answer::NotMade => effect::not_made(graph, anchor),
        Answer::Found(found) => effect::found_at(graph, anchor, found, now),
        Answer::NotFound => not_found::note(graph, rules, anchor, trouble, now),
        Answer::Told { id, email, fields } => {
            told::by_edit(graph, rules, anchor, fields, *email);
            effect::told(graph, *id, *email, fields);
        }
        Answer::TellUnknown { id, email, fields } => effect::tell_unknown(graph, *id, *email, fields),
        Answer::Refused { causes, email, texts } => {
            let refusal = deaths::Refusal { anchor, causes, email: *email, texts, attempts: tried + 1, now };
            return refusal.note(graph, rules);
        }
        Answer::StatusIs { id, status } => effect::status_is(graph, *id, *status),
        Answer::StatusUnknown { id } => effect::status_unknown(graph, *id),
        Answer::Scrubbed { id, fields, kept } => effect::scrubbed(graph, *id, fields, kept),
        Answer::Gone { id } => return deaths::gone(graph, *id, anchor, rules, tried + 1),
    }
    Vec::new()
}

impl Answer {
    /// Whether it says nothing of how the call ended: then the failures in a row go on.
    fn is_no_news(&self) -> bool {
        let unknown = matches!(
            self,
            Self::CreateUnknown { .. } | Self::TellUnknown { .. } | Self::StatusUnknown { .. }
        );
        unknown || *self == Self::NotMade
    }
}
