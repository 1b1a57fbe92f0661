//! Installs a Debian package if its program is missing.
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Missing;

/// The program that decides on Debian whether the installation of a package may start its service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Name of the lock file in the folder for temporary files, which serializes installations of concurrent test binaries.
const LOCK_FILE: &str = "refersion-destination-testbed.lock";

/// Runs `$@` with a policy that starts no service, unless the machine has its own policy. The shell removes the
/// policy even if its parent process is killed.
const WITHOUT_STARTING: &str = r#"
policy=$1
shift
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
"$@"
"#;

/// Installs `package` if `program` is missing. `otherwise` names another way to provide the service, for the error.
pub(crate) fn ensure(program: &Path, package: &str, otherwise: &str) -> Result<(), Missing> {
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
    // Released when the file is closed, also if the process is killed.
    let lock = File::create(std::env::temp_dir().join(LOCK_FILE))?;
    lock.lock()?;
    if program.exists() {
        return Ok(());
    }
    let install = ["install", "-y", "-qq", "--no-install-recommends", package];
    if apt_get(&install).is_err() {
        // The package lists may be missing or outdated.
        apt_get(&["update", "-qq"])
            .and_then(|()| apt_get(&install))
            .map_err(|output| missing(&format!("apt-get could not install it ({output})")))?;
    }
    if program.exists() { Ok(()) } else { Err(missing("its package does not contain it")) }
}

fn may_install() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Runs `apt-get` without questions and without starting services. Waits for the lock of another installation. The
/// error is the output of `apt-get`.
fn apt_get(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("sh")
        .args(["-c", WITHOUT_STARTING, "testbed", POLICY, "apt-get", "-o", "DPkg::Lock::Timeout=300"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
