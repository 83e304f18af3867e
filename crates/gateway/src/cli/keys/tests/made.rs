use serde_json::json;

use super::{id, shell};
use crate::cli::Exit;
use crate::cli::tests::CREATE;

#[tokio::test]
async fn a_key_keeps_what_was_said_of_it_and_shows_it() {
    let shell = shell().await;
    let line = format!(
        "{CREATE} --address 192.0.2.0/24 --address 2001:db8::1 --metadata {{\"team\":\"x\"}} --note why"
    );
    let key = shell.json(&line).await["key"].take();
    assert_eq!(key["addresses"], json!(["192.0.2.0/24", "2001:db8::1/128"]));
    assert_eq!(
        (&key["metadata"], &key["note"]),
        (&json!({"team": "x"}), &json!("why"))
    );
    let text = shell.text(&format!("keys show {}", id(&key))).await;
    for words in [
        "192.0.2.0/24, 2001:db8::1/128",
        r#"{"team":"x"}"#,
        "why",
        " by cli:",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    for (argument, words) in [
        (
            "--address 10.0.0.0/8 --address 10.1.0.0/16",
            "do not overlap",
        ),
        ("--metadata [1]", "--metadata: expected a JSON object"),
        ("--metadata {\"a\":1,\"a\":2}", "stands twice"),
    ] {
        let error = shell.refusal(&format!("{CREATE} {argument}")).await;
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.to_string().contains(words), "{error}");
    }
}
