/// So many of something, in words: the singular of 1.
pub(crate) fn counted(number: impl TryInto<u64>, one: &str) -> String {
    // What does not fit is no 1.
    let number = number.try_into().unwrap_or(u64::MAX);
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {one}s"),
    }
}

/// The same as the subject of a sentence, with its verb.
pub(crate) fn counted_are(number: impl TryInto<u64>, one: &str) -> String {
    let text = counted(number, one);
    let verb = if text.ends_with('s') { "are" } else { "is" };
    format!("{text} {verb}")
}

#[cfg(test)]
mod tests {
    use super::{counted, counted_are};

    #[test]
    fn one_is_no_plural() {
        let words = [0_u64, 1, 2].map(|number| counted(number, "key"));
        assert_eq!(words, ["0 keys", "1 key", "2 keys"]);
        let words = [1_usize, 1_000].map(|number| counted_are(number, "event"));
        assert_eq!(words, ["1 event is", "1000 events are"]);
    }
}
