//! The rules for the password of a new affiliate. The password is checked and not kept.

const MIN_CHARS: usize = 9;
const MAX_CHARS: usize = 72;
const MAX_RUN: usize = 3;

/// The errors of a password, in the words of Refersion REST v2, `/affiliate/new`, 422.
pub(crate) fn errors(password: &str, email: &str) -> Vec<String> {
    let length = password.chars().count();
    let mut errors = Vec::new();
    if length < MIN_CHARS {
        errors.push(format!(
            "The password should be at least {MIN_CHARS} characters long. Current password length is {length} characters"
        ));
    }
    if length > MAX_CHARS {
        errors.push(format!(
            "The password should not be longer than {MAX_CHARS} characters. Current password length is {length} characters"
        ));
    }
    if !has_every_class(password) {
        errors.push(
            "The password should have at least 1 number, 1 uppercase letter, 1 lowercase letter and 1 symbol.".into(),
        );
    }
    if password.eq_ignore_ascii_case(email) {
        errors.push("The password can't be the same as the e-mail".into());
    }
    if longest_run(password) > MAX_RUN {
        errors.push(format!(
            "The password can't have the same character repeated more than {MAX_RUN} times in a row"
        ));
    }
    errors
}

fn has_every_class(password: &str) -> bool {
    let any = |class: fn(char) -> bool| password.chars().any(class);
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
    fn errors(password: &str) -> String {
        super::errors(password, "Ann1@x.com").join("; ")
    }

    #[test]
    fn a_password_within_the_rules_passes() {
        assert_eq!(errors("Abcdef1!x"), "");
        assert_eq!(errors(&"aB3$".repeat(18)), "");
    }

    #[test]
    fn each_broken_rule_is_named() {
        assert!(
            errors("Abcde1!x")
                .contains("at least 9 characters long. Current password length is 8 characters")
        );
        assert!(errors(&"aB3$x".repeat(15)).contains("not be longer than 72 characters"));
        assert!(errors("abcdefg1!").contains("1 uppercase letter"));
        assert!(errors("Abcdefg12").contains("1 symbol"));
        assert!(errors("Ann1@x.com").contains("same as the e-mail"));
        assert!(errors("Abbbb1!xyz").contains("more than 3 times in a row"));
        assert_eq!(errors("Abbb1!xyz"), "");
    }

    #[test]
    fn the_sample_of_the_documentation_is_refused() {
        assert!(!errors("testing").is_empty());
    }
}
