//! The rules of HTTP/1.1 for the `Host` header.

use hyper::Version;
use hyper::header::{HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;

/// Why a request has to be answered 400. Source: <https://www.rfc-editor.org/rfc/rfc9112#section-3.2>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// An HTTP/1.1 request without it.
    #[error("the Host header is missing: HTTP/1.1 requires it")]
    Missing,
    /// Two of them, of which two readers may choose different ones.
    #[error("there is more than one Host header: send one")]
    Repeated,
    /// A value that is no host.
    #[error("the Host header is malformed: send a host, with a port if it has one")]
    Malformed,
}

/// Checks the `Host` header of a request. HTTP/1.0 does not require one.
///
/// # Errors
///
/// [`HostError`]: the request has to be answered 400.
pub fn check_host(head: &Parts) -> Result<(), HostError> {
    let mut values = head.headers.get_all(HOST).iter();
    match (values.next(), values.next()) {
        (None, _) if head.version < Version::HTTP_11 => Ok(()),
        (None, _) => Err(HostError::Missing),
        (Some(_), Some(_)) => Err(HostError::Repeated),
        (Some(value), None) => check(value),
    }
}

/// An empty value is valid if the target of the request has no host.
fn check(value: &HeaderValue) -> Result<(), HostError> {
    let is_host = |text: &str| !text.contains('@') && text.parse::<Authority>().is_ok();
    let text = value.to_str().map_err(|_| HostError::Malformed)?;
    if text.is_empty() || is_host(text) { Ok(()) } else { Err(HostError::Malformed) }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn checked(version: Version, hosts: &[&str]) -> Result<(), HostError> {
        let mut request = Request::builder().version(version);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        check_host(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn http_1_1_requires_exactly_one_host() {
        for host in ["example.com", "example.com:8080", "[::1]:80", "127.0.0.1", ""] {
            assert_eq!(checked(Version::HTTP_11, &[host]), Ok(()), "{host:?}");
        }
        assert_eq!(checked(Version::HTTP_11, &[]), Err(HostError::Missing));
        assert_eq!(checked(Version::HTTP_11, &["a", "a"]), Err(HostError::Repeated));
        for host in ["a b", "user@host", "http://host", "a/b"] {
            assert_eq!(checked(Version::HTTP_11, &[host]), Err(HostError::Malformed), "{host}");
        }
    }

    #[test]
    fn http_1_0_requires_none_and_takes_no_two() {
        assert_eq!(checked(Version::HTTP_10, &[]), Ok(()));
        assert_eq!(checked(Version::HTTP_10, &["a", "b"]), Err(HostError::Repeated));
    }
}
