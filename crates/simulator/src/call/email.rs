//! What counts as a valid e-mail address.

/// One `@`, something printable before it, a domain with a dot after it. Refersion publishes no rule of its own;
/// this one is loose enough for every address that people have, and catches what is none.
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
    fn addresses_that_people_have_are_valid() {
        for email in ["ann@example.com", "a.b+c@mail.example.co.uk", "o'hara@x-y.org", "é@exämple.fr"] {
            assert!(is_valid(email), "{email}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let none = [
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
        for email in none {
            assert!(!is_valid(email), "{email}");
        }
    }
}
