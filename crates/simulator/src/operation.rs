//! The operations of Refersion's REST API, version 2, by path.

/// What a request asks for, told by its path alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    New,
    Get,
    Edit,
    Search,
    List,
    StatusChange,
    /// A documented operation that has nothing to do with affiliates' data; its path is kept for the counters.
    Elsewhere(&'static str),
    /// No operation at all: the gateway answers.
    Unknown,
}

/// Documented, but not simulated: several of them move money, so a destination must not call them.
/// Source: Refersion REST v2, the list of operations.
const ELSEWHERE: [&str; 9] = [
    "affiliate/trigger",
    "trigger/delete",
    "conversion/cancel",
    "conversion/manual_credit",
    "conversion/manual_credit_order_id",
    "conversion/status_change",
    "conversion/totals",
    "offer/new_sku_commission",
    "reporting/link",
];

impl Operation {
    const SIMULATED: [Self; 6] =
        [Self::New, Self::Get, Self::Edit, Self::Search, Self::List, Self::StatusChange];

    /// `path` as it stands in the request line, for example `/v2/affiliate/new`.
    pub(crate) fn at(path: &str) -> Self {
        let Some(rest) = path.strip_prefix("/v2/") else { return Self::Unknown };
        let simulated = Self::SIMULATED.into_iter().find(|operation| operation.name() == rest);
        let elsewhere = || ELSEWHERE.into_iter().find(|name| *name == rest).map(Self::Elsewhere);
        simulated.or_else(elsewhere).unwrap_or(Self::Unknown)
    }

    /// The path below `/v2/`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::New => "affiliate/new",
            Self::Get => "affiliate/get",
            Self::Edit => "affiliate/edit",
            Self::Search => "affiliate/search",
            Self::List => "affiliate/list",
            Self::StatusChange => "affiliate/status_change",
            Self::Elsewhere(name) => name,
            Self::Unknown => "unknown",
        }
    }
}
