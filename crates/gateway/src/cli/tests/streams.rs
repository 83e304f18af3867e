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
