//! The condition of a database's file: in use, damaged, or under repair by one process alone.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use crate::Error;
use crate::identity::Identity;

/// The wait before the next attempt to get a lock that another process holds.
const ASK_AGAIN: Duration = Duration::from_millis(10);
/// The number of attempts of a repair. Work of other processes ends meanwhile.
const ASKS_OF_REPAIR: u32 = 500;
/// The number of attempts of other work. A small file is repaired meanwhile.
const ASKS_OF_WORK: u32 = 50;

/// The state of a handle's file.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    /// `None` for a database in memory.
    path: Option<PathBuf>,
    /// The files that are open; `None` for a database in memory.
    identity: Option<Identity>,
    /// The lock: shared during each piece of work, exclusive during a repair; `None` if the file is never repaired.
    lock: Option<File>,
    damage: Mutex<Option<String>>,
}

impl Condition {
    /// The condition of a file. If `is_repaired`, the processes that use it make way for one that repairs it.
    pub(crate) fn of(path: &Path, is_repaired: bool) -> Result<Self, Error> {
        let lock = is_repaired.then(|| lock_file(path)).transpose()?;
        let identity = Some(Identity::of(path));
        Ok(Self { path: Some(path.to_owned()), identity, lock, damage: Mutex::default() })
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(crate) fn damage(&self) -> Option<String> {
        self.damage_lock().clone()
    }

    /// Notes that the file is damaged, and keeps the first cause.
    pub(crate) fn note(&self, why: String) {
        let mut damage = self.damage_lock();
        if let (None, Some(path)) = (&*damage, &self.path) {
            tracing::error!(file = %path.display(), error = why, "the file is damaged: it is no longer used");
            *damage = Some(why);
        }
    }

    pub(crate) fn note_sound(&self) {
        *self.damage_lock() = None;
    }

    /// Notes that the file was just opened.
    pub(crate) fn note_opened(&self) {
        if let Some(identity) = &self.identity {
            identity.renew();
        }
    }

    /// The path of a file that was deleted or replaced since it was opened.
    pub(crate) fn moved(&self) -> Option<&Path> {
        self.identity.as_ref()?.moved()
    }

    /// Refuses work if a file is no longer at its path.
    pub(crate) fn refuse_if_moved(&self) -> Result<(), Error> {
        self.identity.as_ref().map_or(Ok(()), Identity::refuse_if_moved)
    }

    /// Refuses work on a damaged file.
    pub(crate) fn refuse_if_damaged(&self) -> Result<(), Error> {
        match (self.damage(), &self.path) {
            (Some(why), Some(path)) => Err(Error::Damaged { path: path.clone(), why }),
            _ => Ok(()),
        }
    }

    /// Prevents repairs while the value lives.
    pub(crate) fn share(&self) -> Result<Option<Held<'_>>, Error> {
        self.hold(ASKS_OF_WORK, File::try_lock_shared)
    }

    /// Locks all others out while the value lives. Waits a few seconds for work that is under way.
    pub(crate) fn alone(&self) -> Result<Option<Held<'_>>, Error> {
        self.hold(ASKS_OF_REPAIR, File::try_lock)
    }

    fn hold(&self, asks: u32, ask: fn(&File) -> Result<(), TryLockError>) -> Result<Option<Held<'_>>, Error> {
        let Some(lock) = &self.lock else { return Ok(None) };
        for _ in 0..asks {
            match ask(lock) {
                Ok(()) => return Ok(Some(Held(lock))),
                Err(TryLockError::WouldBlock) => thread::sleep(ASK_AGAIN),
                Err(TryLockError::Error(cause)) => return Err(Error::File { path: self.named(), cause }),
            }
        }
        Err(Error::BeingRepaired { path: self.named() })
    }

    fn named(&self) -> PathBuf {
        self.path.clone().unwrap_or_default()
    }

    fn damage_lock(&self) -> MutexGuard<'_, Option<String>> {
        self.damage.lock()
    }
}

/// A lock that is released when it is dropped.
pub(crate) struct Held<'a>(&'a File);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the lock beside a database file could not be released");
        }
    }
}

/// The lock file beside `path`: a lock on the database itself would be lost whenever SQLite closes it.
fn lock_file(path: &Path) -> Result<File, Error> {
    let mut options = File::options();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let lock = crate::beside(path, ".lock");
    options.open(&lock).map_err(|cause| Error::File { path: lock, cause })
}
