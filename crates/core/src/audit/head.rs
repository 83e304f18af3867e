use std::fmt;
use std::str::FromStr;

use crate::audit::digits;
use crate::error::Invalid;
use crate::store::AuditHead;

/// `SEQUENCE:MAC`, the latter as 64 hexadecimal digits in lower case: short
/// enough to be kept elsewhere, for example in another system's log.
impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.sequence)?;
        digits::write(&self.mac, f)
    }
}

/// Reads what `Display` writes, and nothing else.
impl FromStr for AuditHead {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let expected = || Invalid::new("head", "SEQUENCE:MAC, as portcullis audit head prints it");
        let (sequence, mac) = text.split_once(':').ok_or_else(expected)?;
        let sequence = sequence.parse().map_err(|_| expected())?;
        let mac = digits::read(mac).ok_or_else(expected)?;
        let head = Self { sequence, mac };
        // One spelling for each head.
        (head.to_string() == text)
            .then_some(head)
            .ok_or_else(expected)
    }
}

#[cfg(test)]
mod tests {
    use crate::store::AuditHead;

    #[test]
    fn a_head_reads_back_from_its_one_spelling() {
        for sequence in [0, 1, 4711, u64::MAX] {
            let mac = std::array::from_fn(|at| at as u8 * 7);
            let head = AuditHead { sequence, mac };
            assert_eq!(head.to_string().parse(), Ok(head));
        }
        let text = format!("12:{}", "0f".repeat(32));
        assert!(text.parse::<AuditHead>().is_ok());
        let long = format!("12:{}", "0".repeat(100_000));
        for wrong in [
            "",
            ":",
            "12",
            "12:",
            &text[3..],
            &text[..text.len() - 1],
            &format!("{text}0"),
            &format!("0{text}"),
            &format!("+{text}"),
            &format!("-{text}"),
            &format!(" {text}"),
            &format!("{text}\n"),
            &text.to_uppercase(),
            &text.replacen('0', "g", 1),
            &text.replacen("0f", "é", 1),
            &text.replacen("12", "18446744073709551616", 1),
            &long,
        ] {
            assert!(wrong.parse::<AuditHead>().is_err(), "{wrong:.80}");
        }
    }
}
