use std::fs;

use portcullis_tests::Place;
use serde_json::Value;

use crate::PROGRAM;

/// A line of a file for `keys create-many`.
fn line(at: usize) -> String {
    let owner = ["acme", "globex", "initech"][at % 3];
    let service = ["orders", "billing"][at % 2];
    format!(
        r#"{{"service": "{service}", "owner": "{owner}", "name": "job {at}", "scopes": ["s{}:read"], "metadata": {{"at": {at}}}}}"#,
        at % 5
    )
}

fn place_with_keys(count: usize) -> (Place, String) {
    let place = Place::new(PROGRAM);
    for service in ["orders", "billing"] {
        place.run(&["services", "create", service]).ok();
    }
    let lines: Vec<String> = (0..count).map(line).collect();
    fs::write(place.path("keys.jsonl"), lines.join("\n")).expect("written");
    let made = place.run(&["keys", "create-many", "keys.jsonl"]);
    assert_eq!(made.stderr, format!("{count} keys are issued\n"));
    (place, made.ok())
}

/// The names of all pages of a listing, in pages of seven.
fn listed(place: &Place, arguments: &[&str]) -> Vec<String> {
    let (mut names, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut all = vec!["--output", "json", "keys", "list", "--limit", "7"];
        all.extend(arguments);
        if let Some(cursor) = &cursor {
            all.extend(["--cursor", cursor]);
        }
        let page = place.run(&all).json();
        let keys = page["keys"].as_array().expect("a list");
        names.extend(
            keys.iter()
                .map(|key| key["name"].as_str().expect("a name").to_owned()),
        );
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            names.sort();
            return names;
        }
    }
}

#[test]
fn keys_made_from_a_file_are_found_by_every_filter_and_ended_by_one() {
    let (place, made) = place_with_keys(60);
    let tokens: Vec<Value> = made
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(tokens.len(), 60);
    let expected = |meets: fn(usize) -> bool| {
        let mut names: Vec<String> = (0..60)
            .filter(|at| meets(*at))
            .map(|at| format!("job {at}"))
            .collect();
        names.sort();
        names
    };
    for (arguments, meets) in [
        (&["--all-services"][..], (|_| true) as fn(usize) -> bool),
        (&["--service", "orders"], |at| at % 2 == 0),
        (&["--all-services", "--owner", "globex"], |at| at % 3 == 1),
        (&["--service", "billing", "--owner", "acme"], |at| {
            at % 6 == 3
        }),
        (&["--all-services", "--scope", "s4:read"], |at| at % 5 == 4),
        (&["--service", "orders", "--scope", "s0:read"], |at| {
            at % 10 == 0
        }),
        (&["--all-services", "--name", "JOB 5"], |at| {
            at == 5 || at >= 50
        }),
        (
            &["--all-services", "--created-after", "1h", "--never-used"],
            |_| true,
        ),
        (&["--all-services", "--created-before", "1h"], |_| false),
        (
            &[
                "--all-services",
                "--expires-before",
                "366d",
                "--status",
                "active",
            ],
            |_| true,
        ),
        (&["--all-services", "--environment", "test"], |_| false),
        (&["--service", "orders", "--used-after", "1d"], |_| false),
    ] {
        assert_eq!(listed(&place, arguments), expected(meets), "{arguments:?}");
    }

    let revoke = [
        "keys",
        "revoke",
        "--all",
        "--all-services",
        "--owner",
        "globex",
    ];
    let revoke: Vec<&str> = revoke.into_iter().chain(["--reason", "left"]).collect();
    let asked = place.run(&revoke);
    assert_eq!(asked.status, 2);
    assert!(
        asked.stderr.contains("20 keys meet the filter"),
        "{asked:?}"
    );
    let yes: Vec<&str> = ["--output", "json"]
        .into_iter()
        .chain(revoke)
        .chain(["--yes"])
        .collect();
    let done = place.run(&yes).json();
    assert_eq!(
        (&done["revoked"], &done["revoked_before"]),
        (&20.into(), &0.into())
    );
    let active = listed(&place, &["--all-services", "--status", "active"]);
    assert_eq!(active, expected(|at| at % 3 != 1));
    assert_eq!(place.run(&yes).json()["revoked_before"], 20);

    // No token is anywhere but on standard output.
    for file in ["portcullis.db", "portcullis.db-wal"] {
        let Ok(bytes) = fs::read(place.path(file)) else {
            continue;
        };
        let stored = String::from_utf8_lossy(&bytes);
        for token in &tokens {
            let token = token["token"].as_str().expect("text");
            assert!(
                !stored.contains(&token[token.len() - 49..]),
                "a secret in {file}"
            );
        }
    }
}

#[test]
fn cursors_that_do_not_fit_and_files_that_are_wrong_change_nothing() {
    let (place, _) = place_with_keys(10);
    let list = [
        "--output",
        "json",
        "keys",
        "list",
        "--limit",
        "2",
        "--service",
    ];
    let list = |place: &Place, further: &[&str]| {
        let all: Vec<&str> = list.iter().chain(further).copied().collect();
        place.run(&all)
    };
    let page = list(&place, &["orders"]).json();
    let cursor = page["next"].as_str().expect("more");
    let (stranger, _) = place_with_keys(3);
    for (outcome, words) in [
        (
            list(&place, &["billing", "--cursor", cursor]),
            "another listing",
        ),
        (
            list(
                &place,
                &["orders", "--status", "active", "--cursor", cursor],
            ),
            "another listing",
        ),
        (
            list(&place, &["orders", "--cursor", &cursor[..9]]),
            "cut short",
        ),
        (
            list(&place, &["orders", "--cursor", &cursor[..cursor.len() - 4]]),
            "cut short",
        ),
        (
            list(&stranger, &["orders", "--cursor", cursor]),
            "another keyring",
        ),
    ] {
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(
            outcome.stderr.contains(words),
            "{words}: {}",
            outcome.stderr
        );
    }

    let events = place.run(&["--output", "json", "audit", "list"]).json();
    let twice = line(0).replace("\"owner\"", "\"name\": \"x\", \"owner\"");
    for (text, words) in [
        ("nonsense".to_owned(), "line 1"),
        (
            format!("{}\n{}\n", line(0), line(1).replace("job", "\\u200b")),
            "line 2: invalid name",
        ),
        (line(0).replace("\"at\": 0", "\"at\": {}"), ""),
        (twice, "stands twice"),
        (
            line(0).replace("orders", "none"),
            "there is no service none",
        ),
    ] {
        let outcome = place.run_with(&place.config(), &["keys", "create-many", "-"], &text);
        let good = words.is_empty();
        assert_eq!(outcome.status == 0, good, "{text}: {outcome:?}");
        assert!(
            outcome.stderr.contains(words),
            "{words}: {}",
            outcome.stderr
        );
        assert_eq!(outcome.stdout.is_empty(), !good);
    }
    for arguments in [
        &["keys", "create-many", "missing.jsonl"][..],
        &["keys", "create-many", "."],
        &["services", "update", "orders", "--patch", "@missing.json"],
    ] {
        let outcome = place.run(arguments);
        assert_eq!(
            (outcome.status, outcome.stdout.as_str()),
            (2, ""),
            "{outcome:?}"
        );
    }
    let known = events["events"].as_array().expect("a list").len();
    let later = place.run(&[
        "--output",
        "json",
        "audit",
        "list",
        "--after",
        &known.to_string(),
    ]);
    let later = later.json();
    let told: Vec<&Value> = later["events"].as_array().expect("a list").iter().collect();
    let refused: Vec<&Value> = told.iter().map(|event| &event["refused"]).collect();
    assert_eq!(refused, [&Value::Null, &"not_found".into()], "{later}");
}
