//! The part of `connections show` about old keys, and about requests that were refused because of their signature.

use connections::{Connection, ReplacedUntil};
use ledger::RefusedSignatures;
use serde::{Serialize, Serializer};

use service::config::Config;
use service::engines::Engines;
use service::failure::Failure;
use service::operator::workers::Workers;

/// Facts about the keys of one connection beside the newest ones. The names of these fields are fixed: scripts rely on them.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct KeysInUse {
    #[serde(flatten)]
    pub(super) replaced: ReplacedUntil,
    /// By the processes of the last week, each since its start; null if there were none.
    #[serde(serialize_with = "without_connection")]
    pub(super) refused_signatures: Option<RefusedSignatures>,
}

impl KeysInUse {
    /// Reads these facts from the ledger and from the reports of processes.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the ledger cannot be read.
    pub(super) async fn read(
        connection: &Connection,
        engines: &Engines,
        config: &Config,
    ) -> Result<Self, Failure> {
        let replaced = engines.replaced_keys.replaced_until(connection.id, engines.now()).await?;
        let refused_signatures = Workers::read(engines, config).await?.refused_signatures(connection.id);
        Ok(Self { replaced, refused_signatures })
    }

    /// Rows of a table: name and value.
    pub(super) fn rows(&self) -> Vec<Vec<String>> {
        let ReplacedUntil { api_key, write_key, shared_secret } = self.replaced;
        let old = [("api key", api_key), ("write key", write_key), ("shared secret", shared_secret)];
        let old = old.into_iter().filter_map(|(kind, until)| Some((kind, until?)));
        let mut rows: Vec<_> =
            old.map(|(kind, until)| vec![format!("old {kind}"), format!("valid until {until}")]).collect();
        if let Some(RefusedSignatures { missing, wrong, last_at, .. }) = self.refused_signatures {
            let refused = format!("{missing} missing, {wrong} wrong; last {last_at}");
            rows.push(vec!["refused signatures".to_owned(), refused]);
        }
        rows
    }
}

#[derive(Serialize)]
struct Shown {
    missing: u64,
    wrong: u64,
    last_at: jiff::Timestamp,
}

#[expect(clippy::ref_option, reason = "serde asks so")]
fn without_connection<S: Serializer>(
    refused: &Option<RefusedSignatures>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let shown = refused.map(|it| Shown { missing: it.missing, wrong: it.wrong, last_at: it.last_at });
    shown.serialize(serializer)
}
