//! Installs a Debian package when its program is missing.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Missing;

/// Debian asks this program whether a package may start its service at installation.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Test binaries that run at the same time take turns by this file in the folder for temporary files.
const TURN: &str = "refersion-destination-testbed.lock";

/// Runs `$@` while no service may be started, and leaves the machine's own policy as it is. Whoever is killed meanwhile
/// does not take the shell along, which tidies up.
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

/// Makes sure that `program` is there. `otherwise` tells how else the tests can have the service.
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
    // Released when the file is closed, also when we are killed.
    let turn = File::create(std::env::temp_dir().join(TURN))?;
    turn.lock()?;
    if program.exists() {
        return Ok(());
    }
    let install = ["install", "-y", "-qq", "--no-install-recommends", package];
    if apt_get(&install).is_err() {
        // The lists of packages may be missing or old.
        apt_get(&["update", "-qq"])
            .and_then(|()| apt_get(&install))
            .map_err(|said| missing(&format!("apt-get could not install it ({said})")))?;
    }
    if program.exists() { Ok(()) } else { Err(missing("its package does not bring it")) }
}

fn may_install() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Runs without questions, and starts no service: only what the tests start themselves shall run. The error is what it
/// said. A lock held by somebody else's installation is waited for.
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
