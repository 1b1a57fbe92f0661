//! Whether a process with our user could write where `serve` will: the files, the files that SQLite keeps beside them, and
//! their folders.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::Finding;
use service::config::Config;
use service::engines::files::{key_file, ledger_file, queue_file, whole};
use service::engines::presence::{Presence, nearest_folder};

const NAME: &str = "writing";
/// Files that SQLite and the repair of a queue keep beside a file.
const BESIDE: [&str; 3] = ["-wal", "-shm", ".lock"];
/// A page: a full disk has no room for it.
const TRIED_BYTES: [u8; 4096] = [0; 4096];

/// Checks every place that is written. Servers have none.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let databases: Vec<&Path> = queue_file(config).into_iter().chain(ledger_file(config)).collect();
    let key = key_file(config).filter(|key| Presence::of_readable(key) == Presence::Missing);
    let made = databases.iter().copied().chain(key.as_deref());
    let folders: BTreeSet<PathBuf> = made.map(nearest_folder).collect();
    let beside = |path: &&Path| BESIDE.map(|ending| sqlite::beside(path, ending));
    let files = databases.iter().map(|path| path.to_path_buf()).chain(databases.iter().flat_map(beside));
    let unusable = files.filter_map(|file| match Presence::of(&file) {
        Presence::Unusable(why) => Some((file, why)),
        Presence::There | Presence::Missing => None,
    });
    let not_written = folders
        .iter()
        .filter_map(|folder| try_to_write(folder).err().map(|why| (folder.clone(), why.to_string())));
    let refused = unusable.chain(not_written);
    let findings: Vec<Finding> = refused.map(|(path, why)| cannot_write(&path, &why)).collect();
    match folders.iter().map(|folder| whole(folder).display().to_string()).collect::<Vec<_>>() {
        places if findings.is_empty() && !places.is_empty() => {
            vec![Finding::ok(NAME, format!("in {}", places.join(" and ")))]
        }
        _ => findings,
    }
}

fn cannot_write(path: &Path, why: &str) -> Finding {
    let found = format!("{} cannot be written: {why}", whole(path).display());
    let user = rustix::process::geteuid().as_raw();
    let hint = format!(
        "give the user that runs this program (number {user}) write access, and free space on the disk; or set another \
         path in queue.url and ledger.url"
    );
    Finding::bad(NAME, found, hint)
}

/// Writes a file without a name, which disappears when it is closed.
fn try_to_write(folder: &Path) -> io::Result<()> {
    if !fs::metadata(folder)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&TRIED_BYTES)?;
    file.sync_all()
}
