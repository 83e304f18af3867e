//! Base 62 of fixed width: `0-9`, `A-Z`, `a-z`, most significant digit first.

/// Digits of 32 bytes.
pub(super) const SECRET_DIGITS: usize = 43;
/// Digits of a CRC-32.
pub(super) const CHECK_DIGITS: usize = 6;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Ten digits fit in 64 bits; longer runs are taken ten at a time.
const CHUNK: usize = 10;

/// The bytes that 43 digits stand for; nothing where a character is no digit,
/// or where the number needs more than 256 bits.
pub(super) fn decode_secret(digits: &[u8; SECRET_DIGITS]) -> Option<[u8; 32]> {
    let mut limbs = [0_u64; 4];
    let (head, tail) = digits.split_at(SECRET_DIGITS % CHUNK);
    for chunk in std::iter::once(head).chain(tail.chunks(CHUNK)) {
        let mut carry = u128::from(value(chunk)?);
        let factor = 62_u128.pow(u32::try_from(chunk.len()).ok()?);
        for limb in limbs.iter_mut().rev() {
            let product = u128::from(*limb) * factor + carry;
            // The low half, on purpose: the high half is carried.
            *limb = product as u64;
            carry = product >> 64;
        }
        if carry != 0 {
            return None;
        }
    }
    let mut bytes = [0; 32];
    for (target, limb) in bytes.chunks_exact_mut(8).zip(limbs) {
        target.copy_from_slice(&limb.to_be_bytes());
    }
    Some(bytes)
}

/// Writes the 43 digits of 32 bytes.
pub(super) fn encode_secret(bytes: &[u8; 32], digits: &mut [u8; SECRET_DIGITS]) {
    let mut words = [0_u32; 8];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = chunk
            .iter()
            .fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0_u64;
        for word in &mut words {
            let value = remainder << 32 | u64::from(*word);
            *word = (value / 62) as u32;
            remainder = value % 62;
        }
        *digit = character(remainder);
    }
}

/// The number that 6 digits stand for; nothing where it needs more than 32 bits.
pub(super) fn decode_check(digits: &[u8; CHECK_DIGITS]) -> Option<u32> {
    u32::try_from(value(digits)?).ok()
}

/// Writes the 6 digits of a number.
pub(super) fn encode_check(mut number: u32, digits: &mut [u8; CHECK_DIGITS]) {
    for digit in digits.iter_mut().rev() {
        *digit = character(u64::from(number % 62));
        number /= 62;
    }
}

/// The value of at most ten digits.
fn value(digits: &[u8]) -> Option<u64> {
    debug_assert!(digits.len() <= CHUNK);
    let mut value = 0_u64;
    for digit in digits {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'Z' => digit - b'A' + 10,
            b'a'..=b'z' => digit - b'a' + 36,
            _ => return None,
        };
        value = value * 62 + u64::from(digit);
    }
    Some(value)
}

#[expect(
    clippy::indexing_slicing,
    reason = "every caller passes a remainder of division by 62"
)]
fn character(digit: u64) -> u8 {
    ALPHABET[digit as usize]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{decode_check, decode_secret, encode_check, encode_secret};

    proptest! {
        #[test]
        fn what_is_encoded_decodes(bytes: [u8; 32], number: u32) {
            let mut digits = [0; 43];
            encode_secret(&bytes, &mut digits);
            prop_assert_eq!(decode_secret(&digits), Some(bytes));
            let mut check = [0; 6];
            encode_check(number, &mut check);
            prop_assert_eq!(decode_check(&check), Some(number));
        }

        #[test]
        fn every_text_decodes_to_at_most_one_value(digits in prop::array::uniform32(any::<u8>())) {
            let mut text = [b'0'; 43];
            text[11..].copy_from_slice(&digits);
            if let Some(bytes) = decode_secret(&text) {
                let mut again = [0; 43];
                encode_secret(&bytes, &mut again);
                prop_assert_eq!(text, again);
            }
        }
    }

    #[test]
    fn the_greatest_value_decodes_and_the_next_one_does_not() {
        let mut digits = [0; 43];
        encode_secret(&[0xff; 32], &mut digits);
        assert_eq!(decode_secret(&digits), Some([0xff; 32]));
        let last = digits.iter_mut().next_back().expect("43 digits");
        assert_ne!(*last, b'z');
        *last += 1;
        assert_eq!(decode_secret(&digits), None);
        assert_eq!(decode_secret(&[b'z'; 43]), None);
        assert_eq!(decode_check(b"zzzzzz"), None);
        assert_eq!(decode_check(b"00000-"), None);
    }
}
