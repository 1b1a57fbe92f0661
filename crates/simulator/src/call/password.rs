//! The rules for a password of a new affiliate. The password itself is checked and forgotten.

const SHORTEST: usize = 9;
const LONGEST: usize = 72;
const LONGEST_RUN: usize = 3;

/// Every rule that the password breaks, in the words of Refersion REST v2, `/affiliate/new`, 422.
pub(crate) fn complaints(password: &str, email: &str) -> Vec<String> {
    let length = password.chars().count();
    let mut complaints = Vec::new();
    if length < SHORTEST {
        complaints.push(format!(
            "The password should be at least {SHORTEST} characters long. Current password length is {length} characters"
        ));
    }
    if length > LONGEST {
        complaints.push(format!(
            "The password should not be longer than {LONGEST} characters. Current password length is {length} characters"
        ));
    }
    if !has_every_kind(password) {
        complaints.push(
            "The password should have at least 1 number, 1 uppercase letter, 1 lowercase letter and 1 symbol.".into(),
        );
    }
    if password.eq_ignore_ascii_case(email) {
        complaints.push("The password can't be the same as the e-mail".into());
    }
    if longest_run(password) > LONGEST_RUN {
        complaints.push(format!(
            "The password can't have the same character repeated more than {LONGEST_RUN} times in a row"
        ));
    }
    complaints
}

fn has_every_kind(password: &str) -> bool {
    let any = |kind: fn(char) -> bool| password.chars().any(kind);
    any(|c| c.is_ascii_digit())
        && any(char::is_uppercase)
        && any(char::is_lowercase)
        && any(|c| !c.is_alphanumeric() && !c.is_whitespace())
}

fn longest_run(password: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    let mut before = None;
    for character in password.chars() {
        run = if before == Some(character) { run + 1 } else { 1 };
        longest = longest.max(run);
        before = Some(character);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::complaints;

    fn complaint(password: &str) -> String {
        complaints(password, "Ann1@x.com").join("; ")
    }

    #[test]
    fn a_password_within_the_rules_passes() {
        assert_eq!(complaint("Abcdef1!x"), "");
        assert_eq!(complaint(&"aB3$".repeat(18)), "");
    }

    #[test]
    fn each_broken_rule_is_named() {
        assert!(
            complaint("Abcde1!x")
                .contains("at least 9 characters long. Current password length is 8 characters")
        );
        assert!(complaint(&"aB3$x".repeat(15)).contains("not be longer than 72 characters"));
        assert!(complaint("abcdefg1!").contains("1 uppercase letter"));
        assert!(complaint("Abcdefg12").contains("1 symbol"));
        assert!(complaint("Ann1@x.com").contains("same as the e-mail"));
        assert!(complaint("Abbbb1!xyz").contains("more than 3 times in a row"));
        assert_eq!(complaint("Abbb1!xyz"), "");
    }

    #[test]
    fn the_sample_of_the_documentation_breaks_the_rules() {
        assert!(!complaint("testing").is_empty());
    }
}
