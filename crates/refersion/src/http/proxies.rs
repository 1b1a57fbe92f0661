//! The proxies between this process and Refersion: which address is reached through which proxy.
//!
//! It is a pure description. The caller decides where it comes from: a setting, or the variables of the environment.

use std::fmt;
use std::net::IpAddr;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{NoProxy, Proxy, Url};

use crate::Secret;

/// Addresses of this machine, in the form of `NO_PROXY`. The name `localhost` includes its subdomains.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// The expansion of `*`, which reqwest compares with names only.
const EVERYTHING: &str = "*,0.0.0.0/0,::/0";

/// The URL of an HTTP proxy, which may have credentials. `Display` and `Debug` show none.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    url: Secret,
    /// Scheme, host and port.
    shown: String,
}

impl ProxyUrl {
    /// Reads `http://USER:PASSWORD@HOST:PORT` or `https://…`, where user, password and port are optional. As in the
    /// environment, the scheme may be missing, which means `http`. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&text).ok()?;
        let has_path = !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some();
        if !matches!(url.scheme(), "http" | "https") || has_path {
            return None;
        }
        let port = url.port_or_known_default()?;
        let shown = format!("{}://{}:{port}", url.scheme(), url.host_str()?);
        Some(Self { url: Secret::new(url), shown })
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyUrl({})", self.shown)
    }
}

/// Which proxy each address is reached through. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// The proxy for addresses with `http://`. It forwards the requests.
    pub http: Option<ProxyUrl>,
    /// The proxy for addresses with `https://`. It opens a tunnel with `CONNECT`.
    pub https: Option<ProxyUrl>,
    /// The addresses that are reached without a proxy, in the form of the variable `NO_PROXY`: hosts, domains with their
    /// subdomains, IP addresses and networks (`10.0.0.0/8`), with commas between; `*` is everything. Ports are not
    /// compared.
    pub except: String,
}

impl Proxies {
    /// One proxy for every address.
    #[must_use]
    pub fn all(proxy: ProxyUrl) -> Self {
        Self { http: Some(proxy.clone()), https: Some(proxy), except: String::new() }
    }

    /// The same, but addresses of this machine are reached directly.
    #[must_use]
    pub fn sparing_loopback(self) -> Self {
        Self { except: format!("{},{LOOPBACK}", self.except), ..self }
    }

    /// The proxy through which `url` is reached; `None` if it is reached directly.
    #[must_use]
    pub fn of(&self, url: &str) -> Option<&ProxyUrl> {
        let target = Url::parse(url).ok()?;
        let is_secure = target.scheme() == "https";
        let proxy = if is_secure { self.https.as_ref()? } else { self.http.as_ref()? };
        // The matcher is the one that reqwest uses, so that both agree.
        let matcher = Matcher::builder().all(proxy.url.expose()).no(self.list()).build();
        matcher.intercept(&target.as_str().parse().ok()?).map(|_| proxy)
    }

    /// The proxies for reqwest.
    pub(super) fn for_reqwest(&self) -> Result<Vec<Proxy>, reqwest::Error> {
        let except = NoProxy::from_string(&self.list());
        let http = self.http.as_ref().map(|proxy| Proxy::http(proxy.url.expose()));
        let https = self.https.as_ref().map(|proxy| Proxy::https(proxy.url.expose()));
        let proxies = [http, https].into_iter().flatten();
        proxies.map(|proxy| Ok(proxy?.no_proxy(except.clone()))).collect()
    }

    /// The exceptions in the form that reqwest reads. Other programs also take spaces between them, `*.` before a domain
    /// and brackets around an address.
    fn list(&self) -> String {
        let entries = self.except.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
        entries.map(plain).collect::<Vec<_>>().join(",")
    }
}

fn plain(entry: &str) -> &str {
    if entry == "*" {
        return EVERYTHING;
    }
    let inner = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(address) = inner.filter(|text| text.parse::<IpAddr>().is_ok()) {
        return address;
    }
    entry.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(entry)
}

#[cfg(test)]
mod tests {
    use super::{Proxies, ProxyUrl};

    fn proxy(text: &str) -> ProxyUrl {
        ProxyUrl::parse(text).unwrap()
    }

    #[test]
    fn a_proxy_is_shown_without_its_credentials() {
        for (text, shown) in [
            ("http://me:pass@proxy:3128", "http://proxy:3128"),
            ("https://me:p%40ss@proxy.example.com/", "https://proxy.example.com:443"),
            ("proxy:3128", "http://proxy:3128"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://me:p@ss@proxy", "http://proxy:80"),
        ] {
            let proxy = proxy(text);
            assert_eq!(proxy.to_string(), shown);
            let debug = format!("{:?}", Proxies::all(proxy));
            assert!(!debug.contains("pass") && !debug.contains("me:"), "{debug}");
        }
    }

    #[test]
    fn an_invalid_proxy_is_refused() {
        for text in
            ["", "http://", "socks5://proxy:1080", "http://proxy/path", "http://proxy?x=1", "ftp://x", "a b"]
        {
            assert_eq!(ProxyUrl::parse(text), None, "{text}");
        }
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let (plain, secure) = (proxy("http://plain:1"), proxy("http://secure:2"));
        let both = Proxies { http: Some(plain.clone()), https: Some(secure.clone()), except: String::new() };
        assert_eq!(both.of("https://api.refersion.com"), Some(&secure));
        assert_eq!(both.of("http://127.0.0.1:4010"), Some(&plain));
        let only_secure = Proxies { http: None, ..both };
        assert_eq!(only_secure.of("http://api.refersion.com"), None);
        assert_eq!(Proxies::default().of("https://api.refersion.com"), None);
    }

    #[test]
    fn exceptions_are_hosts_domains_addresses_and_networks() {
        let through = |except: &str, url: &str| {
            Proxies { except: except.to_owned(), ..Proxies::all(proxy("proxy:3128")) }.of(url).is_some()
        };
        let loopback = Proxies::default().sparing_loopback().except;
        for (except, url) in [
            ("api.refersion.com", "https://api.refersion.com"),
            ("example.org, Refersion.com", "https://api.refersion.com/v2"),
            (".refersion.com", "https://api.refersion.com"),
            ("*.refersion.com", "https://api.refersion.com"),
            ("a.org refersion.com", "https://api.refersion.com"),
            ("10.0.0.0/8", "http://10.2.3.4:4010"),
            ("10.2.3.4", "http://10.2.3.4:4010"),
            ("fd00::/8", "http://[fd00::7]:4010"),
            ("[fd00::7]", "http://[fd00::7]:4010"),
            ("*", "https://api.refersion.com"),
            ("*", "http://10.2.3.4:4010"),
            (loopback.as_str(), "http://localhost:4010"),
            (loopback.as_str(), "http://refersion.localhost"),
            (loopback.as_str(), "http://127.0.0.7:4010"),
            (loopback.as_str(), "http://[::1]:4010"),
        ] {
            assert!(!through(except, url), "{url} is not excepted by {except}");
        }
        for (except, url) in [
            ("", "https://api.refersion.com"),
            ("refersion.com", "https://notrefersion.com"),
            ("10.0.0.0/8", "http://11.2.3.4"),
            (loopback.as_str(), "https://api.refersion.com"),
            (loopback.as_str(), "http://128.0.0.1"),
        ] {
            assert!(through(except, url), "{url} is excepted by {except}");
        }
    }
}
