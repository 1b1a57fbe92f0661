//! An HTTP proxy: it opens tunnels (`CONNECT`) and forwards plain requests, refuses them, or hangs up.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use parking_lot::Mutex;

/// Maximum length of the head of a request.
const MAX_HEAD: usize = 16 * 1024;

/// The treatment of every request.
#[derive(Clone, Debug)]
pub enum ProxyBehavior {
    /// Carries it to this address, whatever host the request names.
    Forward(SocketAddr),
    /// The same, if it has this `Proxy-Authorization`; otherwise answers 407.
    ForwardWithCredentials(SocketAddr, &'static str),
    /// Answers with this status line, like `502 Bad Gateway`.
    Refuse(&'static str),
    /// Closes the connection without an answer.
    Close,
}

/// A proxy on a free port of the loopback. It ends when this is dropped.
pub struct HttpProxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    stopped: Arc<AtomicBool>,
}

impl HttpProxy {
    /// Starts a proxy.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub fn start(behavior: ProxyBehavior) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (heads, stopped) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let (seen, ended) = (Arc::clone(&heads), Arc::clone(&stopped));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (behavior, seen) = (behavior.clone(), Arc::clone(&seen));
                // A side that hangs up ends its connection only.
                thread::spawn(move || stream.and_then(|stream| serve(stream, &behavior, &seen)));
            }
        });
        Ok(Self { address, heads, stopped })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The heads of the requests so far, in lower case.
    #[must_use]
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().clone()
    }
}

impl Drop for HttpProxy {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        drop(TcpStream::connect(self.address));
    }
}

/// Serves one connection. A plain request decides for all that follow on it.
fn serve(mut near: TcpStream, behavior: &ProxyBehavior, heads: &Mutex<Vec<String>>) -> io::Result<()> {
    let (received, length) = read_head(&mut near)?;
    let head = String::from_utf8_lossy(&received[..length]).to_lowercase();
    heads.lock().push(head.clone());
    let refuse = |mut near: TcpStream, status: &str| {
        write!(near, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    };
    match behavior {
        ProxyBehavior::Close => Ok(()),
        ProxyBehavior::Refuse(status) => refuse(near, status),
        ProxyBehavior::ForwardWithCredentials(_, authorization)
            if !head.contains(&format!("proxy-authorization: {}\r\n", authorization.to_lowercase())) =>
        {
            refuse(near, "407 Proxy Authentication Required")
        }
        ProxyBehavior::Forward(target) | ProxyBehavior::ForwardWithCredentials(target, _) => {
            let mut far = TcpStream::connect(target)?;
            if head.starts_with("connect ") {
                near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
                far.write_all(&received[length..])?;
            } else {
                far.write_all(&received)?;
            }
            forward(near, far)
        }
    }
}

/// The received bytes, and the length of the head in them.
fn read_head(stream: &mut TcpStream) -> io::Result<(Vec<u8>, usize)> {
    let mut received = Vec::new();
    loop {
        if let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            return Ok((received, end + 4));
        }
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes)?;
        if count == 0 || received.len() > MAX_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        received.extend_from_slice(&bytes[..count]);
    }
}

fn forward(near: TcpStream, far: TcpStream) -> io::Result<()> {
    let (near_reader, far_writer) = (near.try_clone()?, far.try_clone()?);
    let there = thread::spawn(move || copy_stream(near_reader, far_writer));
    let back = copy_stream(far, near);
    drop(there.join());
    back
}

fn copy_stream(mut from: TcpStream, mut to: TcpStream) -> io::Result<()> {
    io::copy(&mut from, &mut to)?;
    to.shutdown(Shutdown::Write)
}
