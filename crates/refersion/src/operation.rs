//! The operations of the API that the client uses.

use std::fmt;

/// The part of the path that all operations share.
const PREFIX: &str = "/v2/affiliate/";

/// An operation of Refersion's REST API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Creates one affiliate.
    New,
    /// Shows one affiliate.
    Get,
    /// Changes the fields of up to 50 affiliates.
    Edit,
    /// Finds affiliates by a part of their email address.
    Search,
    /// Sets the status of up to 50 affiliates.
    StatusChange,
    /// Lists the affiliates of the account.
    List,
}

impl Operation {
    const ALL: [Self; 6] = [Self::New, Self::Get, Self::Edit, Self::Search, Self::StatusChange, Self::List];

    /// The operation with this [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// The path below the base URL.
    pub fn path(self) -> &'static str {
        match self {
            Self::New => "/v2/affiliate/new",
            Self::Get => "/v2/affiliate/get",
            Self::Edit => "/v2/affiliate/edit",
            Self::Search => "/v2/affiliate/search",
            Self::StatusChange => "/v2/affiliate/status_change",
            Self::List => "/v2/affiliate/list",
        }
    }

    /// A short name for logs, metrics and records: the last segment of the path.
    pub fn name(self) -> &'static str {
        &self.path()[PREFIX.len()..]
    }

    /// Whether the call changes anything in Refersion.
    pub fn writes(self) -> bool {
        matches!(self, Self::New | Self::Edit | Self::StatusChange)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Operation;

    #[test]
    fn an_operation_is_named_by_the_last_segment_of_its_path() {
        assert_eq!(Operation::StatusChange.name(), "status_change");
        assert_eq!(Operation::New.to_string(), "new");
        for operation in Operation::ALL {
            assert_eq!(Operation::from_name(operation.name()), Some(operation));
        }
        assert_eq!(Operation::from_name("delete"), None);
    }
}
