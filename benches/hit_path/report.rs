use portcullis_benches::{Timed, median, spread};

use crate::parts::{CLOCK, COUNTER, CRC, GOVERNOR, HMAC, MOKA};
use crate::wholes::{ADMIT_FREE, ADMIT_RATED, INNER, LAYER, VALIDATE};

/// Each whole, and how often it needs each part.
const WHOLES: [(&str, &[(&str, u32)]); 4] = [
    (
        VALIDATE,
        &[(HMAC, 1), (CRC, 1), (MOKA, 1), (CLOCK, 1), (COUNTER, 3)],
    ),
    (
        ADMIT_FREE,
        &[(HMAC, 1), (CRC, 1), (MOKA, 1), (CLOCK, 1), (COUNTER, 4)],
    ),
    (
        ADMIT_RATED,
        &[
            (HMAC, 1),
            (CRC, 1),
            (MOKA, 1),
            (CLOCK, 1),
            (COUNTER, 4),
            (GOVERNOR, 1),
        ],
    ),
    (
        LAYER,
        // Two readings more: how long the decision took is recorded.
        &[
            (INNER, 1),
            (HMAC, 1),
            (CRC, 1),
            (MOKA, 1),
            (CLOCK, 3),
            (COUNTER, 5),
            (GOVERNOR, 1),
        ],
    ),
];

/// Prints what every part took, and every whole beside the sum of its parts.
pub(crate) fn print(timed: &[Timed]) {
    println!(
        "\n{:<38} {:>9} {:>9} {:>9}",
        "ns each", "median", "least", "most"
    );
    for case in timed {
        let (least, most) = spread(&case.rounds);
        let middle = median(&case.rounds);
        println!("{:<38} {middle:>9.1} {least:>9.1} {most:>9.1}", case.name);
    }
    println!(
        "\n{:<38} {:>9} {:>9} {:>9}   range",
        "whole beside its parts, ns", "whole", "parts", "ratio"
    );
    for (name, parts) in WHOLES {
        let whole = rounds_of(timed, name);
        let complete = parts
            .iter()
            .all(|(part, _)| !rounds_of(timed, part).is_empty());
        if whole.is_empty() || !complete {
            continue;
        }
        let sums: Vec<f64> = (0..whole.len())
            .map(|round| sum_of(timed, parts, round))
            .collect();
        // Round by round: both were slowed by the same.
        let ratios: Vec<f64> = whole
            .iter()
            .zip(&sums)
            .map(|(whole, sum)| whole / sum)
            .collect();
        let (least, most) = spread(&ratios);
        println!(
            "{name:<38} {:>9.1} {:>9.1} {:>9.2}   {least:.2} to {most:.2}",
            median(whole),
            median(&sums),
            median(&ratios),
        );
    }
}

fn sum_of(timed: &[Timed], parts: &[(&str, u32)], round: usize) -> f64 {
    let took = |name| {
        rounds_of(timed, name)
            .get(round)
            .copied()
            .unwrap_or(f64::NAN)
    };
    parts
        .iter()
        .map(|(name, times)| took(name) * f64::from(*times))
        .sum()
}

fn rounds_of<'a>(timed: &'a [Timed], name: &str) -> &'a [f64] {
    let found = timed.iter().find(|case| case.name == name);
    found.map_or(&[], |case| &case.rounds)
}
