use std::process::{Child, Stdio};
use std::time::Duration;

use portcullis_tests::{Gateway, Place, Upstream, figure};

use crate::{PROGRAM, service};

/// How much longer commands are left alone in each round: in the first ones they
/// have hardly begun, in the last ones most are done.
const STEP: Duration = Duration::from_millis(15);

#[test]
fn what_a_command_printed_before_it_was_killed_holds_and_the_rest_never_was() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(&place, &service("orders", "/orders", &upstream));
    let (mut printed, mut killed) = (Vec::new(), 0);
    for round in 0..10 {
        let commands: Vec<Child> = (0..4).map(|_| begin(&place)).collect();
        std::thread::sleep(STEP * round);
        for mut command in commands {
            // It may have ended already.
            let _ = command.kill();
            let output = command.wait_with_output().expect("ended");
            killed += u32::from(!output.status.success());
            let token = String::from_utf8(output.stdout).expect("text");
            printed.extend(token.strip_suffix('\n').map(str::to_owned));
        }
    }
    for token in &printed {
        assert_eq!(gateway.get("/orders", token).status, 200);
    }
    // Not one lock is left behind, and not one event by half.
    printed.push(place.issue("orders", &["--scope", "*"]));
    let report = place.run(&["--output", "json", "audit", "verify"]).json();
    assert_eq!(report["whole"], true, "{report}");
    let kept = place
        .run(&["--output", "json", "keys", "list", "--service", "orders"])
        .json();
    let kept = kept["keys"].as_array().map_or(0, Vec::len);
    assert!(kept >= printed.len(), "{kept} of {}", printed.len());
    assert_eq!(
        report["verified"],
        kept + 1,
        "an event for each, and the service's"
    );
    figure(&format!(
        "{killed} of 40 commands killed: {} tokens printed, all good, {kept} keys kept",
        printed.len()
    ));
}

fn begin(place: &Place) -> Child {
    let create = "keys create --service orders --owner acme --name job --scope *";
    let mut command = place.command();
    command.args(create.split(' ')).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().expect("started")
}
