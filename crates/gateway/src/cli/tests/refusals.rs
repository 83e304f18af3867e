use super::{CREATE, Shell};
use crate::cli::Exit;

#[tokio::test]
async fn each_refusal_has_its_status_and_changes_nothing() {
    let shell = Shell::new().await;
    shell.text("services create orders --quota 1").await;
    let id = shell.json(CREATE).await["key"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    shell.text(&format!("keys revoke {id} --reason over")).await;
    shell.text(CREATE).await;
    let unknown = "6f9619ff-8b86-4011-b42d-00c04fc964ff";
    let events = shell.json("audit list").await;
    let (services, keys) = ("services list", "keys list --all-services");
    let before = [shell.json(services).await, shell.json(keys).await];
    for (line, exit, words) in [
        (
            "services create orders".to_owned(),
            Exit::Conflict,
            "orders",
        ),
        (
            "services show billing".to_owned(),
            Exit::NotFound,
            "billing",
        ),
        (
            CREATE.replace("orders", "billing"),
            Exit::NotFound,
            "billing",
        ),
        (CREATE.to_owned(), Exit::Conflict, "quota"),
        (
            format!("{CREATE} --expires-at 2020-01-01T00:00:00Z"),
            Exit::Usage,
            "--expires-at",
        ),
        (
            format!("{CREATE} --expires-in 0s"),
            Exit::Usage,
            "--expires-in",
        ),
        (
            "services create b --lifetime 1s".to_owned(),
            Exit::Usage,
            "lifetime",
        ),
        (format!("keys show {unknown}"), Exit::NotFound, unknown),
        (format!("keys rotate {unknown}"), Exit::NotFound, unknown),
        (format!("keys rotate {id}"), Exit::Conflict, "revoked"),
        (format!("keys enable {id}"), Exit::Conflict, "revoked"),
        (
            format!("keys rotate {id} --grace 36525d"),
            Exit::Usage,
            "grace",
        ),
        (
            "keys list --service orders --cursor forged".to_owned(),
            Exit::Usage,
            "cursor",
        ),
        (
            "keys list --service billing".to_owned(),
            Exit::NotFound,
            "billing",
        ),
    ] {
        let error = shell.refusal(&line).await;
        assert_eq!(error.exit(), exit, "{line}: {error}");
        assert!(error.to_string().contains(words), "{line}: {error}");
    }
    assert_eq!([shell.json(services).await, shell.json(keys).await], before);
    let known = events["events"].as_array().expect("a list").len();
    let all = shell.json("audit list").await;
    let later = &all["events"].as_array().expect("a list")[known..];
    let outcomes: Vec<&str> = later
        .iter()
        .filter_map(|event| event["refused"].as_str())
        .collect();
    assert_eq!(
        outcomes.len(),
        later.len(),
        "refused attempts, and nothing else: {later:?}"
    );
    let kinds = [
        "already_exists",
        "not_found",
        "quota_reached",
        "invalid",
        "state",
    ];
    assert!(
        kinds.iter().all(|kind| outcomes.contains(kind)),
        "{outcomes:?}"
    );
}
