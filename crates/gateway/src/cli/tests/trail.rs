use std::io::ErrorKind;

use portcullis::store::Fault;

use super::Shell;
use crate::cli::Exit;
use crate::cli::interrupt::Interrupt;

/// A program whose trail is longer than a page of an export.
async fn shell() -> Shell {
    let shell = Shell::new().await;
    shell.text("services create orders").await;
    let line = r#"{"service":"orders","owner":"acme","name":"n"}"#;
    let file = format!("{line}\n").repeat(1_200);
    let made = shell.run("keys create-many -", false, &file).await;
    assert_eq!(made.exit.expect("made"), Exit::Done);
    shell
}

#[tokio::test]
async fn an_export_that_breaks_says_from_where_to_go_on() {
    let shell = shell().await;
    let (none, pressed) = (Interrupt::default(), Interrupt::default());
    // The store goes away behind the first page, the reader does, and somebody presses Ctrl-C.
    let failed = shell
        .pipe("audit export", "", &none, |_| {
            shell.store.set(Fault::Fail);
            Ok(())
        })
        .await;
    shell.store.set(Fault::None);
    let closed = shell
        .pipe("audit export", "", &none, |printed| match printed {
            0 => Ok(()),
            _ => Err(ErrorKind::BrokenPipe.into()),
        })
        .await;
    let stopped = shell
        .pipe("audit export", "", &pressed, |_| {
            pressed.remember(Exit::Interrupted);
            Ok(())
        })
        .await;
    for (done, exit) in [
        (failed, Exit::Unavailable),
        (closed, Exit::Failure),
        (stopped, Exit::Interrupted),
    ] {
        assert_eq!(done.exit.expect_err("broken").exit(), exit);
        assert_eq!(done.out.lines().count(), 1_000, "{exit:?}");
        assert_eq!(done.err, "cursor: --after 1000\n", "{exit:?}");
    }
    let rest = shell.run("audit export --after 1000", false, "").await;
    assert_eq!(rest.exit.expect("exported"), Exit::Done);
    assert_eq!(rest.out.lines().count(), 201);
    assert_eq!(rest.err, "cursor: --after 1201\n");
}

#[tokio::test]
async fn an_export_from_behind_the_end_of_the_trail_is_a_fault_and_not_its_end() {
    let shell = Shell::new().await;
    shell.text("services create orders").await;
    shell.text("services create billing").await;
    let at_the_end = shell.run("audit export --after 2", false, "").await;
    assert_eq!(at_the_end.exit.expect("nothing new"), Exit::Done);
    assert_eq!(
        (at_the_end.out.as_str(), at_the_end.err.as_str()),
        ("", "cursor: --after 2\n")
    );
    // As after a restore of an older copy.
    for line in [
        "audit export --after 3",
        "audit export --after 3 --service orders",
    ] {
        let behind = shell.run(line, false, "").await;
        let error = behind.exit.expect_err(line);
        assert_eq!(error.exit(), Exit::Refused, "{line}");
        let told = error.to_string();
        assert!(told.contains("the trail ends at event 2"), "{told}");
        assert_eq!(
            (behind.out.as_str(), behind.err.as_str()),
            ("", ""),
            "{line}"
        );
    }
}
