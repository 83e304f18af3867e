use serde_json::Value;

use crate::cli::tests::Shell;

/// A program with a service.
pub(super) async fn shell() -> Shell {
    let shell = Shell::new().await;
    shell.text("services create orders").await;
    shell
}

pub(super) fn id(key: &Value) -> String {
    key["id"].as_str().expect("an id").to_owned()
}

/// The names of the keys that a line lists.
pub(super) async fn names(shell: &Shell, line: &str) -> Vec<String> {
    let page = shell.json(line).await;
    let keys = page["keys"].as_array().expect("a list").iter();
    keys.map(|key| key["name"].as_str().expect("a name").to_owned())
        .collect()
}
