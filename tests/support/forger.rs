/// Tokens of our form, with right checksums, that nobody issued: what a
/// stranger can make who has read the documentation. Each is another one.
#[derive(Debug, Clone)]
pub struct Forger {
    state: u64,
    text: Vec<u8>,
}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Forger {
    /// Makes the same tokens for the same seed, and others for each other one.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            state: seed << 40,
            text: Vec::with_capacity(91),
        }
    }

    /// The next token.
    pub fn forge(&mut self) -> &[u8] {
        self.text.clear();
        self.text.extend_from_slice(b"pck_live_");
        for at in 0..32 {
            // The id is a UUID of version 4 (RFC 9562 section 5.4).
            let digit = match at {
                12 => 4,
                16 => 8 | self.random(4),
                _ => self.random(16),
            };
            self.text.push(b"0123456789abcdef"[digit]);
        }
        // A secret that begins with zero is never too large for its 32 bytes.
        self.text.extend_from_slice(b"_0");
        for _ in 0..42 {
            let digit = self.random(62);
            self.text.push(DIGITS[digit]);
        }
        let mut check = crc32fast::hash(&self.text) as usize;
        let mut digits = [b'0'; 6];
        for digit in digits.iter_mut().rev() {
            *digit = DIGITS[check % 62];
            check /= 62;
        }
        self.text.extend_from_slice(&digits);
        &self.text
    }

    /// A number below `bound`, by SplitMix64 (Steele, Lea and Flood, 2014).
    fn random(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) as usize) % bound
    }
}
