use std::io::ErrorKind;
use std::time::Duration;

use serde_json::Value;

use super::{id, names, shell};
use crate::cli::Exit;
use crate::cli::interrupt::Interrupt;
use crate::cli::tests::Shell;

const LINE: &str = r#"{"service":"orders","owner":"acme","name":"n"}"#;

fn lines(count: usize) -> String {
    format!("{LINE}\n").repeat(count)
}

/// How many keys a listing of all pages holds.
async fn count(shell: &Shell, filter: &str) -> usize {
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let line = format!("keys list --limit 1000 {filter}{cursor}");
        let page = shell.json(&line).await;
        count += page["keys"].as_array().expect("a list").len();
        match page["next"].as_str() {
            Some(next) => cursor = format!(" --cursor {next}"),
            None => return count,
        }
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
    assert!(told.contains("no key is issued"), "{told}");
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
    let done = shell.run("keys create-many -", false, &lines(2_100)).await;
    let error = done.exit.expect_err("the quota");
    assert_eq!(error.exit(), Exit::Partial, "a part was done");
    let told = error.to_string();
    assert!(
        told.contains(
            "the 1000 keys of the lines before line 1001 are issued, and none from line 1001 on"
        ),
        "{told}"
    );
    assert_eq!(done.out.lines().count(), 1_000, "what was made is printed");
    // A change that is too large as a whole says nothing of what stands.
    shell.text("services create small --quota 10").await;
    let small = lines(20).replace("orders", "small");
    let done = shell.run("keys create-many -", false, &small).await;
    let error = done.exit.expect_err("the quota");
    assert_eq!((error.exit(), done.out.as_str()), (Exit::Conflict, ""));
    let told = error.to_string();
    let quota = "the quota of service small is 10: its live keys would be more than that";
    for words in ["no key is issued", quota] {
        assert!(told.contains(words), "{words} in {told}");
    }
}

#[tokio::test]
async fn keys_of_which_it_is_not_known_are_not_told_to_be_none() {
    let shell = shell().await;
    let (store, clock) = (shell.store.clone(), shell.clock.clone());
    let interrupt = Interrupt::default();
    let file = lines(1_500);
    // Once the first thousand are being printed, the store does not answer any more.
    let making = shell.pipe("keys create-many -", &file, &interrupt, |printed| {
        if printed == 0 {
            clock.advance(Duration::from_secs(1));
            store.hold_commits();
        }
        Ok(())
    });
    let waiting = async {
        shell.store.wait_held(1).await;
        shell.clock.advance(Duration::from_mins(1));
    };
    let (done, ()) = tokio::join!(making, waiting);
    shell.store.release();
    let error = done.exit.expect_err("unknown");
    assert_eq!(
        (error.exit(), done.out.lines().count()),
        (Exit::Partial, 1_000)
    );
    let told = error.to_string();
    for words in [
        "1000 keys are issued and printed",
        "Of lines 1001 to 1500 it is not known",
        "go on with the lines from 1001 on",
    ] {
        assert!(told.contains(words), "{words} in {told}");
    }
    assert!(!told.contains("none from line"), "{told}");
    // What it says to look at tells those of which it is not known from those that were printed.
    let found = told
        .split_once("portcullis keys list ")
        .expect("a command")
        .1;
    let filter = found.split_once(';').expect("its end").0;
    assert_eq!(count(&shell, filter).await, 500);
}

#[tokio::test]
async fn a_signal_waits_until_what_is_issued_is_printed() {
    let shell = shell().await;
    for (count_of, exit, printed) in [(2_100, Exit::Interrupted, 1_000), (900, Exit::Done, 900)] {
        let interrupt = Interrupt::default();
        let before = count(&shell, "--service orders").await;
        let press = |_| {
            interrupt.remember(Exit::Interrupted);
            Ok(())
        };
        let file = lines(count_of);
        let done = shell
            .pipe("keys create-many -", &file, &interrupt, press)
            .await;
        let told = match done.exit {
            Ok(exit) => (exit, done.err),
            Err(error) => (error.exit(), error.to_string()),
        };
        assert_eq!((told.0, done.out.lines().count()), (exit, printed));
        assert_eq!(count(&shell, "--service orders").await - before, printed);
        let words = match exit {
            Exit::Done => "900 keys are issued",
            _ => {
                "stopped: the 1000 keys of the lines before line 1001 are issued, and none from line 1001 on"
            }
        };
        assert!(told.1.contains(words), "{}", told.1);
    }
}

#[tokio::test]
async fn tokens_that_nobody_reads_are_told_by_their_keys() {
    let shell = shell().await;
    let interrupt = Interrupt::default();
    let closed = |printed| match printed {
        0..2 => Ok(()),
        _ => Err(ErrorKind::BrokenPipe.into()),
    };
    let done = shell
        .pipe("keys create-many -", &lines(5), &interrupt, closed)
        .await;
    let error = done.exit.expect_err("lost");
    assert_eq!(error.exit(), Exit::Partial);
    assert!(!error.is_closed_output(), "that must be told");
    let told = error.to_string();
    assert!(
        told.contains("2 keys are issued and printed. 3 keys are issued beyond"),
        "{told}"
    );
    let printed: Vec<Value> = done
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let listed = shell.json("keys list --service orders").await;
    for key in listed["keys"].as_array().expect("a list") {
        let is_printed = printed.iter().any(|made| made["key"]["id"] == key["id"]);
        assert_ne!(told.contains(&id(key)), is_printed, "{told}");
    }
    // What it says to do ends them.
    let revoke = told
        .split_once("portcullis keys revoke ")
        .expect("a command")
        .1;
    let ids = revoke
        .split_once("' ")
        .expect("ids")
        .1
        .lines()
        .next()
        .expect("ids");
    shell
        .text(&format!("keys revoke --reason lost {ids}"))
        .await;
    assert_eq!(count(&shell, "--service orders --status active").await, 2);
}
