//! Where the master key comes from: the environment, its file, or, for a file of a ledger that is not there yet, fresh
//! randomness.

use std::fs::DirBuilder;
use std::path::Path;

use connections::vault::KeyFileError;
use connections::{MasterKey, Randomness};

use super::EngineError;
use crate::config::{Config, LedgerUrl};

/// The master key of the ledger that `config` names. Only a ledger in a file, of one machine, gets one made for it.
pub(super) fn find(config: &Config, randomness: &dyn Randomness) -> Result<MasterKey, EngineError> {
    if let Some(text) = &config.secrets.key {
        return Ok(MasterKey::from_text(text.reveal())?);
    }
    let Some(path) = config.key_file() else { return Err(EngineError::KeyNeeded) };
    match (MasterKey::read_file(&path), &config.ledger.url) {
        (Err(KeyFileError::Missing(_)), LedgerUrl::Sqlite(ledger)) => make(ledger, &path, randomness),
        (read, _) => Ok(read?),
    }
}

/// Makes the key of a new ledger. A ledger that is there already was begun with another key, which a new one must not
/// seem to replace.
fn make(ledger: &Path, path: &Path, randomness: &dyn Randomness) -> Result<MasterKey, EngineError> {
    if ledger.exists() {
        // Another process may have made both since the file was looked for.
        return match MasterKey::read_file(path) {
            Err(KeyFileError::Missing(path)) => Err(EngineError::KeyLost { path, ledger: ledger.to_owned() }),
            read => Ok(read?),
        };
    }
    make_folder(path)?;
    match MasterKey::create_file(path, randomness) {
        Err(KeyFileError::Exists(_)) => Ok(MasterKey::read_file(path)?),
        Ok(key) => {
            tracing::warn!(
                file = %path.display(),
                "made a master key: back it up apart from the ledger, which nobody can read without it"
            );
            Ok(key)
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes the folder of the key, for its owner only.
pub(crate) fn make_folder(path: &Path) -> Result<(), KeyFileError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|source| KeyFileError::Io { path: path.to_owned(), source })
}
