//! Whether a file is there. A path that cannot be looked at is neither there nor missing: nothing may be made in its place.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// The state of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// There is a file, which this process may read and write.
    There,
    /// There is nothing.
    Missing,
    /// It cannot be looked at, or may not be used; with the error of the operating system.
    Unusable(String),
}

impl Presence {
    /// Looks at a path. The file is not opened: SQLite's locks of this process would be lost when it is closed.
    pub fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => Self::Unusable("it is a folder".to_owned()),
            Ok(_) => match access(path, Access::READ_OK | Access::WRITE_OK) {
                Ok(()) => Self::There,
                Err(error) => Self::Unusable(io::Error::from(error).to_string()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::Missing,
            Err(error) => Self::Unusable(error.to_string()),
        }
    }

    /// Looks at a file that is only read, such as a key.
    pub fn of_readable(path: &Path) -> Self {
        match access(path, Access::READ_OK) {
            Ok(()) => Self::There,
            Err(rustix::io::Errno::NOENT) => Self::Missing,
            Err(error) => Self::Unusable(io::Error::from(error).to_string()),
        }
    }
}

/// The folder that is there already and closest to a path that is to be made.
pub fn nearest_folder(path: &Path) -> PathBuf {
    let parents = path.ancestors().skip(1);
    let there = parents.map(or_here).find(
        |folder| !matches!(fs::metadata(folder), Err(error) if error.kind() == io::ErrorKind::NotFound),
    );
    there.unwrap_or(Path::new("/")).to_owned()
}

/// The parent of a bare file name is the folder that the program runs in.
fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_path_is_not_missing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a file");
        assert_eq!(Presence::of(&file), Presence::Missing);
        fs::write(&file, "").unwrap();
        assert_eq!(Presence::of(&file), Presence::There);
        assert_eq!(Presence::of_readable(&file), Presence::There);
        // Obstacles that hold for every user.
        assert!(matches!(Presence::of(&file.join("below a file")), Presence::Unusable(_)));
        assert!(matches!(Presence::of_readable(&file.join("below a file")), Presence::Unusable(_)));
        assert!(matches!(Presence::of(folder.path()), Presence::Unusable(_)));
        assert!(matches!(Presence::of(&folder.path().join("x".repeat(300))), Presence::Unusable(_)));
    }

    #[test]
    fn the_nearest_folder_is_the_one_in_which_a_file_would_be_created() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(nearest_folder(&folder.path().join("a/b/ledger.db")), folder.path());
        assert_eq!(nearest_folder(Path::new("ledger.db")), Path::new("."));
    }
}
