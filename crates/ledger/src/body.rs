//! A graph as it is stored in the columns of its row.

use identity::audiences::{Counted, pack as pack_counted, unpack as unpack_counted};
use identity::graph::packed::{pack, unpack};

use crate::{GraphRow, LedgerError, Row, Save};

/// A graph and its counts, packed.
pub(crate) struct Body {
    pub(crate) graph: Vec<u8>,
    /// `None` if nothing is counted.
    pub(crate) counted: Option<Vec<u8>>,
}

impl Body {
    /// Packs a graph to save.
    pub(crate) fn of(save: &Save) -> Self {
        let counted = (!save.counted.is_empty()).then(|| pack_counted(&save.counted));
        Self { graph: pack(&save.graph), counted }
    }

    /// Unpacks a graph that was read.
    pub(crate) fn read(self, row: Row) -> Result<GraphRow, LedgerError> {
        let id = row.id;
        let graph =
            unpack(&self.graph).map_err(|damaged| LedgerError::Broken(format!("graph {id}: {damaged}")))?;
        let counted = self.counted.map(|bytes| unpack_counted(&bytes)).transpose();
        let counted = counted.map_err(|damaged| LedgerError::Broken(format!("graph {id}: {damaged}")))?;
        Ok(GraphRow { row, graph, counted: counted.unwrap_or_else(Counted::default) })
    }
}
