use serde_json::Value;

/// Takes out a member that is another one each time, if it looks as it should.
pub(super) fn take(value: &mut Value, name: &str, looks: impl Fn(&str) -> bool) -> String {
    let taken = value.as_object_mut().expect("an object").remove(name);
    let taken = taken.unwrap_or_else(|| panic!("{name} is missing"));
    let text = taken
        .as_str()
        .unwrap_or_else(|| panic!("{name} is {taken}"))
        .to_owned();
    assert!(looks(&text), "{name}: {text}");
    text
}

pub(super) fn is_time(text: &str) -> bool {
    text.len() == "2030-01-31T12:00:00.000Z".len() && text.ends_with('Z')
}

pub(super) fn is_id(text: &str) -> bool {
    text.len() == 36 && text.split('-').count() == 5
}

pub(super) fn is_token(text: &str) -> bool {
    text.starts_with("pck_live_") && text.len() == 91
}
