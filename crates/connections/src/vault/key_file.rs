//! The file of the master key: created once, readable by its owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Randomness;
use super::master_key::{MasterKey, MasterKeyError};

/// The longest key file that is read, in bytes: the key's text is 44.
const MAX_FILE_BYTES: u64 = 4096;

/// The problems of a key file, and how to solve them.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is no such file.
    #[error("there is no key file {}", .0.display())]
    Missing(PathBuf),
    /// The file exists already; a new key would make every secret in the ledger unreadable.
    #[error("the key file {} exists already, and was not changed", .0.display())]
    Exists(PathBuf),
    /// Users other than its owner may read or change it.
    #[error(
        "the key file {0} is open to others (mode {mode:o}): run `chmod 600 {0}`, or 640 with a group of this program",
        path.display()
    )]
    TooOpen {
        /// Its path.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It does not hold a master key.
    #[error("the key file {} does not contain a master key: restore your backup of it", path.display())]
    NotAKey {
        /// Its path.
        path: PathBuf,
        /// The problem with its text.
        source: MasterKeyError,
    },
    /// It could not be read or written.
    #[error("the key file {} could not be read or written", path.display())]
    Io {
        /// Its path.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl MasterKey {
    /// Reads the key from a file.
    ///
    /// # Errors
    /// [`KeyFileError::Missing`], [`KeyFileError::TooOpen`] when others have any right to the file, or its group may do more than read it,
    /// or the group is not ours (on Unix), [`KeyFileError::NotAKey`], or [`KeyFileError::Io`].
    pub fn read_file(path: &Path) -> Result<Self, KeyFileError> {
        let file = File::open(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => KeyFileError::Missing(path.to_owned()),
            _ => failed(path, source),
        })?;
        refuse_if_open_to_others(&file, path)?;
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(|source| match source.kind() {
            io::ErrorKind::InvalidData => {
                KeyFileError::NotAKey { path: path.to_owned(), source: MasterKeyError::NotBase64 }
            }
            _ => failed(path, source),
        })?;
        Self::from_text(&text).map_err(|source| KeyFileError::NotAKey { path: path.to_owned(), source })
    }

    /// Creates a new key and a file for it, readable and writable by its owner only. The directory must exist.
    ///
    /// The file appears complete or not at all, and survives a power cut once this function has returned. If two
    /// processes start together, one creates the file; the other one gets [`KeyFileError::Exists`] and reads it.
    ///
    /// # Errors
    /// [`KeyFileError::Exists`] when the file exists already: it is never replaced; [`KeyFileError::Io`].
    pub fn create_file(path: &Path, randomness: &dyn Randomness) -> Result<Self, KeyFileError> {
        let key = Self::generate(randomness);
        let draft = draft_path(path, randomness);
        let made = write_draft(&draft, &key).and_then(|()| fs::hard_link(&draft, path));
        let cleared = fs::remove_file(&draft);
        match made.and(cleared).and_then(|()| sync_directory(path)) {
            Ok(()) => Ok(key),
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
                Err(KeyFileError::Exists(path.to_owned()))
            }
            Err(source) => Err(failed(path, source)),
        }
    }
}

fn failed(path: &Path, source: io::Error) -> KeyFileError {
    KeyFileError::Io { path: path.to_owned(), source }
}

/// A unique path in the same directory.
fn draft_path(path: &Path, randomness: &dyn Randomness) -> PathBuf {
    let mut bytes = [0; 8];
    randomness.fill(&mut bytes);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.new", u64::from_be_bytes(bytes)));
    path.with_file_name(name)
}

fn write_draft(draft: &Path, key: &MasterKey) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    file.write_all(key.to_text().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Without this, a power cut could remove the file's directory entry after secrets were sealed with its key.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn refuse_if_open_to_others(file: &File, path: &Path) -> Result<(), KeyFileError> {
    use std::os::unix::fs::MetadataExt as _;
    let found = file.metadata().map_err(|source| failed(path, source))?;
    let mode = found.mode() & 0o777;
    let is_closed = mode & 0o077 == 0 || (mode & 0o037 == 0 && is_ours((found.uid(), found.gid())));
    if is_closed { Ok(()) } else { Err(KeyFileError::TooOpen { path: path.to_owned(), mode }) }
}

/// Whether the group of a file may read it: the process is in it, as with a volume of Kubernetes (`fsGroup`), or it is root's, as with
/// credentials of systemd. <https://systemd.io/CREDENTIALS>
#[cfg(unix)]
fn is_ours((user, group): (u32, u32)) -> bool {
    let ours = rustix::process::getgroups().unwrap_or_default();
    let is_member =
        |id: u32| rustix::process::getegid().as_raw() == id || ours.iter().any(|group| group.as_raw() == id);
    is_member(group) || (user, group) == (0, 0)
}

#[cfg(not(unix))]
fn refuse_if_open_to_others(_: &File, _: &Path) -> Result<(), KeyFileError> {
    Ok(())
}
