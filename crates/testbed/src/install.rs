//! Installs a Debian package when its program is missing.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::Missing;

/// Makes sure that `program` is there. `otherwise` tells how else the tests can have the service.
pub(crate) fn ensure(program: &Path, package: &str, otherwise: &str) -> Result<(), Missing> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if program.exists() {
        return Ok(());
    }
    let missing = |why: &str| Missing {
        what: format!(
            "{} is missing, and {why}; run `apt-get install {package}` as root, or {otherwise}",
            program.display()
        ),
    };
    if !may_install() {
        return Err(missing("only root may install it"));
    }
    if !(apt_get(&["install", "-y", "-qq", "--no-install-recommends", package])
        || apt_get(&["update", "-qq"])
            && apt_get(&["install", "-y", "-qq", "--no-install-recommends", package]))
    {
        return Err(missing("apt-get could not install it"));
    }
    if program.exists() { Ok(()) } else { Err(missing("its package does not bring it")) }
}

fn may_install() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Runs without questions. A lock held by another test binary is waited for.
fn apt_get(arguments: &[&str]) -> bool {
    let status = Command::new("apt-get")
        .args(["-o", "DPkg::Lock::Timeout=300"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
