//! The operator's editor, on a temporary file that only its owner can read.

use std::io::{Read as _, Seek as _, Write as _};
use std::process::Command;

use service::failure::Failure;

/// The editor if the environment names none.
const DEFAULT: &str = "vi";

const HINT: &str =
    "set EDITOR to an editor that waits until the file is closed, or give a JSON Patch with --patch";

/// Lets the operator edit a text. It is removed from the disk afterwards, unless this process is killed.
///
/// # Errors
///
/// [`Failure`] if the file or the editor cannot be used.
pub(super) fn edit(text: &str) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::failed("editor", &error, HINT);
    // In a folder that only its owner can open: an editor's own copies go with it when it is dropped.
    let folder = tempfile::tempdir().map_err(failed)?;
    let mut builder = tempfile::Builder::new();
    let named = builder.prefix("dead-letter-").suffix(".json");
    let mut file = named.tempfile_in(folder.path()).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.flush()).map_err(failed)?;
    let editor = chosen().unwrap_or_else(|| DEFAULT.to_owned());
    // By a shell, as git does: the variable may have arguments.
    let shell =
        Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(file.path()).status();
    let status = shell.map_err(failed)?;
    if !status.success() {
        let message = format!("the editor `{editor}` failed, so nothing was changed");
        return Err(Failure::refused("editor", message, HINT));
    }
    // Editors may write a new file under the same name.
    let mut edited = std::fs::File::open(file.path()).map_err(failed)?;
    edited.rewind().map_err(failed)?;
    let mut text = String::new();
    let most = u64::try_from(repair::MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    edited.take(most).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Whether the environment names an editor. It may be a script, which needs no terminal.
pub(super) fn is_named() -> bool {
    chosen().is_some()
}

/// The editor that the environment names. An empty variable names none.
#[expect(
    clippy::disallowed_methods,
    reason = "an editor is chosen by the person, as for git, and not by the configuration"
)]
fn chosen() -> Option<String> {
    let named = ["VISUAL", "EDITOR"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.trim().is_empty())
}
