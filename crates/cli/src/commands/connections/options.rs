//! The options that settings are given by.

use clap::{Args, ValueEnum};
use connections::{NewAffiliateStatus, OneWordName, ScrubDomain, Settings};
use segment::{fold_key, is_custom, is_same_identifier};

use service::failure::Failure;

/// Settings of a connection; what is not given stays as it is.
#[derive(Debug, Default, Args)]
pub(super) struct SettingOptions {
    /// The address of Refersion's API, without /v2
    #[arg(long, value_name = "URL")]
    refersion_url: Option<String>,
    /// Accept http:// to another machine: the keys are sent unencrypted
    #[arg(long)]
    insecure: bool,
    /// Upper limit of calls per second
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    /// Whether a person without a usable part of an address has to wait
    #[arg(long, value_name = "true|false")]
    require_address: Option<bool>,
    /// The status of new affiliates
    #[arg(long, value_enum, ignore_case = true, value_name = "PENDING|ACTIVE")]
    new_affiliate_status: Option<StatusWord>,
    /// A trait and the numeric id of the custom field that takes it; may be repeated
    #[arg(long = "custom-field", value_name = "TRAIT=ID", value_parser = custom_field)]
    custom_fields: Vec<(String, u64)>,
    /// The numeric id of the offer for new affiliates, or `default` for the account's own
    #[arg(long, value_name = "ID")]
    offer: Option<String>,
    /// Whether Refersion sends its welcome mail to new affiliates
    #[arg(long, value_name = "true|false")]
    send_welcome: Option<bool>,
    /// The last name to send for a one-word name; `wait`: create no affiliate until a last name is stated
    #[arg(long, value_name = "TEXT|wait")]
    one_word_name: Option<String>,
    /// A domain that you own: a delete also clears the affiliate's fields and gives it an address in the domain; `off` disables this
    #[arg(long, value_name = "DOMAIN|off")]
    scrub_on_delete: Option<String>,
    /// The trait that holds the PayPal address, or `off` for none
    #[arg(long, value_name = "TRAIT|off")]
    paypal_trait: Option<String>,
    /// How long a delete searches for the affiliate of a create without an answer
    #[arg(long, value_name = "SECONDS")]
    late_creates: Option<u32>,
    /// An identifier that names nobody (a placeholder); may be repeated
    #[arg(long = "block-identifier", value_name = "TEXT")]
    blocked: Vec<String>,
    /// An identifier that was blocked by this option before; may be repeated
    #[arg(long = "unblock-identifier", value_name = "TEXT")]
    unblocked: Vec<String>,
    /// A standard field and the trait that supplies it, like first_name=users.first_name, or `off` for none; may be repeated
    #[arg(long = "map", value_name = "FIELD=TRAIT|off", value_parser = mapped_trait)]
    mapped: Vec<(&'static str, String)>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StatusWord {
    #[value(name = "PENDING")]
    Pending,
    #[value(name = "ACTIVE")]
    Active,
}

impl SettingOptions {
    /// Refuses a new address at which the keys would be sent in clear text to another machine, unless that was asked for.
    pub(super) fn check_url(&self, settings: &Settings, before: Option<&Settings>) -> Result<(), Failure> {
        let is_new = before.is_none_or(|before| before.refersion_url != settings.refersion_url);
        if !is_new || self.insecure || !settings.is_insecure() {
            return Ok(());
        }
        let problem = "the address of Refersion begins with http:// and leads to another machine: the API key would be \
                       sent there in clear text";
        Err(Failure::usage(
            "insecure_url",
            problem,
            "use https://, or pass --insecure if the network is yours",
        ))
    }

    /// Changes the settings that were given.
    pub(super) fn apply(&self, settings: &mut Settings) -> Result<(), Failure> {
        if let Some(url) = &self.refersion_url {
            settings.refersion_url = url.trim().trim_end_matches('/').to_owned();
        }
        // The change may have removed the cause of a suspension.
        settings.end_suspensions(|_| true);
        set(&mut settings.rate_per_second, self.rate);
        set(&mut settings.require_address, self.require_address);
        set(&mut settings.send_welcome, self.send_welcome);
        set(&mut settings.late_creates, self.late_creates);
        let status = self.new_affiliate_status.map(|word| match word {
            StatusWord::Pending => NewAffiliateStatus::Pending,
            StatusWord::Active => NewAffiliateStatus::Active,
        });
        set(&mut settings.new_affiliate_status, status);
        for (name, id) in &self.custom_fields {
            must_be_custom(name)?;
            unmap(settings, name);
            settings.custom_fields.insert(name.clone(), *id);
        }
        set(&mut settings.offer, self.offer.as_deref().map(|text| unless("default", text)));
        let one_word = self.one_word_name.as_deref().map(|text| match text {
            "wait" => OneWordName::Wait,
            text => OneWordName::Placeholder(text.to_owned()),
        });
        set(&mut settings.one_word_name, one_word);
        if let Some(text) = &self.scrub_on_delete {
            settings.scrub_on_delete =
                unless("off", text).map(ScrubDomain::try_from).transpose().map_err(refused)?;
        }
        let paypal_trait = self.paypal_trait.as_deref().filter(|text| *text != "off");
        paypal_trait.map_or(Ok(()), must_be_custom)?;
        set(&mut settings.paypal_trait, self.paypal_trait.as_deref().map(|text| unless("off", text)));
        self.apply_blocked(settings)?;
        for (field, path) in &self.mapped {
            if path == "off" {
                settings.trait_map.remove(*field);
            } else {
                settings.trait_map.insert((*field).to_owned(), path.clone());
            }
        }
        settings.validate().map_err(refused)
    }

    fn apply_blocked(&self, settings: &mut Settings) -> Result<(), Failure> {
        for text in &self.unblocked {
            let before = settings.blocked_identifiers.len();
            settings.blocked_identifiers.retain(|known| !is_same_identifier(known, text));
            if settings.blocked_identifiers.len() == before {
                let message = format!("`{text}` is not blocked by a setting of this connection");
                return Err(Failure::usage(
                    "setting",
                    message,
                    "`connections show NAME` lists those that are",
                ));
            }
        }
        for text in &self.blocked {
            settings.blocked_identifiers.retain(|known| !is_same_identifier(known, text));
            settings.blocked_identifiers.insert(text.trim().to_owned());
        }
        Ok(())
    }
}

/// Takes a trait out of the custom fields, however it was spelt there.
pub(super) fn unmap(settings: &mut Settings, name: &str) -> bool {
    let before = settings.custom_fields.len();
    settings.custom_fields.retain(|known, _| fold_key(known) != fold_key(name));
    settings.custom_fields.len() < before
}

/// Refuses a standard trait: it goes into its own affiliate field and nowhere else, so a mapped one would never be sent.
fn must_be_custom(name: &str) -> Result<(), Failure> {
    if is_custom(name) {
        return Ok(());
    }
    let problem = format!("`{name}` is a standard trait, which has an affiliate field of its own");
    Err(Failure::usage("setting", problem, "send the value in a trait of another name, and map that one"))
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn unless(nothing: &str, text: &str) -> Option<String> {
    (text != nothing).then(|| text.to_owned())
}

fn refused(error: connections::SettingsError) -> Failure {
    Failure::usage("setting", error.to_string(), "`connections set --help` explains every setting")
}

fn custom_field(text: &str) -> Result<(String, u64), &'static str> {
    const WANTED: &str =
        "a custom field is a trait and the field's numeric id with = between, like plan=1234";
    let (name, id) = text.rsplit_once('=').ok_or(WANTED)?;
    let id = id.trim().parse().map_err(|_| WANTED)?;
    if name.trim().is_empty() { Err(WANTED) } else { Ok((name.trim().to_owned(), id)) }
}

fn mapped_trait(text: &str) -> Result<(&'static str, String), String> {
    let fields = || segment::standard_fields().collect::<Vec<_>>().join(", ");
    let (field, path) = text
        .split_once('=')
        .filter(|(_, path)| !path.trim().is_empty())
        .ok_or("a mapping is a field and a trait with = between, like first_name=users.first_name")?;
    let field = segment::standard_field(field)
        .ok_or_else(|| format!("there is no field `{field}`: it is one of {}", fields()))?;
    Ok((field, path.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trait_is_mapped_once_in_any_spelling() {
        let mut settings = Settings::default();
        for spelling in ["Plan Name", "plan_name", "planName"] {
            let fields = vec![(spelling.to_owned(), 7)];
            SettingOptions { custom_fields: fields, ..Default::default() }.apply(&mut settings).unwrap();
        }
        assert_eq!(settings.custom_fields.into_iter().collect::<Vec<_>>(), [("planName".to_owned(), 7)]);
    }

    #[test]
    fn a_standard_trait_cannot_be_mapped_to_a_custom_field() {
        for name in ["company", "First Name", "E-Mail"] {
            let fields = SettingOptions { custom_fields: vec![(name.to_owned(), 7)], ..Default::default() };
            let paypal = SettingOptions { paypal_trait: Some(name.to_owned()), ..Default::default() };
            for options in [fields, paypal] {
                let mut settings = Settings::default();
                assert!(options.apply(&mut settings).is_err(), "{name}");
                assert_eq!(settings, Settings::default());
            }
        }
    }

    #[test]
    fn an_identifier_is_blocked_once_in_any_case_and_can_be_unblocked() {
        let mut settings = Settings::default();
        for text in ["Demo-User", " demo-user"] {
            let options = SettingOptions { blocked: vec![text.to_owned()], ..Default::default() };
            options.apply(&mut settings).unwrap();
        }
        assert_eq!(settings.blocked_identifiers.iter().collect::<Vec<_>>(), ["demo-user"]);
        let options = SettingOptions { unblocked: vec!["DEMO-USER".to_owned()], ..Default::default() };
        options.apply(&mut settings).unwrap();
        assert!(settings.blocked_identifiers.is_empty());
        assert!(options.apply(&mut settings).is_err(), "nothing is left to unblock");
    }

    #[test]
    fn a_trait_is_mapped_to_a_standard_field_in_any_spelling_of_it() {
        assert_eq!(
            mapped_trait("firstName=users.first_name"),
            Ok(("first_name", "users.first_name".to_owned()))
        );
        assert_eq!(mapped_trait("postal_code=plz"), Ok(("zip", "plz".to_owned())));
        for wrong in ["first_name", "first_name=", "plan=x", "=x"] {
            assert!(mapped_trait(wrong).is_err(), "{wrong}");
        }
        let mut settings = Settings::default();
        for path in ["users.first_name", "off"] {
            let options =
                SettingOptions { mapped: vec![("first_name", path.to_owned())], ..Default::default() };
            options.apply(&mut settings).unwrap();
        }
        assert!(settings.trait_map.is_empty());
    }

    #[test]
    fn options_that_are_not_given_leave_settings_unchanged() {
        let mut settings =
            Settings { rate_per_second: 3.0, offer: Some("9".to_owned()), ..Default::default() };
        let options = SettingOptions { require_address: Some(false), ..Default::default() };
        options.apply(&mut settings).unwrap();
        assert_eq!((settings.rate_per_second, settings.offer.as_deref()), (3.0, Some("9")));
        assert!(!settings.require_address);
        let options = SettingOptions { offer: Some("default".to_owned()), ..Default::default() };
        options.apply(&mut settings).unwrap();
        assert_eq!(settings.offer, None);
    }

    #[test]
    fn a_trait_may_have_an_equals_sign_and_an_id_must_be_a_number() {
        assert_eq!(custom_field("a=b=12"), Ok(("a=b".to_owned(), 12)));
        for wrong in ["plan", "=1", "plan=x"] {
            assert!(custom_field(wrong).is_err(), "{wrong}");
        }
    }
}
