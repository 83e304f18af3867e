use serde_json::Number;

/// The numbers of a JSON text, in their order, as they are written. Meant for a
/// text that somebody else parses at the same time: of one that is no JSON, what
/// comes after the fault means nothing.
#[derive(Clone)]
pub(super) struct Numbers<'t> {
    rest: &'t str,
}

impl<'t> Numbers<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { rest: text }
    }
}

impl<'t> Iterator for Numbers<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        loop {
            let starts = |byte: u8| byte == b'"' || byte == b'-' || byte.is_ascii_digit();
            let start = self.rest.bytes().position(starts)?;
            let rest = self.rest.get(start..)?;
            if let Some(text) = rest.strip_prefix('"') {
                self.rest = after_string(text);
                continue;
            }
            let belongs =
                |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
            let length = rest.bytes().take_while(belongs).count();
            let (number, rest) = rest.split_at_checked(length)?;
            self.rest = rest;
            return Some(number);
        }
    }
}

/// What follows the string that began before `text`.
fn after_string(text: &str) -> &str {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.and_then(|end| text.get(end + 1..)).unwrap_or_default()
}

/// The number that JSON (RFC 8259, section 6) would write like this and that
/// keeps every digit: a whole one of 64 bits, or a double (IEEE 754 binary64)
/// with no more digits than it holds.
pub(super) fn kept(written: &str) -> Option<Number> {
    if let Ok(whole) = written.parse::<u64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = written.parse::<i64>() {
        // A double knows zero with a sign, and a whole number does not.
        return (whole != 0)
            .then(|| whole.into())
            .or_else(|| double(written));
    }
    let is_whole = !written.contains(['.', 'e', 'E']);
    if is_whole { None } else { double(written) }
}

fn double(written: &str) -> Option<Number> {
    // Exact, unlike what a JSON parser does in a hurry.
    let value: f64 = written.parse().ok()?;
    let number = Number::from_f64(value)?;
    // The fewest digits that read back as this value. Where two such texts lie
    // equally near to it, one writer prints the one and another the other.
    let shortest = [format!("{value:e}"), number.to_string()];
    let written = decimal(written);
    shortest
        .iter()
        .any(|shortest| written == decimal(shortest))
        .then_some(number)
}

/// Sign, digits and exponent: `0.digits x 10^exponent`, without zeros at either
/// end; no digits and exponent for zero. Nothing where the exponent is beyond
/// all reason.
fn decimal(written: &str) -> Option<(bool, String, i64)> {
    let (negative, unsigned) = match written.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, written),
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let leading = all.len() - all.trim_start_matches('0').len();
    let digits = all.trim_matches('0');
    if digits.is_empty() {
        return Some((negative, String::new(), 0));
    }
    let shift = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()?;
    let exponent = exponent.parse::<i64>().ok()?.checked_add(shift)?;
    Some((negative, digits.to_owned(), exponent))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Numbers, kept};

    #[test]
    fn numbers_are_found_outside_of_strings() {
        let text = r#"{"1\"2\\":-1.5e+3,"a":["7\\\"8",0,true,{"e":2E-7}],"3":12}"#;
        let found: Vec<&str> = Numbers::of(text).collect();
        assert_eq!(found, ["-1.5e+3", "0", "2E-7", "12"]);
        for text in ["", "\"1", "\"1\\", "\"\\\"1", "é\"1"] {
            assert_eq!(Numbers::of(text).next(), None, "{text}");
        }
    }

    #[test]
    fn a_number_is_kept_or_it_is_none() {
        for (written, value) in [
            ("0", "0"),
            ("-0", "-0.0"),
            ("-0.0e7", "-0.0"),
            ("0e99999999999999999999", "0.0"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("1.0", "1.0"),
            ("1.50", "1.5"),
            ("100e-2", "1.0"),
            ("0.1", "0.1"),
            ("5e-324", "5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("0.30000000000000004", "0.30000000000000004"),
        ] {
            let number = kept(written).map(|number| number.to_string());
            assert_eq!(number.as_deref(), Some(value), "{written}");
        }
        for written in [
            "18446744073709551616",
            "-9223372036854775809",
            "100000000000000000000",
            "1e309",
            "-1e999",
            "1e99999999999999999999",
            "1e-400",
            "1e-99999999999999999999",
            "0.12345678901234567890",
            "9007199254740993.0",
            "0.1000000000000000055511151231257827",
        ] {
            assert_eq!(kept(written), None, "{written}");
        }
    }

    #[test]
    fn of_two_shortest_texts_both_are_kept() {
        let value = f64::from_bits(14_056_777_174_555_064_325);
        for written in [format!("{value:e}"), serde_json::json!(value).to_string()] {
            let number = kept(&written).and_then(|number| number.as_f64());
            assert_eq!(number, Some(value), "{written}");
        }
    }

    proptest! {
        #[test]
        fn what_a_double_prints_is_kept(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            for written in [format!("{value:e}"), format!("{value:?}"), serde_json::json!(value).to_string()] {
                let number = kept(&written).and_then(|number| number.as_f64());
                prop_assert_eq!(number.map(f64::to_bits), Some(bits), "{}", written);
            }
        }

        #[test]
        fn any_text_is_walked_over(text: String) {
            prop_assert!(Numbers::of(&text).count() <= text.len());
        }
    }
}
