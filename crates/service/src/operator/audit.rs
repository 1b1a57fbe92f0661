//! Records acts and their actors.

use std::sync::OnceLock;

use ledger::{AuditEntry, AuditResult};

use crate::engines::Engines;
use crate::failure::Failure;

/// The operator at the command line: `cli:` with the user of the operating system, or its number where it has no name.
#[must_use]
pub fn cli() -> String {
    static ACTOR: OnceLock<String> = OnceLock::new();
    ACTOR
        .get_or_init(|| {
            let id = rustix::process::getuid().as_raw();
            let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
            format!("cli:{}", user(&users, id).unwrap_or_else(|| id.to_string()))
        })
        .clone()
}

/// The name of a user in the text of `/etc/passwd`.
fn user(users: &str, id: u32) -> Option<String> {
    let id = id.to_string();
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    })
}

/// Writes down an act that was done.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be written.
pub async fn note(engines: &Engines, actor: &str, action: &str, subject: String) -> Result<(), Failure> {
    let entry = AuditEntry::new(engines.now(), actor, action, subject);
    Ok(engines.operators.note(&[entry]).await?)
}

/// Records that an act at the command line failed, with the code of its failure. If this cannot be recorded, it is only logged:
/// the failure of the act matters more.
pub async fn note_failed(engines: &Engines, action: &str, failure: &Failure) {
    let entry = AuditEntry::new(engines.now(), &cli(), action, "at the command line".to_owned());
    if let Err(error) = engines.operators.note(&[failed(entry, failure)]).await {
        tracing::warn!(%error, action, "the audit has no line about an act that failed");
    }
}

/// Records how an act at the command line ended, and returns its result. A failure of the act precedes a failure to record it.
///
/// # Errors
///
/// [`Failure`] of the act, or if the ledger cannot be written.
pub async fn ended<T>(engines: &Engines, entry: AuditEntry, done: Result<T, Failure>) -> Result<T, Failure> {
    let entry = match &done {
        Ok(_) => entry,
        Err(failure) => failed(entry, failure),
    };
    let noted = engines.operators.note(&[entry]).await;
    let done = done?;
    noted?;
    Ok(done)
}

/// The line of an act that failed, with the code of its failure.
fn failed(entry: AuditEntry, failure: &Failure) -> AuditEntry {
    AuditEntry { result: AuditResult::Failed, reason: Some(failure.code.to_owned()), ..entry }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_as_in_the_file_of_users() {
        let users = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!(user(users, 1000).as_deref(), Some("ann"));
        assert_eq!((user(users, 100), user("", 0)), (None, None));
    }
}
