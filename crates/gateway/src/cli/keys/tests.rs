//! Keys that are made, found, changed and ended, as it is typed.

use serde_json::{Value, json};

use crate::cli::Exit;
use crate::cli::tests::{CREATE, Shell};

async fn shell() -> Shell {
    let shell = Shell::new().await;
    shell.text("services create orders").await;
    shell
}

fn id(key: &Value) -> String {
    key["id"].as_str().expect("an id").to_owned()
}

/// The names of the keys that a line lists.
async fn names(shell: &Shell, line: &str) -> Vec<String> {
    let page = shell.json(line).await;
    let keys = page["keys"].as_array().expect("a list").iter();
    keys.map(|key| key["name"].as_str().expect("a name").to_owned())
        .collect()
}

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

#[tokio::test]
async fn a_key_is_changed_field_by_field_or_by_a_patch() {
    let shell = shell().await;
    let key = shell
        .json(&format!("{CREATE} --scope orders:read --rate 1/s"))
        .await["key"]
        .take();
    let update = format!("keys update {}", id(&key));
    let changed = shell
        .json(&format!(
            "{update} --name renamed --owner globex --scope a:b --scope c:d --no-rate --expires 7d \
             --address 10.0.0.0/8 --metadata {{\"a\":1}} --note n --if-version 1"
        ).replace("  ", " "))
        .await;
    assert_eq!(
        [
            &changed["name"],
            &changed["owner"],
            &changed["scopes"],
            &changed["rate"]
        ],
        [
            &json!("renamed"),
            &json!("globex"),
            &json!(["a:b", "c:d"]),
            &Value::Null
        ]
    );
    assert_eq!(
        [
            &changed["addresses"],
            &changed["metadata"],
            &changed["note"],
            &changed["version"]
        ],
        [
            &json!(["10.0.0.0/8"]),
            &json!({"a": 1}),
            &json!("n"),
            &json!(2)
        ]
    );
    assert_ne!(changed["expires_at"], key["expires_at"]);
    let patch = r#"{"metadata":{"b":2},"addresses":null,"expires_at":null}"#;
    let changed = shell.json(&format!("{update} --patch {patch}")).await;
    assert_eq!(
        [
            &changed["metadata"],
            &changed["addresses"],
            &changed["expires_at"]
        ],
        [&json!({"a": 1, "b": 2}), &json!([]), &Value::Null]
    );
    let line = format!("{update} --no-scopes --no-metadata --no-note --any-address");
    let cleared = shell.json(&line).await;
    assert_eq!(
        [&cleared["scopes"], &cleared["metadata"], &cleared["note"]],
        [&json!([]), &json!({}), &Value::Null]
    );
    let read = shell
        .run(
            &format!("{update} --patch -"),
            true,
            "{\"name\":\"read in\"}",
        )
        .await;
    assert!(read.out.contains("read in"), "{}", read.out);

    for (arguments, exit, words) in [
        ("", Exit::Usage, "nothing to change"),
        (
            "--patch {\"service\":\"other\"}",
            Exit::Usage,
            "no service: it cannot be changed",
        ),
        ("--patch {\"owner\":null}", Exit::Usage, "owner"),
        ("--patch nonsense", Exit::Usage, "a JSON object"),
        (
            "--name x --if-version 1",
            Exit::Conflict,
            "is of version 5, not 1",
        ),
        ("--expires 2020-01-01T00:00:00Z", Exit::Usage, "lies ahead"),
    ] {
        let line = format!("{update} {arguments}");
        let error = shell.refusal(line.trim_end()).await;
        assert_eq!(error.exit(), exit, "{line}: {error}");
        assert!(error.to_string().contains(words), "{line}: {error}");
    }
}

#[tokio::test]
async fn a_list_holds_what_meets_every_part_of_the_filter() {
    let shell = shell().await;
    shell.text("services create billing").await;
    let old = shell.json(&CREATE.replace("nightly", "old-job")).await;
    shell
        .text(&format!("{CREATE} --scope a:b --environment test"))
        .await;
    let other = CREATE
        .replace("orders", "billing")
        .replace("acme", "globex");
    shell.text(&format!("{other} --expires-in 3d")).await;
    shell
        .text(&format!("keys disable {}", id(&old["key"])))
        .await;
    let token = old["token"].as_str().expect("text");
    shell.verify("--service orders", token).await;
    for (arguments, expected) in [
        ("--service orders", vec!["old-job", "nightly"]),
        ("--all-services --owner globex", vec!["nightly"]),
        ("--all-services --status disabled", vec!["old-job"]),
        ("--service orders --environment test", vec!["nightly"]),
        ("--service orders --scope a:b --name NIGHT", vec!["nightly"]),
        ("--service orders --scope a:c", vec![]),
        ("--service billing --created-after 1h", vec!["nightly"]),
        ("--service billing --created-before 1h", vec![]),
        (
            "--service billing --created-before 2999-01-01T00:00:00Z",
            vec!["nightly"],
        ),
        ("--service billing --expires-before 7d", vec!["nightly"]),
        ("--service billing --expires-before 2d", vec![]),
        ("--service billing --never-used", vec!["nightly"]),
        ("--service billing --used-after 1d", vec![]),
        ("--service billing --used-before 1d", vec![]),
    ] {
        let listed = names(&shell, &format!("keys list {arguments}")).await;
        assert_eq!(listed, expected, "{arguments}");
    }
    let error = shell.refusal("keys list --owner acme").await;
    assert_eq!(error.exit(), Exit::Usage);
    assert!(error.to_string().contains("--all-services"), "{error}");
}

#[tokio::test]
async fn a_listing_of_the_last_days_goes_on_where_it_began() {
    let shell = shell().await;
    for _ in 0..3 {
        shell.text(CREATE).await;
    }
    let line = "keys list --service orders --created-after 7d --limit 1";
    let (mut cursor, mut seen) = (String::new(), 0);
    loop {
        let page = shell.json(&format!("{line}{cursor}")).await;
        seen += page["keys"].as_array().expect("a list").len();
        match page["next"].as_str() {
            Some(next) => cursor = format!(" --cursor {next}"),
            None => break,
        }
    }
    assert_eq!(seen, 3);
    // The time in it is what the manager's part was signed for.
    let page = shell.json(line).await;
    let (millis, rest) = page["next"]
        .as_str()
        .and_then(|next| next.split_once('.'))
        .expect("both");
    let moved: i64 = millis.parse::<i64>().expect("a number") + 1;
    for forged in [
        format!("{moved}.{rest}"),
        rest.to_owned(),
        format!("x.{rest}"),
    ] {
        let error = shell.refusal(&format!("{line} --cursor {forged}")).await;
        assert_eq!(error.exit(), Exit::Usage, "{error}");
        assert!(error.to_string().contains("cursor"), "{error}");
    }
}

#[tokio::test]
async fn many_keys_are_made_from_lines_and_only_their_tokens_are_printed() {
    let shell = shell().await;
    let line = |name: &str| format!(r#"{{"service":"orders","owner":"acme","name":"{name}"}}"#);
    let file = format!("{}\n\n{}\n", line("one"), line("two"));
    let done = shell.run("keys create-many -", true, &file).await;
    assert_eq!(done.exit.expect("made"), Exit::Done);
    assert_eq!(done.err, "2 keys are issued\n");
    let made: Vec<Value> = done
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(made.len(), 2);
    for (made, name) in made.iter().zip(["one", "two"]) {
        assert_eq!(made["key"]["name"], name);
        let token = made["token"].as_str().expect("a token");
        assert_eq!(shell.verify("--service orders", token).await.0, Exit::Done);
    }
    // One wrong line, and nothing is made.
    let before = names(&shell, "keys list --service orders").await;
    let wrong = format!("{}\n{}\n", line("three"), line("fo\\u202eur"));
    let refused = shell.run("keys create-many -", true, &wrong).await;
    let error = refused.exit.expect_err("refused");
    assert_eq!((error.exit(), refused.out.as_str()), (Exit::Usage, ""));
    assert!(
        error.to_string().contains("line 2: invalid name"),
        "{error}"
    );
    let missing = format!(
        "{}\n{}\n",
        line("three"),
        line("four").replace("orders", "none")
    );
    let refused = shell.run("keys create-many -", true, &missing).await;
    let error = refused.exit.expect_err("refused");
    assert_eq!((error.exit(), refused.out.as_str()), (Exit::NotFound, ""));
    let told = error.to_string();
    assert!(
        told.contains("0 keys are issued, and none of lines 1 to 2"),
        "{told}"
    );
    assert!(
        told.contains("key 2 of 2: there is no service none"),
        "{told}"
    );
    assert_eq!(names(&shell, "keys list --service orders").await, before);
}

#[tokio::test]
async fn more_than_a_thousand_lines_are_made_a_thousand_at_a_time() {
    let shell = Shell::new().await;
    shell.text("services create orders --quota 1500").await;
    let line = r#"{"service":"orders","owner":"acme","name":"n"}"#;
    let file = format!("{line}\n").repeat(2_100);
    let done = shell.run("keys create-many -", false, &file).await;
    let error = done.exit.expect_err("the quota");
    assert_eq!(error.exit(), Exit::Conflict);
    let told = error.to_string();
    assert!(
        told.contains("1000 keys are issued, and none of lines 1001 to 2000"),
        "{told}"
    );
    assert_eq!(done.out.lines().count(), 1_000, "what was made is printed");
}

#[tokio::test]
async fn several_keys_are_revoked_together_or_none() {
    let shell = shell().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(id(&shell.json(CREATE).await["key"]));
    }
    let unknown = "6f9619ff-8b86-4011-b42d-00c04fc964ff";
    let line = format!("keys revoke {} {unknown} --reason over", ids.join(" "));
    let error = shell.refusal(&line).await;
    assert_eq!(error.exit(), Exit::NotFound);
    assert!(error.to_string().contains(unknown), "{error}");
    assert_eq!(
        names(&shell, "keys list --service orders --status active")
            .await
            .len(),
        3
    );
    let twice = shell
        .refusal(&format!("keys revoke {0} {0} --reason over", ids[0]))
        .await;
    assert_eq!(twice.exit(), Exit::Usage);
    let revoked = shell
        .json(&format!("keys revoke {} --reason over", ids[..2].join(" ")))
        .await;
    assert_eq!(revoked["keys"].as_array().map(Vec::len), Some(2));
    assert_eq!(revoked["keys"][0]["revocation_reason"], "over");
    assert_eq!(
        names(&shell, "keys list --service orders --status active")
            .await
            .len(),
        1
    );
}

#[tokio::test]
async fn what_a_filter_finds_is_revoked_only_when_that_is_said() {
    let shell = shell().await;
    for owner in ["acme", "acme", "globex"] {
        shell.text(&CREATE.replace("acme", owner)).await;
    }
    let line = "keys revoke --all --service orders --owner acme --reason left";
    for (line, words) in [
        (
            line,
            "2 keys meet the filter and would be revoked: say --yes",
        ),
        (
            "keys revoke --all --owner acme --reason left --yes",
            "--all-services",
        ),
        (
            "keys revoke 6f9619ff-8b86-4011-b42d-00c04fc964ff --owner acme --reason left",
            "a filter and --yes are for --all",
        ),
        (
            "keys revoke 6f9619ff-8b86-4011-b42d-00c04fc964ff --yes --reason left",
            "a filter and --yes are for --all",
        ),
    ] {
        let error = shell.refusal(line).await;
        assert_eq!(error.exit(), Exit::Usage, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(
        names(&shell, "keys list --service orders --status active")
            .await
            .len(),
        3
    );
    let done = shell.json(&format!("{line} --yes")).await;
    assert_eq!(done, json!({"revoked": 2, "revoked_before": 0}));
    let again = shell.json(&format!("{line} --yes")).await;
    assert_eq!(again, json!({"revoked": 0, "revoked_before": 2}));
    let left = shell
        .json("keys list --service orders --status active")
        .await;
    assert_eq!(left["keys"][0]["owner"], "globex");
}

#[tokio::test]
async fn a_rotation_tells_what_to_watch_and_show_tells_when_it_is_done() {
    let shell = shell().await;
    let made = shell.json(CREATE).await;
    let (id, token) = (id(&made["key"]), made["token"].as_str().expect("text"));
    shell
        .verify("--service orders --address 192.168.1.9", token)
        .await;
    shell.manager.flush_usage().await.expect("flushed");
    let rotated = shell
        .text(&format!("keys rotate {id} --if-version 1"))
        .await;
    assert!(
        rotated.contains("Put secret 2 in place of secret 1 before "),
        "{rotated}"
    );
    assert!(
        rotated.contains(&format!("portcullis keys show {id} tells")),
        "{rotated}"
    );
    assert!(
        rotated.contains("last used just now from a private network"),
        "{rotated}"
    );
    let stale = shell
        .refusal(&format!("keys rotate {id} --if-version 1"))
        .await;
    assert_eq!(stale.exit(), Exit::Conflict);
    let shown = shell.text(&format!("keys show {id}")).await;
    let secrets: Vec<&str> = shown
        .lines()
        .filter(|line| line.trim_start().starts_with("secret"))
        .collect();
    assert!(
        secrets[0].contains("counts until") && secrets[0].contains("last used just now"),
        "{shown}"
    );
    assert!(secrets[1].ends_with("never used"), "{shown}");
    let dto = shell.json(&format!("keys show {id}")).await;
    let uses: Vec<&Value> = (0..2)
        .map(|at| &dto["secrets"][at]["usage"]["granted"])
        .collect();
    assert_eq!(uses, [&json!(1), &json!(0)]);
    assert_eq!(dto["secrets"][0]["usage"]["last_address"], "private");
    let at_once = shell.text(&format!("keys rotate {id} --grace 0s")).await;
    assert!(!at_once.contains("Put secret"), "{at_once}");
    assert!(at_once.contains("ended at once by a rotation"), "{at_once}");
}
