//! A folder and a process group that end with their owner, however that ends.
//!
//! The group's leader is a shell that reads from a pipe of ours. When we are gone, killed or not, the pipe closes, and
//! the shell has its whole group killed and the folder removed. `Drop` would not run for statics, nor when we are killed.

use std::io;
use std::net::TcpListener;
use std::ops::Range;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Runs the command lines in `$1`; when its input ends, a session of its own ends the group and removes the folder `$2`.
/// If its owner dies while a process of the group is stopped, the kernel hangs up on all of the group (POSIX, orphaned
/// process groups); whoever is to tidy up must not mind.
const GUARD: &str = r#"eval "$1"; trap '' HUP; cat >/dev/null; exec setsid sh -c 'kill -s KILL -- "-$1"; rm -rf "$2"' end "$$" "$2""#;

/// A running process group.
pub(crate) struct Group {
    guard: Child,
}

impl Group {
    /// Starts `commands`, shell command lines that each end in `&`. `folder` is removed when the owner is gone.
    pub(crate) fn start(commands: &str, environment: &[(String, String)], folder: &Path) -> io::Result<Self> {
        let log = std::fs::File::create(folder.join("output"))?;
        let guard = Command::new("sh")
            .args(["-c", GUARD, "testbed", commands])
            .arg(folder)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        Ok(Self { guard })
    }

    /// Kills every process of the group at once (SIGKILL), and leaves the folder.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        let group = format!("-{}", self.guard.id());
        Command::new("kill").args(["-9", "--", &group]).status()?;
        self.guard.wait()?;
        Ok(())
    }

    /// Whether the guard has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.guard.try_wait(), Ok(Some(_)) | Err(_))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The pipe closes with the child's handle; waiting leaves no zombie.
        drop(self.guard.stdin.take());
        drop(self.guard.wait());
    }
}

/// Ports are taken from below those that the system gives to outgoing connections (from 32768 on): while a server is down,
/// a client that knocks must not get the server's port as its own.
const PORTS: Range<u32> = 20_000..32_000;

/// Ports that were free a moment ago, and stay so while what listens there is down.
///
/// # Errors
/// When there are not so many.
pub fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Processes begin in different places; what two of them choose all the same shows when they listen.
    let first = std::process::id().wrapping_mul(977);
    let mut listeners = Vec::with_capacity(N);
    for _ in PORTS {
        let place = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % (PORTS.end - PORTS.start);
        let port = u16::try_from(PORTS.start + place).map_err(io::Error::other)?;
        let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) else { continue };
        listeners.push((listener, port));
        if listeners.len() == N {
            let ports: Vec<u16> = listeners.iter().map(|(_, port)| *port).collect();
            return ports.try_into().map_err(|_| io::Error::other("as many ports as were asked for"));
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, format!("there are no {N} free ports in {PORTS:?}")))
}
