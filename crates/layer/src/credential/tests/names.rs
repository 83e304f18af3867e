use crate::credential::{CookieName, Credentials, ParameterName};

#[test]
fn names_are_checked_when_they_are_configured() {
    for name in ["key", "__Host-key", "a", "a.b!#$%&'*+^`|~", &"k".repeat(64)] {
        let parsed = name.parse::<CookieName>().expect(name);
        assert_eq!(parsed.to_string(), name);
    }
    for name in [
        "",
        "a b",
        "a=b",
        "a;b",
        "a,b",
        "\"a\"",
        "ä",
        "a\n",
        &"k".repeat(65),
    ] {
        let error = name.parse::<CookieName>().expect_err(name);
        assert_eq!(error.field(), "cookie");
    }
    for name in ["api_key", "a", "A-b.c~1", &"k".repeat(64)] {
        let parsed = name.parse::<ParameterName>().expect(name);
        assert_eq!(parsed.to_string(), name);
    }
    for name in [
        "",
        "a b",
        "a=b",
        "a&b",
        "a%62",
        "a+b",
        "a[]",
        "ä",
        &"k".repeat(65),
    ] {
        let error = name.parse::<ParameterName>().expect_err(name);
        assert_eq!(error.field(), "parameter");
    }
}

#[test]
#[should_panic(expected = "1 to 64 characters of a token")]
fn a_bad_name_of_a_cookie_in_the_program_is_noticed_at_once() {
    let _ = Credentials::bearer().or_cookie("a b");
}

#[test]
#[should_panic(expected = "1 to 64 of A-Z")]
fn a_bad_name_of_a_parameter_in_the_program_is_noticed_at_once() {
    let _ = Credentials::bearer().or_query("api key");
}
