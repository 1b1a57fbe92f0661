//! Certificates for TLS servers, made with `openssl` and valid for one day.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::{Missing, install};

const OPENSSL: &str = "/usr/bin/openssl";

/// A certificate authority for tests.
pub struct Authority {
    folder: TempDir,
    certificate: String,
}

impl Authority {
    /// Creates an authority.
    ///
    /// # Errors
    /// If `openssl` is missing and cannot be installed.
    pub fn new() -> Result<Self, Missing> {
        install::ensure(Path::new(OPENSSL), "openssl", "put it there")?;
        let folder = tempfile::tempdir()?;
        make(folder.path(), "authority", &["-subj", "/CN=an authority for tests"])?;
        let certificate = fs::read_to_string(folder.path().join("authority.pem"))?;
        Ok(Self { folder, certificate })
    }

    /// Its certificate in PEM.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The file with its certificate. It is removed with the authority.
    #[must_use]
    pub fn certificate_file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Creates the certificate `server.pem` for `localhost` and its key `server.key` in a folder.
    pub(crate) fn sign_for_localhost(&self, folder: &Path) -> Result<(), Missing> {
        self.sign_for("localhost", folder)
    }

    /// Creates the certificate `server.pem` for a host and its key `server.key` in a folder.
    ///
    /// # Errors
    /// If `openssl` fails.
    pub fn sign_for(&self, host: &str, folder: &Path) -> Result<(), Missing> {
        let authority = |name: &str| self.folder.path().join(name).display().to_string();
        let signed = [
            "-subj",
            &format!("/CN={host}"),
            "-addext",
            &format!("subjectAltName=DNS:{host}"),
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-CA",
            &authority("authority.pem"),
            "-CAkey",
            &authority("authority.key"),
        ];
        make(folder, "server", &signed)
    }
}

/// Creates the certificate `name.pem` and its key `name.key`.
fn make(folder: &Path, name: &str, arguments: &[&str]) -> Result<(), Missing> {
    let output = Command::new(OPENSSL)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "1", "-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")])
        .args(arguments)
        .current_dir(folder)
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(Missing { what: format!("openssl failed: {}", String::from_utf8_lossy(&output.stderr)) })
}
