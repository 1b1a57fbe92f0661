//! The proxy for calls to Refersion: from the environment, none, or a URL.

use std::ffi::OsString;

use refersion::{Proxies, ProxyUrl};

use super::error::ConfigError;
use super::settings::{Origin, Raw};
use super::value::Setting;

/// The variable with the proxy for addresses with `https://`; also in lower case.
const HTTPS_PROXY: &str = "HTTPS_PROXY";
/// The variable with the proxy for addresses with `http://`; also in lower case.
const HTTP_PROXY: &str = "HTTP_PROXY";
/// The variable with the hosts that are reached without a proxy; also in lower case.
const NO_PROXY: &str = "NO_PROXY";

/// The proxy that calls to Refersion take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// The proxies of the environment. Addresses of this machine are reached directly.
    Environment(Proxies),
    /// No proxy, whatever the environment says.
    Direct,
    /// This proxy for every address, whatever the environment says.
    Fixed(Proxies),
}

impl Setting for Proxy {
    const WANTED: &'static str = "env, none, or the URL of an HTTP proxy like http://USER:PASSWORD@HOST:PORT";

    fn read(raw: &Raw) -> Option<Self> {
        match raw.as_text()?.trim() {
            "env" => Some(Self::Environment(Proxies::default())),
            "none" => Some(Self::Direct),
            // Without a scheme it is more likely a misspelt word than a host.
            text if text.contains("://") => Some(Self::Fixed(Proxies::all(ProxyUrl::parse(text)?))),
            _ => None,
        }
    }
}

impl Proxy {
    /// The same with the proxies of these variables, if the setting asks for them.
    pub(super) fn with(self, variables: &[(OsString, OsString)]) -> Result<Self, ConfigError> {
        if !matches!(self, Self::Environment(_)) {
            return Ok(self);
        }
        let except = variable(variables, NO_PROXY).map_or_else(String::new, |(_, value)| value);
        let (http, https) = (proxy(variables, HTTP_PROXY)?, proxy(variables, HTTPS_PROXY)?);
        Ok(Self::Environment(Proxies { http, https, except }.sparing_loopback()))
    }

    /// The setting of the client.
    #[must_use]
    pub fn proxies(&self) -> Proxies {
        match self {
            Self::Environment(proxies) | Self::Fixed(proxies) => proxies.clone(),
            Self::Direct => Proxies::default(),
        }
    }

    /// How `url` is reached and why, for operators.
    #[must_use]
    pub fn in_words(&self, url: &str) -> String {
        let proxies = self.proxies();
        match (self, proxies.of(url)) {
            (Self::Direct, _) => "directly (refersion.proxy is none)".to_owned(),
            (Self::Fixed(_), Some(proxy)) => format!("through the proxy {proxy} (refersion.proxy)"),
            (Self::Environment(_), Some(proxy)) => {
                format!("through the proxy {proxy} (from the environment; refersion.proxy is env)")
            }
            (_, None) => "directly (the environment names no proxy for it)".to_owned(),
        }
    }
}

/// A variable that is not empty: in upper case, or else in lower case.
fn variable(variables: &[(OsString, OsString)], name: &str) -> Option<(String, String)> {
    [name.to_owned(), name.to_lowercase()].into_iter().find_map(|name| {
        let (_, value) = variables.iter().find(|(set, _)| *set == *name)?;
        let value = value.to_string_lossy().trim().to_owned();
        (!value.is_empty()).then_some((name, value))
    })
}

fn proxy(variables: &[(OsString, OsString)], name: &str) -> Result<Option<ProxyUrl>, ConfigError> {
    let Some((name, value)) = variable(variables, name) else { return Ok(None) };
    match ProxyUrl::parse(&value) {
        Some(proxy) => Ok(Some(proxy)),
        None => Err(ConfigError::WrongValue {
            got: format!("\"{}\"", super::mask(&value)),
            wanted: "the URL of an HTTP proxy, unless refersion.proxy is none",
            origin: Origin::Variable(name.clone()),
            key: name,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Loaded, load};

    const API: &str = "https://api.refersion.com";

    fn loaded(pairs: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
        load(None, pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
    }

    /// How an address is reached with these variables.
    fn way(pairs: &[(&str, &str)], url: &str) -> Option<String> {
        loaded(pairs).unwrap().config.refersion.proxy.proxies().of(url).map(ToString::to_string)
    }

    const SETTING: &str = "REFERSION_DESTINATION__REFERSION__PROXY";

    #[test]
    fn the_environment_counts_by_default_in_either_case() {
        let secure = Some("http://proxy:3128".to_owned());
        for name in ["HTTPS_PROXY", "https_proxy"] {
            assert_eq!(way(&[(name, "http://me:pass@proxy:3128")], API), secure, "{name}");
            assert_eq!(
                way(&[(name, "http://proxy:3128")], "http://refersion.test"),
                None,
                "{name} is for https"
            );
        }
        assert_eq!(way(&[("HTTPS_PROXY", ""), ("https_proxy", "proxy:3128")], API), secure);
        assert_eq!(way(&[("http_proxy", "proxy:3128")], "http://refersion.test"), secure);
        assert_eq!(way(&[("HTTP_PROXY", "proxy:3128")], API), None);
        for name in ["NO_PROXY", "no_proxy"] {
            let pairs = [("HTTPS_PROXY", "proxy:3128"), (name, "example.org,.refersion.com")];
            assert_eq!(way(&pairs, API), None, "{name}");
            assert_eq!(way(&pairs, "https://refersion.test"), secure, "{name}");
        }
    }

    #[test]
    fn local_addresses_are_reached_through_a_proxy_only_if_the_setting_names_one() {
        let environment = [("HTTP_PROXY", "proxy:3128"), ("HTTPS_PROXY", "proxy:3128")];
        for url in ["http://127.0.0.1:4010", "https://localhost:4010", "http://[::1]:4010"] {
            assert_eq!(way(&environment, url), None, "{url}");
            let fixed = [(SETTING, "https://me:pass@proxy:3128"), ("NO_PROXY", "*")];
            assert_eq!(way(&fixed, url).as_deref(), Some("https://proxy:3128"), "{url}");
        }
    }

    #[test]
    fn the_setting_none_overrides_the_environment() {
        assert_eq!(way(&[(SETTING, "none"), ("HTTPS_PROXY", "socks5://proxy")], API), None);
    }

    #[test]
    fn an_invalid_proxy_is_refused_by_name_and_without_its_password() {
        for name in ["https_proxy", SETTING] {
            let error = loaded(&[(name, "socks5://me:pass@proxy:1080")]).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("socks5://[hidden]@proxy:1080"), "{error}");
        }
        for value in ["", "environment", "proxy:3128", "http://"] {
            let error = loaded(&[(SETTING, value)]).unwrap_err().to_string();
            assert!(error.starts_with("refersion.proxy is") && error.contains("env, none"), "{error}");
        }
    }

    #[test]
    fn the_password_is_shown_nowhere() {
        let loaded = loaded(&[(SETTING, "http://me:pass@proxy:3128")]).unwrap();
        let shown = serde_json::to_string(&loaded.settings.shown()).unwrap();
        assert!(shown.contains("http://[hidden]@proxy:3128"), "{shown}");
        let words = loaded.config.refersion.proxy.in_words(API);
        for text in [shown, format!("{loaded:?}"), words] {
            assert!(!text.contains("pass"), "{text}");
        }
    }
}
