//! A process group and a folder that are removed when the owning process ends in any way.
//!
//! The leader of the group is a shell that reads from a pipe of the owner. When the owner ends or is killed, the pipe
//! closes, and the shell kills its group and removes the folder. `Drop` would not run for statics, nor after a kill.

use std::io;
use std::net::TcpListener;
use std::ops::Range;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Runs the command lines in `$1`. When its input ends, a separate session kills the group and removes the folder
/// `$2`. The shell ignores SIGHUP: if the owner dies while a process of the group is stopped, the kernel sends it to
/// the whole group (POSIX, orphaned process groups).
const GUARD: &str = r#"eval "$1"; trap '' HUP; cat >/dev/null; exec setsid sh -c 'kill -s KILL -- "-$1"; rm -rf "$2"' end "$$" "$2""#;

/// A running process group.
pub(crate) struct Group {
    guard: Child,
}

impl Group {
    /// Starts `commands`, shell command lines that each end in `&`. `folder` is removed when the owner ends.
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

    /// Kills all processes of the group with SIGKILL and keeps the folder.
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
        // Dropping the handle closes the pipe; waiting prevents a zombie.
        drop(self.guard.stdin.take());
        drop(self.guard.wait());
    }
}

/// The range of ports, below those of outgoing connections (from 32768): while a server is down, no client must get
/// its port as a source port.
const PORTS: Range<u32> = 20_000..32_000;

/// Finds free ports that the system does not assign to outgoing connections.
///
/// # Errors
/// If there are fewer than `N` free ports.
pub fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Processes start at different ports. If two choose the same one, the second fails to listen and retries.
    let first = std::process::id().wrapping_mul(977);
    let mut listeners = Vec::with_capacity(N);
    for _ in PORTS {
        let offset = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % (PORTS.end - PORTS.start);
        let port = u16::try_from(PORTS.start + offset).map_err(io::Error::other)?;
        let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) else { continue };
        listeners.push((listener, port));
        if listeners.len() == N {
            let ports: Vec<u16> = listeners.iter().map(|(_, port)| *port).collect();
            return ports.try_into().map_err(|_| io::Error::other("the number of ports differs"));
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, format!("there are fewer than {N} free ports in {PORTS:?}")))
}
