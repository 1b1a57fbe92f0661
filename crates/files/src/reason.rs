//! The reasons that a line, or a whole file, cannot be used. No text contains any of the file's data.

use segment::Refusal;

use crate::LONGEST;

/// The reason that a line is bad. The other lines of the file are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Longer than [`LONGEST`].
    #[error("longer than {} KiB", LONGEST / 1024)]
    TooLong,
    /// Not JSON in UTF-8.
    #[error("not valid JSON in UTF-8: write one event on each line")]
    NotJson,
    /// JSON, but a list or a single value.
    #[error("not a JSON object: write one event on each line")]
    NotAnObject,
    /// Neither `type` nor `action`.
    #[error("the event has no type: identify and delete are accepted")]
    NoType,
    /// An event without userId, address and anonymousId.
    #[error("no identifier: a userId, an email address or an anonymousId is needed")]
    NoIdentifier,
    /// A delete that a client library sent: anybody may know its write key.
    #[error("a delete of a client library, which is not applied: use `forget`")]
    UntrustedDelete,
    /// Only hashes of identifiers.
    #[error("only hashed identifiers: export the email addresses themselves")]
    Hashed,
    /// A row that is not UTF-8.
    #[error("not UTF-8: save the file as UTF-8")]
    NotUtf8,
    /// A row with more or fewer cells than the header.
    #[error("{found} cells, but the header has {expected}")]
    Cells {
        /// In the header.
        expected: usize,
        /// In the row.
        found: usize,
    },
    /// An opening quotation mark without a closing one.
    #[error("a quotation mark opens a cell and none closes it")]
    OpenQuote,
    /// The cell `external_ids` is not a JSON object.
    #[error(r#"the column external_ids is not a JSON object like {{"email":["ann@example.org"]}}"#)]
    ExternalIds,
    /// A row of a trait export without a value.
    #[error("no value of the trait")]
    NoValue,
}

impl Reason {
    /// The reason for a refusal; `None` for an event of another type, because its line is not bad.
    pub(crate) fn of(refusal: &Refusal) -> Option<Self> {
        match refusal {
            Refusal::NotJson(_) => Some(Self::NotJson),
            Refusal::NotAnObject => Some(Self::NotAnObject),
            Refusal::NoType => Some(Self::NoType),
            Refusal::TooLong => Some(Self::TooLong),
            Refusal::IdentifyNamesNobody | Refusal::DeleteNamesNobody => Some(Self::NoIdentifier),
            Refusal::UntrustedDelete => Some(Self::UntrustedDelete),
            Refusal::UnsupportedType(_) => None,
        }
    }
}

/// The reason that a whole file cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// UTF-16 or UTF-32, as some programs for spreadsheets write it.
    #[error("the file is not UTF-8")]
    NotUtf8,
    /// Compressed by gzip.
    #[error("the file is compressed by gzip")]
    Gzip,
    /// One JSON array instead of lines.
    #[error("the file is one JSON array")]
    Array,
    /// Neither JSON nor a header with an identifier.
    #[error("the file is neither lines of JSON nor an export of Engage")]
    NotAnExport,
    /// An audience export without the name of its trait.
    #[error("the file is an audience export, which does not name its audience")]
    AudienceMissing,
    /// A trait export without the name of its trait.
    #[error("the file is a trait export, which does not name its trait")]
    TraitMissing,
    /// An audience was named for a trait export.
    #[error("the file is a trait export: it has a column `value`")]
    NotAnAudience,
    /// A trait was named for an audience export.
    #[error("the file is an audience export: it has no column `value`")]
    NotATrait,
    /// An audience or a trait was named for events.
    #[error("the file has events, which name their traits themselves")]
    Events,
}

impl Unusable {
    /// The remedy.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::NotUtf8 => "save it as UTF-8",
            Self::Gzip => "send what zcat writes: zcat FILE | refersion-destination send --connection NAME -",
            Self::Array => "write one event on each line, as `jq -c '.[]'` does",
            Self::NotAnExport => {
                "begin each line with {, or the file with a header that has external_ids, email, user_id or anonymous_id"
            }
            Self::AudienceMissing => {
                "name the trait that is true for every row, as Segment sends it: --audience first_time_shopper"
            }
            Self::TraitMissing => {
                "name the trait of the column `value`, as Segment sends it: --trait lifetime_value"
            }
            Self::NotAnAudience => "use --trait instead of --audience",
            Self::NotATrait => "use --audience instead of --trait",
            Self::Events => "leave --audience and --trait out",
        }
    }
}
