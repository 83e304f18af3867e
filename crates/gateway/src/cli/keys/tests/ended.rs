use std::time::Duration;

use clap::Parser as _;
use portcullis::SqliteStore;
use portcullis::clock::Clock as _;
use serde_json::json;

use super::{id, names, shell};
use crate::cli::Exit;
use crate::cli::args::{Cli, Command};
use crate::cli::interrupt::Interrupt;
use crate::cli::keys::KeysCommand;
use crate::cli::tests::{CREATE, Shell};

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

/// The listing by expiry goes from state to state, and a key that is revoked changes its own.
#[tokio::test]
async fn each_key_that_a_filter_finds_is_counted_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path().join("keys.db")).expect("a database");
    let shell = Shell::over(store).await;
    shell.text("services create orders").await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let made = shell.json(&format!("{CREATE} --expires-in 3d")).await;
        ids.push(id(&made["key"]));
    }
    shell
        .text(&format!("keys revoke {} --reason over", ids[0]))
        .await;
    shell.text(&format!("keys disable {}", ids[1])).await;
    let line = "keys revoke --all --service orders --expires-before 7d --reason left";
    let counted = shell.refusal(line).await.to_string();
    assert!(counted.contains("4 keys meet the filter"), "{counted}");
    let done = shell.json(&format!("{line} --yes")).await;
    assert_eq!(done, json!({"revoked": 4, "revoked_before": 1}));
    let again = shell.json(&format!("{line} --yes")).await;
    assert_eq!(again, json!({"revoked": 0, "revoked_before": 5}));
    let line = line.replace("--reason", "--status active --reason");
    let none = shell.json(&format!("{line} --yes")).await;
    assert_eq!(none, json!({"revoked": 0, "revoked_before": 0}));
}

#[tokio::test]
async fn a_revocation_that_stops_half_way_says_so_and_goes_on_when_it_is_asked_again() {
    let shell = shell().await;
    for _ in 0..3 {
        shell.text(CREATE).await;
    }
    let line = "keys revoke --all --service orders --reason left --yes";
    let interrupt = Interrupt::default();
    interrupt.remember(Exit::Terminated);
    let stopped = shell.pipe(line, "", &interrupt, |_| Ok(())).await;
    let error = stopped.exit.expect_err("stopped");
    assert_eq!(error.exit(), Exit::Terminated);
    assert!(
        error.to_string().contains("stopped: no key is revoked"),
        "{error}"
    );

    shell.store.hold_commits();
    let waiting = async {
        shell.store.wait_held(1).await;
        shell.clock.advance(Duration::from_mins(1));
    };
    let (error, ()) = tokio::join!(shell.refusal(line), waiting);
    shell.store.release();
    assert_eq!(error.exit(), Exit::Partial);
    let told = error.to_string();
    assert!(
        told.contains("0 keys are revoked, and of 3 more it is not known"),
        "{told}"
    );
    // The store had done it.
    let done = shell.json(line).await;
    assert_eq!(done, json!({"revoked": 0, "revoked_before": 3}));
}

#[tokio::test]
async fn a_key_that_is_made_while_others_are_revoked_stays() {
    let shell = shell().await;
    shell.text(CREATE).await;
    shell.store.hold_commits();
    let making = async {
        // The first is revoked, but that is not said yet.
        shell.store.wait_held(1).await;
        let released = async {
            shell.store.wait_held(2).await;
            shell.store.release();
        };
        tokio::join!(shell.text(CREATE), released).0
    };
    let line = "keys revoke --all --service orders --reason left --yes";
    let (done, _) = tokio::join!(shell.json(line), making);
    assert_eq!(done, json!({"revoked": 1, "revoked_before": 0}));
    let left = names(&shell, "keys list --service orders --status active").await;
    assert_eq!(left.len(), 1);
}

#[tokio::test]
async fn a_key_that_a_clock_ahead_has_dated_is_revoked_with_the_others() {
    let shell = shell().await;
    shell.text(CREATE).await;
    let now = shell.clock.now().wall();
    shell.clock.advance(Duration::from_hours(1));
    shell.text(CREATE).await;
    shell.clock.set_wall(now);
    let line = "keys revoke --all --service orders --reason left --yes";
    let before = line.replace("--reason", "--created-before 30m --reason");
    let older = shell.json(&before).await;
    assert_eq!(older, json!({"revoked": 0, "revoked_before": 0}));
    let done = shell.json(line).await;
    assert_eq!(done, json!({"revoked": 2, "revoked_before": 0}));
}

#[tokio::test]
async fn a_key_that_a_clock_ahead_has_dated_does_not_end_those_that_are_made_meanwhile() {
    let shell = shell().await;
    let now = shell.clock.now().wall();
    shell.clock.advance(Duration::from_hours(1));
    shell.text(CREATE).await;
    let revoked = id(&shell.json(CREATE).await["key"]);
    shell
        .text(&format!("keys revoke {revoked} --reason old"))
        .await;
    shell.clock.set_wall(now);
    shell.text(CREATE).await;
    shell.store.hold_commits();
    let making = async {
        // The one of now is revoked, but that is not said yet.
        shell.store.wait_held(1).await;
        let released = async {
            shell.store.wait_held(2).await;
            shell.store.release();
        };
        tokio::join!(shell.text(CREATE), released).0
    };
    let line = "keys revoke --all --service orders --reason left --yes";
    let (done, _) = tokio::join!(shell.json(line), making);
    assert_eq!(done, json!({"revoked": 2, "revoked_before": 1}));
    let left = names(&shell, "keys list --service orders --status active").await;
    assert_eq!(left.len(), 1);
}

#[tokio::test]
async fn a_signal_stops_every_walk_before_its_next_page() {
    let shell = shell().await;
    for _ in 0..3 {
        shell.text(CREATE).await;
    }
    let line = "keys revoke --all --service orders --reason left --yes";
    let interrupt = Interrupt::default();
    shell.store.hold_commits();
    let pressing = async {
        shell.store.wait_held(1).await;
        interrupt.remember(Exit::Interrupted);
        shell.store.release();
    };
    let (stopped, ()) = tokio::join!(shell.pipe(line, "", &interrupt, |_| Ok(())), pressing);
    let error = stopped.exit.expect_err("stopped");
    assert_eq!(error.exit(), Exit::Interrupted);
    let told = error.to_string();
    assert!(
        told.contains("stopped: 3 keys are revoked, and the others not"),
        "{told}"
    );
    // Also where there is nothing to revoke, or it is only counted.
    for line in [
        "keys revoke --all --service orders --status revoked --reason left --yes",
        "keys revoke --all --service orders --reason left",
    ] {
        let stopped = shell.pipe(line, "", &interrupt, |_| Ok(())).await;
        let error = stopped.exit.expect_err("stopped");
        assert_eq!(error.exit(), Exit::Interrupted, "{line}");
        assert!(error.to_string().contains("no key is revoked"), "{error}");
    }
}

#[tokio::test]
async fn a_secret_of_a_key_that_has_ended_is_not_said_to_count() {
    let shell = shell().await;
    let id = id(&shell.json(CREATE).await["key"]);
    shell.text(&format!("keys rotate {id} --grace 1h")).await;
    let show = format!("keys show {id}");
    let shown = shell.text(&show).await;
    assert!(shown.contains("counts until"), "{shown}");
    shell.text(&format!("keys revoke {id} --reason over")).await;
    let shown = shell.text(&show).await;
    assert!(!shown.contains("counts until"), "{shown}");
}

#[test]
fn a_signal_ends_at_once_what_only_counts() {
    let line = "portcullis keys revoke --all --all-services --reason left";
    for (line, is_held) in [(line.to_owned(), false), (format!("{line} --yes"), true)] {
        let cli = Cli::try_parse_from(line.split(' ')).expect("a command");
        let Command::Keys(KeysCommand::Revoke(args)) = cli.command else {
            panic!("{line} is another command");
        };
        assert_eq!(args.is_of_many(), is_held, "{line}");
    }
}
