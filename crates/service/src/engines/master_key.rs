//! Finds the master key in the environment or in its file, or makes one from fresh randomness for a ledger file that does not
//! exist yet.

use std::fs::DirBuilder;
use std::path::{Path, PathBuf};

use connections::vault::KeyFileError;
use connections::{MasterKey, Randomness};

use super::EngineError;
use super::presence::Presence;
use crate::config::{Config, LedgerUrl};

/// The master key of the ledger that `config` names. Only a ledger in a file, of one machine, gets one made for it.
pub(super) fn find(config: &Config, randomness: &dyn Randomness) -> Result<MasterKey, EngineError> {
    match read(config)? {
        Found::Key(key) => Ok(key),
        Found::ToBeMade(path) => make(&path, randomness),
    }
}

/// The master key of an existing ledger: none is created.
pub(super) fn required(config: &Config) -> Result<MasterKey, EngineError> {
    match read(config)? {
        Found::Key(key) => Ok(key),
        Found::ToBeMade(path) => Err(KeyFileError::Missing(path).into()),
    }
}

/// The result of looking for the master key.
pub enum Found {
    /// The key.
    Key(MasterKey),
    /// Neither key nor ledger are there: the first start makes the key in this file.
    ToBeMade(PathBuf),
}

/// Looks for the key without creating one.
pub fn read(config: &Config) -> Result<Found, EngineError> {
    if let Some(text) = &config.secrets.key {
        return Ok(Found::Key(MasterKey::from_text(text.reveal())?));
    }
    let path = config.key_file().ok_or(EngineError::KeyNeeded)?;
    match (MasterKey::read_file(&path), &config.ledger.url) {
        (Err(KeyFileError::Missing(_)), LedgerUrl::Sqlite(ledger))
            if Presence::of(ledger) != Presence::Missing =>
        {
            read_again(path, ledger)
        }
        (Err(KeyFileError::Missing(_)), LedgerUrl::Sqlite(_)) => Ok(Found::ToBeMade(path)),
        (key, _) => Ok(Found::Key(key?)),
    }
}

/// Reads the key again. An existing ledger was created with a key, which a new one must not seem to replace; but another
/// process may have created both files since the key was looked for.
fn read_again(path: PathBuf, ledger: &Path) -> Result<Found, EngineError> {
    match MasterKey::read_file(&path) {
        Err(KeyFileError::Missing(path)) => Err(EngineError::KeyLost { path, ledger: ledger.to_owned() }),
        key => Ok(Found::Key(key?)),
    }
}

/// Makes the key of a new ledger.
fn make(path: &Path, randomness: &dyn Randomness) -> Result<MasterKey, EngineError> {
    make_folder(path)?;
    match MasterKey::create_file(path, randomness) {
        Err(KeyFileError::Exists(_)) => Ok(MasterKey::read_file(path)?),
        Ok(key) => {
            tracing::warn!(
                file = %path.display(),
                "created a master key: back it up apart from the ledger, which cannot be read without it"
            );
            Ok(key)
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes the folder of the key, for its owner only.
pub fn make_folder(path: &Path) -> Result<(), KeyFileError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|source| KeyFileError::Io { path: path.to_owned(), source })
}
