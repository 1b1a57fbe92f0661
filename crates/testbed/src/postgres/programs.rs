//! The programs of Debian's package: found or installed, and run as a user that Postgres accepts.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::URL_VARIABLE;
use crate::private::Group;
use crate::{Missing, install};

/// The folder of Debian's programs, with a subfolder for each major version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// A file that exists while any version of the package is installed.
const PACKAGE: &str = "/var/lib/dpkg/info/postgresql.list";

/// The configuration file that can prevent Debian's installation from starting a cluster.
const NO_CLUSTER: &str = "/etc/postgresql-common/createcluster.conf";

/// The user of the server if the tests run as root, which Postgres refuses.
pub(super) const USER: &str = "postgres";

/// The folder of the programs of the newest version. Installs the package if it is missing.
pub(super) fn programs() -> Result<PathBuf, Missing> {
    if let Some(found) = newest() {
        return Ok(found);
    }
    if !Path::new(NO_CLUSTER).exists() {
        // A process that must not write here must not install either, and gets an error below.
        let written = fs::create_dir_all("/etc/postgresql-common")
            .and_then(|()| fs::write(NO_CLUSTER, "create_main_cluster = false\n"));
        drop(written);
    }
    let otherwise = format!("set {URL_VARIABLE} to the URL of a database on a Postgres");
    install::ensure(Path::new(PACKAGE), "postgresql", &otherwise)?;
    newest().ok_or_else(|| Missing { what: format!("there is no Postgres in {VERSIONS}; {otherwise}") })
}

fn newest() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).ok()?.filter_map(Result::ok);
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let found = versions.map(|entry| entry.path()).filter(|path| path.join("bin/postgres").exists());
    found.max_by_key(|path| version(path)).map(|path| path.join("bin"))
}

pub(super) fn initdb(programs: &Path, folder: &Path) -> Result<(), Missing> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    let data = folder.join("data");
    fs::create_dir(&data)?;
    give_to_user(&data)?;
    let initdb = format!(
        "{}'{}' -D '{}' -U {USER} --auth=trust --encoding=UTF8 --no-locale --no-sync",
        as_user(),
        programs.join("initdb").display(),
        data.display()
    );
    let output = Command::new("sh").args(["-c", &initdb]).current_dir("/").output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(Missing { what: format!("initdb failed: {}", String::from_utf8_lossy(&output.stderr)) })
}

pub(super) fn run(programs: &Path, folder: &Path, port: u16, settings: &Vec<String>) -> io::Result<Group> {
    let fixed = [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        "unix_socket_directories=".to_owned(),
        "max_connections=300".to_owned(),
        "fsync=off".to_owned(),
    ];
    let settings: String = fixed.iter().chain(settings).map(|setting| format!(" -c '{setting}'")).collect();
    let command = format!(
        "cd /; {}'{}' -D '{}'{settings} </dev/null &",
        as_user(),
        programs.join("postgres").display(),
        folder.join("data").display()
    );
    Group::start(&command, &[], folder)
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Makes the user of the server the owner of a path.
pub(crate) fn give_to_user(path: &Path) -> io::Result<()> {
    if is_root() {
        Command::new("chown").arg(USER).arg(path).status()?;
    }
    Ok(())
}

/// The prefix of a command that root must not run.
pub(crate) fn as_user() -> String {
    if is_root() { format!("setpriv --reuid={USER} --regid={USER} --clear-groups ") } else { String::new() }
}

/// Runs one statement with `psql` and returns its output.
///
/// # Errors
/// If `psql` is missing or the statement fails.
pub fn psql(url: &str, statement: &str) -> Result<String, Missing> {
    let output = Command::new("psql").args(["-X", "-A", "-t", "-q", "-d", url, "-c", statement]).output();
    let output = output.map_err(|error| Missing {
        what: format!("psql could not be run ({error}); install Debian's postgresql-client"),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Missing { what: format!("psql failed: {}", String::from_utf8_lossy(&output.stderr)) })
}
