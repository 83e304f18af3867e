use super::{id, names, shell};
use crate::cli::Exit;
use crate::cli::tests::CREATE;

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
