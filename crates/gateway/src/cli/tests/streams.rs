use serde_json::json;

use crate::cli::output::{Format, Output};

#[test]
fn results_and_remarks_go_to_streams_of_their_own() {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut output = Output::new(Format::Text, false, &mut out, &mut err);
    output
        .result(&json!({}), || "a result\n\n".to_owned())
        .expect("written");
    output.note("a remark").expect("written");
    assert_eq!(
        (out.as_slice(), err.as_slice()),
        (&b"a result\n"[..], &b"a remark\n"[..])
    );
}

#[test]
fn no_text_steers_the_terminal_and_json_stays_as_it_is() {
    let stored = "a\u{1b}[2J\nb\u{202e}";
    let shown = "a\\u{1b}[2J\nb\\u{202e}\n";
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut output = Output::new(Format::Text, true, &mut out, &mut err);
    output
        .result(&json!({}), || stored.to_owned())
        .expect("written");
    output.note(stored).expect("written");
    assert_eq!((out, err), (shown.into(), shown.into()));

    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut output = Output::new(Format::Json, true, &mut out, &mut err);
    output
        .result(&json!(stored), || unreachable!("JSON is asked for"))
        .expect("written");
    let read: String = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(read, stored);
}
