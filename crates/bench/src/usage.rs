//! How much CPU time and memory a process has used, from `/proc` of Linux. On other systems this is not known, and reports
//! leave it out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// CPU time and memory of one process since it started.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) struct Usage {
    /// In user and kernel mode together.
    pub(super) cpu_seconds: f64,
    /// Peak memory (`VmHWM`); 0 where processes share memory, which would count several times.
    pub(super) peak_memory_bytes: u64,
}

impl Usage {
    /// The usage of a process; `None` if there is none with this id, or the system does not report it.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let cpu_seconds = Times::of(pid)?.own;
        Some(Self { cpu_seconds, peak_memory_bytes: peak_memory(pid)? })
    }

    /// The usage of a server: of its main process, and of those that it has started, also if they have ended.
    pub(super) fn of_server(main: u32) -> Option<Self> {
        let times = Times::of(main)?;
        let children = processes().filter_map(Times::of).filter(|child| child.parent == main);
        let cpu_seconds = times.own + times.ended_children + children.map(|child| child.own).sum::<f64>();
        Some(Self { cpu_seconds, peak_memory_bytes: 0 })
    }

    /// The usage of this process.
    pub(super) fn own() -> Option<Self> {
        Self::of(std::process::id())
    }
}

/// The times of a process, in seconds. Source: proc_pid_stat(5).
struct Times {
    parent: u32,
    own: f64,
    ended_children: f64,
}

impl Times {
    fn of(pid: u32) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name of the program stands in parentheses and may contain anything.
        let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
        let ticks = |place: usize| fields.get(place)?.parse::<f64>().ok();
        let second = rustix::param::clock_ticks_per_second() as f64;
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own: (ticks(11)? + ticks(12)?) / second,
            ended_children: (ticks(13)? + ticks(14)?) / second,
        })
    }
}

/// The peak memory of a process, in bytes; `None` where the system does not report it.
/// <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>
pub(super) fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The process that listens on this port of this machine; `None` if it is elsewhere, or belongs to another user.
pub(super) fn listener(port: u16) -> Option<u32> {
    let sockets = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| listening_sockets(table, port)).concat();
    let holds = |pid: &u32| {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut targets = open.filter_map(|file| std::fs::read_link(file.path()).ok());
        targets.any(|target| sockets.iter().any(|socket| target.as_os_str() == socket.as_str()))
    };
    // Children inherit the socket; the main process is the oldest.
    processes().filter(holds).min()
}

/// The sockets of a table of the kernel that listen on a port, as links of open files name them. Source: proc_net(5).
fn listening_sockets(table: &str, port: u16) -> Vec<String> {
    const LISTENS: &str = "0A";
    let text = std::fs::read_to_string(table).unwrap_or_default();
    let port = format!(":{port:04X}");
    let socket = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let is_it = columns.get(1)?.ends_with(&port) && *columns.get(3)? == LISTENS;
        is_it.then(|| columns.get(9).map(|inode| format!("socket:[{inode}]")))?
    };
    text.lines().filter_map(socket).collect()
}

/// CPU time and memory of all processes of one role during a measurement.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RoleUsage {
    /// The role.
    pub(super) role: &'static str,
    /// Number of its processes.
    pub(super) processes: usize,
    /// Of all of them together.
    pub(super) cpu_seconds: f64,
    /// The same for one event.
    pub(super) cpu_micros_per_event: f64,
    /// Peak memory of the largest of them since it started; absent for servers, whose processes share memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) peak_memory_bytes: Option<u64>,
}

/// CPU time and memory of processes, by role and process id.
pub(super) type Usages = BTreeMap<(&'static str, u32), Usage>;

/// The usage of each role between two readings, for `events` events. A process that is not in the first reading had used
/// nothing by then.
pub(super) fn between(before: &Usages, after: &Usages, events: u64) -> Vec<RoleUsage> {
    let mut roles: BTreeMap<&'static str, RoleUsage> = BTreeMap::new();
    for (process, usage) in after {
        let earlier = before.get(process).map_or(0.0, |usage| usage.cpu_seconds);
        let sum = roles.entry(process.0).or_insert(RoleUsage {
            role: process.0,
            processes: 0,
            cpu_seconds: 0.0,
            cpu_micros_per_event: 0.0,
            peak_memory_bytes: None,
        });
        sum.processes += 1;
        sum.cpu_seconds += usage.cpu_seconds - earlier;
        sum.peak_memory_bytes =
            sum.peak_memory_bytes.max(Some(usage.peak_memory_bytes).filter(|peak| *peak > 0));
    }
    for sum in roles.values_mut() {
        sum.cpu_micros_per_event = sum.cpu_seconds * 1e6 / events.max(1) as f64;
    }
    roles.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_before_the_measurement_does_not_count() {
        let usage = |cpu_seconds, peak_memory_bytes| Usage { cpu_seconds, peak_memory_bytes };
        let before = Usages::from([(("worker", 1), usage(2.0, 50))]);
        let after = Usages::from([
            (("worker", 1), usage(3.0, 70)),
            (("worker", 2), usage(0.5, 60)),
            (("Postgres", 3), usage(1.0, 0)),
        ]);
        let roles = between(&before, &after, 1000);
        let [postgres, worker] = &roles[..] else { panic!("{roles:?}") };
        assert_eq!((worker.processes, worker.cpu_seconds, worker.peak_memory_bytes), (2, 1.5, Some(70)));
        assert!((worker.cpu_micros_per_event - 1500.0).abs() < 1e-6);
        assert_eq!((postgres.role, postgres.peak_memory_bytes), ("Postgres", None));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_found_by_the_port_that_it_listens_on_and_has_used_memory() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(listener(socket.local_addr().unwrap().port()), Some(std::process::id()));
        let usage = Usage::own().unwrap();
        assert!(usage.peak_memory_bytes > 1 << 20 && usage.cpu_seconds >= 0.0, "{usage:?}");
    }
}
