//! The header of an export: the meaning of each column, and the statement of the rows.

use crate::parser::Options;
use crate::reason::Unusable;

/// The content of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// The id of the profile at Segment, or the name of the trait.
    Key,
    /// The value of the trait.
    Value,
    ExternalIds,
    User,
    Email,
    Anonymous,
    /// A trait that was chosen for the export: its name as written, and folded for comparison.
    Trait {
        name: String,
        folded: String,
    },
    /// A column that is ignored: it has no name, or repeats the trait that each row states.
    Nothing,
}

/// The statement of each row, in addition to its trait columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stated {
    /// The person is a member of this audience.
    Audience(String),
    /// This trait has the value of the column `value`.
    Trait(String),
    /// The trait in the column `key` has the value of the column `value`.
    TraitOfKey,
}

/// A parsed header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) columns: Vec<Column>,
    pub(crate) stated: Stated,
    /// Distinguishes equal rows of different files.
    pub(crate) seed: Vec<u8>,
}

impl Layout {
    /// Parses a header. `has_one_key` takes the column `key`, and says whether the next rows have the same text in it. If it returns
    /// `None`, more rows are needed, and this returns `Ok(None)`.
    pub(crate) fn of(
        header: &[&str],
        options: &Options,
        has_one_key: impl FnOnce(usize) -> Option<bool>,
    ) -> Result<Option<Self>, Unusable> {
        let columns: Vec<Column> = header.iter().map(|name| column(name)).collect();
        let identifies = [Column::ExternalIds, Column::User, Column::Email, Column::Anonymous];
        if !columns.iter().any(|column| identifies.contains(column)) {
            return Err(Unusable::NotAnExport);
        }
        let Some(stated) = stated(&columns, options, has_one_key)? else { return Ok(None) };
        let seed = format!("{stated:?} {header:?}").into_bytes();
        let stated_key = match &stated {
            Stated::Audience(name) | Stated::Trait(name) => Some(segment::fold_key(name)),
            Stated::TraitOfKey => None,
        };
        let without_stated = |column| match column {
            Column::Trait { folded, .. } if Some(&folded) == stated_key.as_ref() => Column::Nothing,
            column => column,
        };
        let columns = columns.into_iter().map(without_stated).collect();
        Ok(Some(Self { columns, stated, seed }))
    }
}

fn stated(
    columns: &[Column],
    options: &Options,
    has_one_key: impl FnOnce(usize) -> Option<bool>,
) -> Result<Option<Stated>, Unusable> {
    let is_trait = columns.contains(&Column::Value);
    match (&options.audience, &options.trait_name) {
        (Some(_), _) if is_trait => Err(Unusable::NotAnAudience),
        (Some(audience), _) => Ok(Some(Stated::Audience(audience.clone()))),
        (None, Some(name)) if is_trait => Ok(Some(Stated::Trait(name.clone()))),
        (None, Some(_)) => Err(Unusable::NotATrait),
        (None, None) if !is_trait => Err(Unusable::AudienceMissing),
        (None, None) => {
            let key = columns.iter().position(|column| *column == Column::Key);
            match key.map_or(Some(false), has_one_key) {
                Some(true) => Ok(Some(Stated::TraitOfKey)),
                Some(false) => Err(Unusable::TraitMissing),
                None => Ok(None),
            }
        }
    }
}

/// If an identifier has several columns, their names end with a number, like `email_1`.
fn column(name: &str) -> Column {
    let folded = segment::fold_key(name);
    match folded.as_str() {
        "key" => return Column::Key,
        "value" => return Column::Value,
        "externalids" => return Column::ExternalIds,
        "" => return Column::Nothing,
        _ => {}
    }
    match folded.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "userid" => Column::User,
        "email" => Column::Email,
        "anonymousid" => Column::Anonymous,
        _ => Column::Trait { name: name.trim().to_owned(), folded },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(header: &[&str], audience: Option<&str>, name: Option<&str>) -> Result<Stated, Unusable> {
        let owned = |name: Option<&str>| name.map(str::to_owned);
        let options = Options { audience: owned(audience), trait_name: owned(name), ..Options::default() };
        Layout::of(header, &options, |_| Some(false)).map(|layout| layout.unwrap().stated)
    }

    #[test]
    fn columns_are_known_in_every_spelling() {
        assert_eq!(column("External IDs"), Column::ExternalIds);
        assert_eq!(column("email_12"), Column::Email);
        assert_eq!(column("userId"), Column::User);
        let of_trait =
            |name: &str, folded: &str| Column::Trait { name: name.to_owned(), folded: folded.to_owned() };
        assert_eq!(column(" Favorite color "), of_trait("Favorite color", "favoritecolor"));
        assert_eq!(column("emailed"), of_trait("emailed", "emailed"));
        assert_eq!(column(" "), Column::Nothing);
    }

    #[test]
    fn an_export_has_to_match_its_options() {
        let (audience, of_trait) = (["key", "external_ids"], ["key", "value", "external_ids"]);
        assert_eq!(layout(&audience, Some("vip"), None), Ok(Stated::Audience("vip".to_owned())));
        assert_eq!(layout(&audience, None, None), Err(Unusable::AudienceMissing));
        assert_eq!(layout(&audience, None, Some("plan")), Err(Unusable::NotATrait));
        assert_eq!(layout(&of_trait, None, Some("plan")), Ok(Stated::Trait("plan".to_owned())));
        assert_eq!(layout(&of_trait, None, None), Err(Unusable::TraitMissing));
        assert_eq!(layout(&of_trait, Some("vip"), None), Err(Unusable::NotAnAudience));
        assert_eq!(layout(&["a", "b"], Some("vip"), None), Err(Unusable::NotAnExport));
        let header = Layout::of(&of_trait, &Options::default(), |column| Some(column == 0));
        assert_eq!(header.map(|layout| layout.unwrap().stated), Ok(Stated::TraitOfKey));
        assert_eq!(Layout::of(&of_trait, &Options::default(), |_| None), Ok(None), "more rows are needed");
    }
}
