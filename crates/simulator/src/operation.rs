//! The operations of Refersion's REST API, version 2.

/// The operation of a request, which its path determines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    New,
    Get,
    Edit,
    Search,
    List,
    StatusChange,
    /// A documented operation that is not simulated; its path is kept for the counters.
    Unsupported(&'static str),
    /// No operation: the gateway answers.
    Unknown,
}

/// Documented operations that are not simulated. Several of them move money, so a destination must not call them.
/// Source: Refersion REST v2, the list of operations.
const UNSUPPORTED: [&str; 9] = [
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

    /// The operation of the path in the request line, for example `/v2/affiliate/new`.
    pub(crate) fn at(path: &str) -> Self {
        let Some(rest) = path.strip_prefix("/v2/") else { return Self::Unknown };
        let simulated = Self::SIMULATED.into_iter().find(|operation| operation.name() == rest);
        let unsupported = || UNSUPPORTED.into_iter().find(|name| *name == rest).map(Self::Unsupported);
        simulated.or_else(unsupported).unwrap_or(Self::Unknown)
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
            Self::Unsupported(name) => name,
            Self::Unknown => "unknown",
        }
    }
}
