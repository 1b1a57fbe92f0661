//! Debian's libfaketime, which moves the clock of single processes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Missing, install};

/// It exists once the package is installed.
const PROGRAM: &str = "/usr/bin/faketime";
/// Debian keeps libraries in a folder for each architecture.
const LIBRARIES: &str = "/usr/lib";
/// The build for programs with threads, within the folder of an architecture.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// The library to preload (`LD_PRELOAD`). It is installed if it is missing.
///
/// # Errors
/// If it is not installed and cannot be.
pub fn library() -> Result<PathBuf, Missing> {
    install::ensure(Path::new(PROGRAM), "faketime", "leave out the rows that move the clock")?;
    let folders = fs::read_dir(LIBRARIES)?.filter_map(|folder| Some(folder.ok()?.path().join(LIBRARY)));
    folders.into_iter().find(|library| library.exists()).ok_or_else(|| Missing {
        what: format!(
            "{PROGRAM} is installed, and {LIBRARIES}/*/{LIBRARY} is missing; install Debian's libfaketime"
        ),
    })
}
