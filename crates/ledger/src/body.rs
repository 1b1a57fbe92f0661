//! A graph in the columns of its row.

use identity::audiences::{Counted, pack as pack_counted, unpack as unpack_counted};
use identity::graph::packed::{pack, unpack};

use crate::{GraphRow, LedgerError, Row, Save};

/// A graph and what is counted of it, packed.
pub(crate) struct Body {
    pub(crate) graph: Vec<u8>,
    /// `None` where nothing is counted.
    pub(crate) counted: Option<Vec<u8>>,
}

impl Body {
    /// Packs what is saved.
    pub(crate) fn of(save: &Save) -> Self {
        let counted = (!save.counted.is_empty()).then(|| pack_counted(&save.counted));
        Self { graph: pack(&save.graph), counted }
    }

    /// Unpacks what was read.
    pub(crate) fn read(self, row: Row) -> Result<GraphRow, LedgerError> {
        let id = row.id;
        let graph =
            unpack(&self.graph).map_err(|damaged| LedgerError::Broken(format!("graph {id}: {damaged}")))?;
        let counted = self.counted.map(|bytes| unpack_counted(&bytes)).transpose();
        let counted = counted.map_err(|damaged| LedgerError::Broken(format!("graph {id}: {damaged}")))?;
        Ok(GraphRow { row, graph, counted: counted.unwrap_or_else(Counted::default) })
    }
}
