//! The closed list of countries that `new` and `edit` accept.

/// Two upper-case letters each, 90 in all; many ISO codes are missing, and `UK` is not among them.
/// Source: Refersion REST v2, `/affiliate/new` and `/affiliate/edit`, `country`.
const COUNTRIES: [&str; 90] = [
    "US", "AE", "AR", "AS", "AT", "AU", "BA", "BD", "BE", "BG", "BR", "CA", "CH", "CL", "CN", "CO", "CR",
    "CZ", "DE", "DK", "DZ", "EE", "ES", "FI", "FM", "FO", "FR", "GB", "GH", "GR", "GU", "HK", "HN", "HR",
    "HU", "ID", "IE", "IL", "IM", "IN", "IS", "IT", "JM", "JP", "KR", "KW", "LT", "LU", "LV", "MA", "MH",
    "MK", "MP", "MT", "MX", "MY", "NG", "NL", "NO", "NZ", "OM", "PE", "PH", "PK", "PL", "PR", "PT", "PW",
    "QA", "RO", "RS", "RU", "SA", "SE", "SG", "SI", "SK", "SV", "TH", "TN", "TR", "TW", "TZ", "UA", "UY",
    "VG", "VI", "VN", "WS", "ZA",
];

pub(crate) fn is_country(code: &str) -> bool {
    COUNTRIES.contains(&code)
}
