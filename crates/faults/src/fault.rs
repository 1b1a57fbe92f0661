//! The table of faults that the suite injects into the system, one row each.

use crate::servers::Engine;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Its name on the command line and in the report.
    pub name: &'static str,
    /// The kind of the fault.
    pub kind: Kind,
}

/// The kinds of faults. A fault is injected once each time that it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No fault: the baseline for the other rows.
    Nothing,
    /// `kill -9` of an ingest endpoint.
    KillIngest,
    /// `kill -9` of a worker at a random moment.
    KillWorker,
    /// A worker ends at a named point of its two stages (absorb, reconcile).
    Point(&'static str),
    /// `kill -9` of an engine, which is started again.
    KillEngine(Engine),
    /// Every connection of one kind is closed for a moment.
    Cut(Link),
    /// Every piece on one kind of connection takes longer for a while.
    Slow(Link),
    /// The broker's memory alarm.
    MemoryAlarm,
    /// The workers are away until the queue is full.
    FullQueue,
    /// Refersion behaves as this specification says, for a while.
    Refersion(&'static str),
    /// Workers are added and asked to go.
    WorkersComeAndGo,
    /// A worker stands still for longer than its lease, and goes on when another one has taken over.
    TwoHolders,
}

/// A wire between processes and servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Between the processes and an engine.
    To(Engine),
    /// Between the workers and Refersion.
    Refersion,
}

impl Kind {
    /// Whether this kind of fault exists if queue and ledger are files.
    #[must_use]
    pub fn works_on_files(self) -> bool {
        let needs_a_server = matches!(
            self,
            Self::KillEngine(_) | Self::MemoryAlarm | Self::Cut(Link::To(_)) | Self::Slow(Link::To(_))
        );
        !needs_a_server
    }

    /// Whether it strikes all rows that use the same servers.
    #[must_use]
    pub fn strikes_servers(self) -> bool {
        matches!(self, Self::KillEngine(_) | Self::MemoryAlarm)
    }
}

const fn row(name: &'static str, kind: Kind) -> Fault {
    Fault { name, kind }
}

const fn point(name: &'static str) -> Fault {
    Fault { name, kind: Kind::Point(name) }
}

/// Every fault.
pub const ALL: [Fault; 38] = [
    row("nothing", Kind::Nothing),
    row("ingest killed", Kind::KillIngest),
    row("worker killed", Kind::KillWorker),
    point("absorb.taken"),
    point("absorb.folded"),
    point("absorb.recorded"),
    point("absorb.noted"),
    point("absorb.acknowledged"),
    point("reconcile.leased"),
    point("reconcile.settled"),
    point("reconcile.taken"),
    point("reconcile.planned"),
    point("reconcile.written_down"),
    point("reconcile.sent"),
    point("reconcile.answered"),
    point("reconcile.recorded"),
    point("reconcile.paused"),
    point("carry.written_down"),
    point("carry.sent"),
    point("carry.answered"),
    point("carry.recorded"),
    row("broker killed", Kind::KillEngine(Engine::Broker)),
    row("database killed", Kind::KillEngine(Engine::Database)),
    row("broker cut off", Kind::Cut(Link::To(Engine::Broker))),
    row("database cut off", Kind::Cut(Link::To(Engine::Database))),
    row("refersion cut off", Kind::Cut(Link::Refersion)),
    row("broker slow", Kind::Slow(Link::To(Engine::Broker))),
    row("database slow", Kind::Slow(Link::To(Engine::Database))),
    row("refersion slow", Kind::Slow(Link::Refersion)),
    row("memory alarm", Kind::MemoryAlarm),
    row("queue full", Kind::FullQueue),
    row("refersion down", Kind::Refersion("503=100%")),
    row("refersion throttles", Kind::Refersion("429=40%,429-after=20%:1s")),
    row("refersion fails", Kind::Refersion("500=20%,502=10%,504=10%,html=10%,partial=20%")),
    row("refersion garbles", Kind::Refersion("garbage=40%")),
    row("no answer after all", Kind::Refersion("drop-after=30%,drop-before=10%,slow=2%:12s")),
    row("workers come and go", Kind::WorkersComeAndGo),
    row("two lease holders", Kind::TwoHolders),
];
