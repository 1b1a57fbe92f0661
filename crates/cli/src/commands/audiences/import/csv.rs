//! Lines of CSV that a spreadsheet opens without harm. Source of the form: RFC 4180.

use std::borrow::Cow;

use super::people::Importable;
use service::output::csv_row;

/// The required columns, then the recommended ones.
const COLUMNS: [&str; 10] = [
    "First Name",
    "Last Name",
    "Email",
    "Offer ID",
    "Password",
    "PayPal Email",
    "Coupon",
    "Country",
    "State",
    "Dashboard Enabled",
];

/// The header row.
pub(super) fn header() -> String {
    joined(COLUMNS)
}

/// The row of one person. Coupons are not known here.
pub(super) fn row(person: &Importable, offer: &str, password: &str) -> String {
    let field = |name: &str| person.fields.get(name).map_or("", |text| text.as_str());
    joined([
        field("first_name"),
        field("last_name"),
        &person.email,
        offer,
        password,
        field("paypal_email"),
        "",
        field("country"),
        field("state"),
        "TRUE",
    ])
}

/// Whether a spreadsheet may take a text for a formula. A sign alone is none: `-` is the last name of a person who has one name.
/// Source: OWASP, "CSV Injection".
pub(super) fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
        && text.chars().nth(1).is_some()
}

fn joined(cells: [&str; 10]) -> String {
    let cells = cells.map(harmless);
    csv_row(cells.each_ref().map(AsRef::as_ref))
}

/// Puts an apostrophe before a text that may be taken for a formula: spreadsheets then show the text itself.
fn harmless(text: &str) -> Cow<'_, str> {
    if is_formula(text) { format!("'{text}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use identity::{Map, Text};

    use service::output::quoted;

    use super::*;

    #[test]
    fn a_row_has_the_columns_of_the_header() {
        let fields = [("first_name", "=cmd|'/C calc'!A0"), ("last_name", "O\"Neil, Jr."), ("state", "CA")];
        let fields: Map<Text, Text> =
            fields.map(|(name, text)| (name.into(), text.into())).into_iter().collect();
        let person = Importable { email: "ann@example.org".to_owned(), fields };
        assert_eq!(header().split(',').count(), 10);
        let expected = "'=cmd|'/C calc'!A0,\"O\"\"Neil, Jr.\",ann@example.org,7,Aa1!,,,,CA,TRUE";
        assert_eq!(row(&person, "7", "Aa1!"), expected);
    }

    #[test]
    fn cells_that_begin_like_a_formula_are_escaped() {
        for text in ["=1", "+1", "-1", "@x", "\tx", "\rx"] {
            assert!(quoted(&harmless(text)).trim_start_matches('"').starts_with('\''), "{text:?}");
        }
        assert_eq!(quoted(&harmless("Anne-Marie")), "Anne-Marie");
        assert_eq!(harmless("-"), "-", "the last name of a person who has one name");
    }
}
