/// What somebody may have meant who wrote `written`: the nearest of the names that there are, if
/// it is near enough to be a slip.
pub(super) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Nobody mistypes a whole line, and distances of long texts take their time.
    const LONGEST: usize = 64;
    if written.len() > LONGEST {
        return None;
    }
    let most = match written.chars().count() {
        0..3 => 0,
        3..6 => 1,
        _ => 2,
    };
    let near = known
        .into_iter()
        .filter(|name| name.len() <= LONGEST)
        .map(|name| (distance(written, name), name))
        .filter(|(distance, _)| (1..=most).contains(distance));
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How many letters have to be added, taken out, exchanged or swapped with their neighbour (the
/// optimal string alignment distance).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut last: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    let mut before = None;
    for (at, letter) in one.chars().enumerate() {
        let mut next = vec![at + 1];
        for (column, there) in other.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX);
            let exchanged = cell(&row, column) + usize::from(letter != *there);
            let changed = cell(&row, column + 1).min(cell(&next, column)) + 1;
            let swapped = column
                .checked_sub(1)
                .filter(|left| other.get(*left) == Some(&letter) && before == Some(*there))
                .map_or(usize::MAX, |left| cell(&last, left).saturating_add(1));
            next.push(exchanged.min(changed).min(swapped));
        }
        last = std::mem::replace(&mut row, next);
        before = Some(letter);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distances_count_slips() {
        for (one, other, slips) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("orders", "orders", 0),
            ("ordres", "orders", 1),
            ("order", "orders", 1),
            ("örders", "orders", 1),
            ("billing", "bilingg", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), slips, "{one} {other}");
        }
    }

    #[test]
    fn what_is_near_is_meant_and_nothing_else() {
        let known = ["orders", "order-lines", "billing"];
        assert_eq!(nearest("ordes", known), Some("orders"));
        assert_eq!(nearest("biling", known), Some("billing"));
        assert_eq!(nearest("orders", known), None, "it is there");
        assert_eq!(nearest("x", known), None);
        assert_eq!(nearest("shipping", known), None);
        assert_eq!(nearest(&"o".repeat(10_000), known), None);
        assert_eq!(nearest("", ["a"]), None);
    }
}
