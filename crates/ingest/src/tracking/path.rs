//! The paths of the Tracking API.

use segment::tracking::Call;

/// The content and the senders of the requests to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) call: Call,
    /// Whether web pages post to it: they have the write key only, and need answers that the browser lets them read.
    pub(crate) is_for_browsers: bool,
}

/// Every path below `/v1/`: the long ones are for servers and apps, the short ones for browsers. `import` is the former
/// name of `batch`; Java, Android, .NET and Ruby still use it.
const PATHS: [(&str, Call, bool); 15] = [
    ("identify", Call::Single("identify"), false),
    ("track", Call::Single("track"), false),
    ("page", Call::Single("page"), false),
    ("screen", Call::Single("screen"), false),
    ("group", Call::Single("group"), false),
    ("alias", Call::Single("alias"), false),
    ("batch", Call::Batch, false),
    ("import", Call::Batch, false),
    ("i", Call::Single("identify"), true),
    ("t", Call::Single("track"), true),
    ("p", Call::Single("page"), true),
    ("s", Call::Single("screen"), true),
    ("g", Call::Single("group"), true),
    ("a", Call::Single("alias"), true),
    ("b", Call::Batch, true),
];

impl Route {
    /// The route of a path; `None` if it is none of this API.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let name = path.trim_end_matches('/').strip_prefix("/v1/")?;
        let (_, call, is_for_browsers) = PATHS.into_iter().find(|(known, ..)| *known == name)?;
        Some(Self { call, is_for_browsers })
    }
}

/// Whether a path is below `/v1/`, so that its answers have the form of this API, whether or not it is a route.
pub(crate) fn is_below(path: &str) -> bool {
    path.starts_with("/v1/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_paths_of_the_api_are_routes() {
        assert_eq!(Route::of("/v1/import/"), Some(Route { call: Call::Batch, is_for_browsers: false }));
        assert_eq!(Route::of("/v1/s"), Some(Route { call: Call::Single("screen"), is_for_browsers: true }));
        for path in ["", "/", "/v1", "/v1/", "/v1/x", "/v2/i", "/V1/i", "/v1/i/i", "v1/i", "/segment"] {
            assert_eq!(Route::of(path), None, "{path}");
        }
    }
}
