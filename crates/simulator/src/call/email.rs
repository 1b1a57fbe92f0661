//! Validation of email addresses.

/// Whether an address is valid: one `@`, a printable local part, and a domain with a dot. Assumed: Refersion
/// documents no rule; this one accepts every common address.
pub(crate) fn is_valid(email: &str) -> bool {
    let Some((local, domain)) = email.split_once('@') else { return false };
    is_local_part(local) && is_domain(domain)
}

fn is_local_part(local: &str) -> bool {
    !local.is_empty()
        && !local.starts_with('.')
        && !local.ends_with('.')
        && local.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"()<>,;:\\\"[]".contains(c))
}

fn is_domain(domain: &str) -> bool {
    domain.contains('.') && domain.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c.is_alphanumeric() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn common_addresses_are_valid() {
        for email in ["ann@example.com", "a.b+c@mail.example.co.uk", "o'hara@x-y.org", "é@exämple.fr"] {
            assert!(is_valid(email), "{email}");
        }
    }

    #[test]
    fn other_texts_are_invalid() {
        let invalid = [
            "",
            "ann",
            "ann@",
            "@x.com",
            "ann@x",
            "a@b@x.com",
            "an n@x.com",
            "ann@x..com",
            "ann@-x.com",
            ".a@x.com",
        ];
        for email in invalid {
            assert!(!is_valid(email), "{email}");
        }
    }
}
