//! Writes messages from a damaged file into the fresh one, and counts those that are missing.

use std::io;

use rusqlite::{Connection, TransactionBehavior};
use sqlite::salvage::{Row, Value};

use super::super::{admin, statements};
use super::Rescue;
use crate::pack::{self, Message};
use crate::{Item, QueueError};

/// Messages that are written in one transaction.
const AT_ONCE: usize = 500;

/// How many events the damaged file should hold.
#[derive(Default)]
struct Expected {
    /// By its own count for each lane.
    counted: [Option<u64>; 2],
    /// By the messages that were found.
    found: u64,
}

impl Expected {
    fn events(&self) -> u64 {
        match self.counted {
            [Some(live), Some(bulk)] => live + bulk,
            _ => self.found,
        }
    }

    fn look_at(&mut self, id: i64, values: &[Value]) {
        let count = |events: &i64| u64::try_from(*events).unwrap_or(0);
        match values {
            // The table `totals`.
            [Value::Null, Value::Integer(events), Value::Integer(_)] => {
                if let Some(lane) = usize::try_from(id).ok().and_then(|lane| self.counted.get_mut(lane)) {
                    *lane = Some(count(events));
                }
            }
            // The table `messages`.
            [Value::Null, Value::Integer(_), Value::Integer(_), Value::Integer(events), _, _, _, _, ..] => {
                self.found = self.found.saturating_add(count(events));
            }
            _ => {}
        }
    }
}

/// Writes the messages that were found, some hundred in one transaction.
pub(super) struct Writer {
    connection: Connection,
    waiting: Vec<Message>,
    rescued: u64,
    expected: Expected,
}

impl Writer {
    /// Writes through this connection to the fresh file.
    pub(super) fn into(connection: Connection) -> Self {
        Self { connection, waiting: Vec::new(), rescued: 0, expected: Expected::default() }
    }

    /// Events that were rescued, and those that are missing.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.rescued, self.expected.events().saturating_sub(self.rescued))
    }

    /// A row of the damaged file: of the table `bodies`, if it looks like one.
    pub(super) fn take(&mut self, row: Row) -> Result<(), Broken> {
        self.expected.look_at(row.id, &row.values);
        let [Value::Null, Value::Blob(_)] = row.values.as_slice() else { return Ok(()) };
        if let Some(Value::Blob(body)) = row.values.into_iter().next_back()
            && !body.is_empty()
        {
            let readable =
                pack::unpack(&body).iter().filter(|item| matches!(item, Item::Readable(_))).count();
            self.rescued += readable as u64;
            self.waiting.push(pack::describe(body));
        }
        if self.waiting.len() >= AT_ONCE {
            self.write(None)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self, rescue: &Rescue) -> Result<(), QueueError> {
        Ok(self.write(Some(rescue))?)
    }

    fn write(&mut self, end: Option<&Rescue>) -> Result<(), Broken> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for message in self.waiting.drain(..) {
            admin::insert(&transaction, &message)?;
        }
        if let Some(Rescue { at, file, rescued, unreadable }) = end {
            let number = |count: &u64| i64::try_from(*count).unwrap_or(i64::MAX);
            let values = (at.as_microsecond(), file, number(rescued), number(unreadable));
            transaction.execute(statements::INSERT_RESCUE, values)?;
            // A batch that was taken before is still acknowledged under its old ticket, which must not belong to another
            // batch by then.
            transaction.execute(statements::RAISE_TICKETS, [at.as_microsecond()])?;
        }
        Ok(transaction.commit()?)
    }
}

/// Why a walk through the damaged file ended early: the damaged or the fresh file cannot be used.
#[derive(Debug)]
pub(super) enum Broken {
    Read(io::Error),
    Write(rusqlite::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl From<rusqlite::Error> for Broken {
    fn from(error: rusqlite::Error) -> Self {
        Self::Write(error)
    }
}

impl From<Broken> for QueueError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Read(error) => Self::Unavailable { cause: Box::new(error) },
            Broken::Write(error) => error.into(),
        }
    }
}
