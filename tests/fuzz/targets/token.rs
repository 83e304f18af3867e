//! Any bytes as a token: never granted unless they are the one that was issued.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis_core::manager::Validation;
use portcullis_core::store::MemoryStore;
use portcullis_core::token::Presented;
use portcullis_core::{Context, Verdict};
use portcullis_fuzz::{ORDERS, World, edited};

static WORLD: LazyLock<World> = LazyLock::new(|| World::new(MemoryStore::new()));

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let good = WORLD.issued.token.expose().as_bytes();
    // The checksum is no secret: beyond it lies what a stranger can reach.
    let token = match first % 3 {
        0 => rest.to_vec(),
        1 => edited(good, rest),
        _ => checked(edited(good, rest)),
    };
    let context = Context::new(&ORDERS);
    let verdict = match WORLD.manager.try_validate(Presented::new(&token), &context) {
        Validation::Decided(verdict) => verdict,
        Validation::Pending(pending) => WORLD.runtime.block_on(pending.resolve(&context)),
    };
    match verdict {
        Verdict::Granted(_) => assert_eq!(token, good),
        Verdict::Denied(_) => assert_ne!(token, good),
        Verdict::Unavailable(_) => panic!("the store answers"),
    }
});

/// The token with the checksum that its other bytes call for.
fn checked(mut token: Vec<u8>) -> Vec<u8> {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if token.len() < 6 {
        return token;
    }
    let at = token.len() - 6;
    let mut check = crc32(&token[..at]);
    for place in (at..token.len()).rev() {
        token[place] = DIGITS[(check % 62) as usize];
        check /= 62;
    }
    token
}

/// CRC-32 (ISO-HDLC), written apart from the one under test.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ (crc & 1) * 0xedb8_8320
        })
    })
}
