//! One request on a connection of its own: all that a test needs of HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context as _;

/// How long the other side may be silent.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A page, which must be there.
pub(crate) fn get(address: &str, path: &str) -> anyhow::Result<String> {
    let (status, body) = ask(address, &format!("GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n"))?;
    anyhow::ensure!(status == 200, "{address}{path} answered {status}");
    Ok(body)
}

/// Posts JSON with these credentials. Returns the status and the body of the answer.
pub(crate) fn post(address: &str, path: &str, basic: &str, json: &str) -> anyhow::Result<(u16, String)> {
    let head = format!("POST {path} HTTP/1.0\r\nhost: {address}\r\nauthorization: Basic {basic}\r\n");
    let length = json.len();
    ask(address, &format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{json}"))
}

fn ask(address: &str, request: &str) -> anyhow::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).with_context(|| format!("nothing listens on {address}"))?;
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of its headers")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.context("the answer has no status")?, body.to_owned()))
}
