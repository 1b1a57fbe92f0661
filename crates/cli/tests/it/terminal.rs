//! The behaviour of the program on a terminal, shown by a pseudo-terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::world::{KEY, SECRET, World};

/// Begins the codes that colour a line.
const ESCAPE: char = '\u{1b}';
/// The key that ends the program's own processes.
const CONTROL_C: &str = "\u{3}";
/// Columns of the terminal.
const WIDTH: u16 = 80;
/// How long anything may take before a test gives up on it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A program on a terminal of its own.
struct Terminal {
    process: Child,
    keyboard: File,
    bytes: Receiver<Vec<u8>>,
    screen: String,
}

impl Terminal {
    /// Starts the program; the terminal is the one that it may ask for a password.
    fn run(world: &World, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let terminal = openpt(flags).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let size = Winsize { ws_row: 50, ws_col: WIDTH, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal, size).unwrap();
        let line: OwnedFd = ioctl_tiocgptpeer(&terminal, flags).unwrap();
        let end = || line.try_clone().unwrap();
        let process = Command::new("/usr/bin/setsid")
            .args(["--ctty", "--wait", env!("CARGO_BIN_EXE_refersion-destination")])
            .args(arguments)
            .env_clear()
            .envs(world.variables().iter().cloned())
            .envs(variables.iter().copied())
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        drop(line);
        let keyboard = File::from(terminal);
        let mut screen = keyboard.try_clone().unwrap();
        let (send, bytes) = channel();
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            // Reading fails on a terminal that no process writes to any more.
            while let Ok(count @ 1..) = screen.read(&mut some) {
                if send.send(some[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { process, keyboard, bytes, screen: String::new() }
    }

    /// Waits until a text stands on the screen.
    fn until_shown(&mut self, text: &str) {
        let end = Instant::now() + TIMEOUT;
        while !self.screen.contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            let more = self.bytes.recv_timeout(left);
            let more = more.unwrap_or_else(|_| panic!("waited in vain for {text}:\n{}", self.screen));
            self.screen.push_str(&String::from_utf8_lossy(&more));
        }
    }

    /// Waits until the terminal no longer shows typed text.
    fn until_echo_is_off(&self) {
        let end = Instant::now() + TIMEOUT;
        while tcgetattr(&self.keyboard).unwrap().local_modes.contains(LocalModes::ECHO) {
            assert!(Instant::now() < end, "what is typed is shown:\n{}", self.screen);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Waits for the end. Returns the exit code, and all text of the screen.
    fn end(mut self) -> (Option<i32>, String) {
        loop {
            match self.bytes.recv_timeout(TIMEOUT) {
                Ok(more) => self.screen.push_str(&String::from_utf8_lossy(&more)),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end:\n{}", self.screen),
            }
        }
        (self.process.wait().unwrap().code(), self.screen)
    }
}

#[test]
fn typed_secrets_are_not_echoed() {
    let mut world = World::new(&[("LOG__LEVEL", "warn")]);
    world.serve();
    let url = format!("http://{}", world.simulator.address("listening"));
    for (name, more) in [("asked", &[][..]), ("stdin", &["--api-key-stdin"])] {
        let arguments = ["connections", "add", "--name", name, "--refersion-url", &url, "-q"];
        let mut terminal = Terminal::run(&world, &[&arguments[..], more].concat(), &[]);
        terminal.until_shown("API key");
        terminal.until_echo_is_off();
        terminal.types(&format!("{KEY}{name}\n"));
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(0), "{screen}");
        assert!(!screen.contains(SECRET), "{screen}");
        assert_eq!(world.json(&["connections", "show", name])["name"], name);
    }
    let set = ["connections", "set", "asked", "--shared-secret-stdin", "-q"];
    let mut terminal = Terminal::run(&world, &set, &[]);
    terminal.until_shown("Shared secret");
    terminal.until_echo_is_off();
    terminal.types("wh_typed\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("wh_typed"), "{screen}");
    assert_eq!(world.json(&["connections", "show", "asked"])["has_shared_secret"], true);
}

#[test]
fn a_log_on_a_terminal_has_colours_unless_no_color_is_set() {
    for (variables, has_colours) in [(&[][..], true), (&[("NO_COLOR", "1")], false)] {
        let world = World::new(&[]);
        let mut terminal = Terminal::run(&world, &["serve"], variables);
        terminal.until_shown("Segment posts to");
        terminal.types(CONTROL_C);
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(0), "{screen}");
        assert!(screen.contains("INFO"), "it has logged:\n{screen}");
        assert_eq!(screen.contains(ESCAPE), has_colours, "{screen}");
    }
}

#[test]
fn a_table_is_as_wide_as_the_terminal_unless_it_is_requested_in_full() {
    let world = World::started(&[("LOG__LEVEL", "warn")]);
    let widest = |arguments: &[&str]| {
        let (code, screen) = Terminal::run(&world, arguments, &[]).end();
        assert_eq!(code, Some(0), "{screen}");
        let tables = screen.lines().filter(|line| line.contains("  "));
        tables.map(|line| line.trim_end().chars().count()).max().unwrap_or_default()
    };
    world.add("a-connection-with-a-very-long-name-indeed", "pub_2.sec_2", &[]);
    assert!(widest(&["connections", "list"]) <= usize::from(WIDTH));
    assert!(widest(&["connections", "list", "--wide"]) > usize::from(WIDTH));
}

#[test]
fn a_command_that_is_stopped_while_it_waits_for_a_walk_says_that_the_walk_continues() {
    let world = World::new(&[("LOG__LEVEL", "warn")]);
    world.add("shop", KEY, &[]);
    let mut terminal = Terminal::run(&world, &["connections", "adopt", "shop"], &[("TERM", "xterm")]);
    terminal.until_shown("a walk is requested");
    terminal.types(CONTROL_C);
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(1), "{screen}");
    assert!(screen.contains("the walk continues in the background"), "{screen}");
    assert!(screen.contains("connections show shop"), "{screen}");
}
