//! The rows: disturbances while B sends.

use super::crafted::Crafted;
use crate::process::Output;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name on the command line and in the report.
    pub name: &'static str,
    /// The disturbance.
    pub disturbance: Disturbance,
}

/// A disturbance while B sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// Nothing: the baseline.
    Nothing,
    /// A sends these events.
    Events(Crafted),
    /// Standard error of every process goes here.
    Log(Output),
    /// A file or a database that the program needs is replaced or missing.
    Missing(Missing),
    /// One address opens connections and says nothing.
    SilentConnections,
    /// One address opens connections and announces large bodies, which trickle.
    SlowBodies,
    /// Pages of the queue file are overwritten. They hold events of A.
    DamagedQueue,
    /// Pages of the ledger file are overwritten, and later restored.
    DamagedLedger,
    /// The ledger reaches `ledger.max_bytes`.
    FullLedger,
    /// A's message ids are 100 kB long; the ledger must not keep them whole.
    LongMessageIds,
    /// The clock jumps 100 days ahead, and back.
    ClockAhead,
}

/// The part that is replaced or missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The ledger: there is a new one without any connection.
    Connections,
    /// The ledger: there is one of another installation, with another master key.
    OwnLedger,
    /// The file with the master key.
    Key,
    /// The queue's file.
    Queue,
}

impl Disturbance {
    /// Whether the row runs on this pair of engines.
    #[must_use]
    pub fn works_on(self, files: bool) -> bool {
        let only_files = matches!(
            self,
            Self::DamagedQueue | Self::DamagedLedger | Self::Missing(Missing::Key | Missing::Queue)
        );
        files || !only_files
    }

    /// Whether B's latency is bounded. It is not if events cannot be accepted, or wait until the operator has acted.
    #[must_use]
    pub fn bounds_latency(self) -> bool {
        matches!(
            self,
            Self::Nothing | Self::Events(_) | Self::Log(_) | Self::SilentConnections | Self::SlowBodies
        )
    }
}

const fn row(name: &'static str, disturbance: Disturbance) -> Row {
    Row { name, disturbance }
}

/// Every row.
pub const ALL: [Row; 24] = [
    row("undisturbed", Disturbance::Nothing),
    row("many trait names", Disturbance::Events(Crafted::Names { mapped: false })),
    row("many trait names, one mapped", Disturbance::Events(Crafted::Names { mapped: true })),
    row("40,000 trait names", Disturbance::Events(Crafted::MoreNames)),
    row("a person without end", Disturbance::Events(Crafted::PersonWithoutEnd)),
    row("large values", Disturbance::Events(Crafted::LargeValues)),
    row("nested objects", Disturbance::Events(Crafted::Nested)),
    row("many large profiles", Disturbance::Events(Crafted::LargeProfiles)),
    row("shared tablets", Disturbance::Events(Crafted::Tablets)),
    row("log closed", Disturbance::Log(Output::Closed)),
    row("log on a full disk", Disturbance::Log(Output::Full)),
    row("log never read", Disturbance::Log(Output::Unread)),
    row("log reader gone", Disturbance::Log(Output::Abandoned)),
    row("empty ledger", Disturbance::Missing(Missing::Connections)),
    row("foreign ledger", Disturbance::Missing(Missing::OwnLedger)),
    row("master key missing", Disturbance::Missing(Missing::Key)),
    row("queue file missing", Disturbance::Missing(Missing::Queue)),
    row("silent connections", Disturbance::SilentConnections),
    row("slow bodies", Disturbance::SlowBodies),
    row("damaged queue", Disturbance::DamagedQueue),
    row("damaged ledger", Disturbance::DamagedLedger),
    row("ledger full", Disturbance::FullLedger),
    row("long message ids", Disturbance::LongMessageIds),
    row("clock ahead", Disturbance::ClockAhead),
];
