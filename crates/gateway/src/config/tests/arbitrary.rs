//! No text is too strange to be refused in an orderly way.

use proptest::prelude::*;

use super::parse;

/// Lines made of what such a file is made of, well put together and not.
fn line() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "listen",
        "store.path",
        "services",
        "name",
        "prefix",
        "permissions",
        "manager.cache_ttl",
        "rate",
        "upstream",
        "\"é\"",
        "x",
        "[services]",
        "[[services]]",
        "[manager]",
        "[limits]",
        "[[routes]]",
        "[[upstreams]]",
        "path",
        "methods",
        "headers",
        "by_method",
        "respond",
        "redirect.to",
        "by_method.POST",
        "strip_prefix",
        "auth",
        "",
    ]);
    let value = prop::sample::select(vec![
        "",
        " = \"a\"",
        " = 1",
        " = -1",
        " = [",
        "]",
        " = [[1], {a = 1}]",
        " = {path = 1}",
        " = \"127.0.0.1:1\"",
        " = 1979-05-27T07:32:00Z",
        " = nan",
        " = 0x7fffffffffffffff",
        " = '''",
        " = \"\"\"",
        " = true",
        " = \"/a\"",
        " = \"/{a}/{a}\"",
        " = \"open\"",
        " = {GET = []}",
        " = {get = [\"a\"]}",
        " = [\"GET\", \"x y\"]",
        " = \"\u{202e}\"",
        " = \"${HOME}\"",
        " = \"${NONE:-1}\"",
        " = \"${NONE\"",
        " = [\"$${\", \"${NONE:-a}\"]",
        " = {file = \"none\"}",
        " = {file = \"${NONE}\", x = 1}",
        ".file = \"none\"",
        "\r",
        "\t# é",
    ]);
    (key, value).prop_map(|(key, value)| format!("{key}{value}"))
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        if let Err(error) = parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn nothing_like_toml_makes_it_panic(lines in prop::collection::vec(line(), 0..12)) {
        let text = lines.join("\n");
        if let Err(error) = parse(&text) {
            prop_assert!(!error.faults().is_empty(), "{}", text);
            prop_assert!(error.faults().iter().all(|fault| fault.line() <= lines.len() + 1));
            let _ = error.to_string();
        }
    }
}
