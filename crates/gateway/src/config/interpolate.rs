//! `${NAME}`, `${NAME:-default}` and `$${` in one string.

use std::ffi::OsString;

/// Where variables come from.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Why a string has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// What begins with `${` is none of the forms.
    Form,
    /// The variable is not set, and has no default.
    Missing(String),
    /// The variable's value is no text.
    Encoding(String),
    /// All values together are too long.
    TooLong,
}

/// What a string comes to, and whether a variable has a part in it. No more than `room` bytes.
pub(super) fn interpolate(
    text: &str,
    variables: Variables<'_>,
    room: usize,
) -> Result<(String, bool), Problem> {
    let mut rest = text;
    let (mut value, mut asked) = (String::new(), false);
    while let Some((before, after)) = rest.split_once("${") {
        match before.strip_suffix('$') {
            Some(before) => {
                value.push_str(before);
                value.push_str("${");
                rest = after;
            }
            None => {
                let (reference, after) = after.split_once('}').ok_or(Problem::Form)?;
                value.push_str(before);
                value.push_str(&read(reference, variables)?);
                (asked, rest) = (true, after);
            }
        }
        if value.len() > room {
            return Err(Problem::TooLong);
        }
    }
    value.push_str(rest);
    match value.len() > room {
        true => Err(Problem::TooLong),
        false => Ok((value, asked)),
    }
}

/// The value of what stands between the braces. As in shells, a variable that is empty has its
/// default.
fn read(reference: &str, variables: Variables<'_>) -> Result<String, Problem> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    if !is_name(name) || default.is_some_and(|default| default.contains("${")) {
        return Err(Problem::Form);
    }
    let value = variables(name).filter(|value| default.is_none() || !value.is_empty());
    match (value, default) {
        (Some(value), _) => value
            .into_string()
            .map_err(|_| Problem::Encoding(name.to_owned())),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(Problem::Missing(name.to_owned())),
    }
}

/// POSIX.1-2024, section 3.216: what a variable may be called. No longer than anybody would.
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next();
    name.len() <= 128
        && first.is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl Problem {
    /// What is wrong, and what is allowed.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Form => "expected ${NAME} or ${NAME:-default} with the name of a variable and \
                           no braces in the default, or $${ for the characters ${"
                .to_owned(),
            Self::Missing(name) => format!(
                "the variable {name} is not set: expected a value in the environment, or a \
                 default as in ${{{name}:-default}}"
            ),
            Self::Encoding(name) => {
                format!("the variable {name} is no text: expected UTF-8")
            }
            Self::TooLong => "expected at most 1 MiB in all from variables and files".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use proptest::prelude::*;

    use super::{Problem, interpolate};

    fn variables(name: &str) -> Option<OsString> {
        match name {
            "A" => Some("one".into()),
            "B_2" => Some("${A}\"\n[x]".into()),
            "EMPTY" => Some(OsString::new()),
            _ => None,
        }
    }

    fn value(text: &str) -> Result<(String, bool), Problem> {
        interpolate(text, &variables, 100)
    }

    #[test]
    fn each_form_has_its_value() {
        for (text, expected, asked) in [
            ("", "", false),
            ("plain $ $A {A} }", "plain $ $A {A} }", false),
            ("${A}", "one", true),
            ("<${A}${A}>", "<oneone>", true),
            ("${NONE:-}", "", true),
            ("${NONE:-a:-b}", "a:-b", true),
            ("${NONE:-http://a:1}/x", "http://a:1/x", true),
            ("${A:-other}", "one", true),
            ("${EMPTY:-other}", "other", true),
            ("${EMPTY}", "", true),
            ("$${A}", "${A}", false),
            ("$$${A}", "$${A}", false),
            ("$${${A}}", "${one}", true),
            // A value is never looked into.
            ("${B_2}", "${A}\"\n[x]", true),
        ] {
            assert_eq!(value(text), Ok((expected.to_owned(), asked)), "{text}");
        }
    }

    #[test]
    fn what_has_no_value_says_why() {
        for text in [
            "${",
            "${A",
            "${}",
            "${a b}",
            "${1A}",
            "${A-b}",
            "${:-x}",
            "${X:-${A}}",
            "${É}",
        ] {
            assert_eq!(value(text), Err(Problem::Form), "{text}");
        }
        assert_eq!(value("${NONE}"), Err(Problem::Missing("NONE".to_owned())));
        let long = "${A}".repeat(34);
        assert_eq!(value(&long), Err(Problem::TooLong));
        assert_eq!(value(&"x".repeat(101)), Err(Problem::TooLong));
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_no_text_is_told_by_its_name() {
        use std::os::unix::ffi::OsStringExt as _;

        let read = |_: &str| Some(OsString::from_vec(vec![0xff]));
        let problem = interpolate("${RAW}", &read, 100);
        assert_eq!(problem, Err(Problem::Encoding("RAW".to_owned())));
    }

    proptest! {
        #[test]
        fn nothing_but_the_forms_is_touched(text in "[^$]*") {
            prop_assert_eq!(value(&text), match text.len() {
                ..=100 => Ok((text, false)),
                _ => Err(Problem::TooLong),
            });
        }

        #[test]
        fn no_text_makes_it_panic_or_grow(text in "([$]|[{]|[}]|:-|A|NONE|é){0,60}") {
            if let Ok((value, _)) = value(&text) {
                prop_assert!(value.len() <= 100);
            }
        }
    }
}
