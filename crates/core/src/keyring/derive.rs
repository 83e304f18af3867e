use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::key::{Digest, Environment, KeyId};
use crate::keyring::RootName;
use crate::token::{ParsedToken, Prefix};

/// HMAC-SHA-256 with its key already absorbed: a clone costs no compression.
pub(crate) type PreparedMac = Hmac<Sha256>;

/// One root, with a prepared key for each purpose.
pub(crate) struct Root {
    pub(crate) name: RootName,
    /// On the heap, so that moving it leaves no copy behind.
    pub(super) secret: Box<Zeroizing<[u8; 32]>>,
    digest: PreparedMac,
    tag: PreparedMac,
    cursor: PreparedMac,
    audit: PreparedMac,
    check: [u8; 32],
}

impl Root {
    pub(crate) fn new(name: RootName, secret: Box<Zeroizing<[u8; 32]>>) -> Self {
        let hkdf = Hkdf::<Sha256>::new(Some(b"portcullis keyring v1"), &**secret);
        let check = prepare(&hkdf, b"check")
            .chain_update(b"portcullis")
            .finalize()
            .into_bytes();
        Self {
            name,
            digest: prepare(&hkdf, b"digest"),
            tag: prepare(&hkdf, b"tag"),
            cursor: prepare(&hkdf, b"cursor"),
            audit: prepare(&hkdf, b"audit"),
            check: check.into(),
            secret,
        }
    }

    /// What is stored in place of a token. The common prefix makes this three
    /// compressions.
    pub(crate) fn digest(&self, token: &ParsedToken) -> Digest {
        let mut mac = self.digest.clone();
        absorb(&mut mac, token.prefix, token.environment, token.id);
        mac.update(&token.secret);
        Digest::from_bytes(mac.finalize().into_bytes().into())
    }

    /// The tag that proves that this root issued a token.
    pub(crate) fn tag(
        &self,
        prefix: Prefix,
        environment: Environment,
        id: KeyId,
        random: &[u8],
    ) -> [u8; 8] {
        let mut mac = self.tag.clone();
        absorb(&mut mac, prefix, environment, id);
        mac.update(random);
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        let mut tag = [0; 8];
        tag.iter_mut().zip(full).for_each(|(tag, byte)| *tag = byte);
        tag
    }

    /// Whether this root issued the token.
    pub(crate) fn issued(&self, token: &ParsedToken) -> bool {
        let (random, tag) = token.parts();
        let made = self.tag(token.prefix, token.environment, token.id, random);
        made.ct_eq(tag).into()
    }

    /// The prepared key under which cursors are signed.
    pub(crate) fn cursor(&self) -> PreparedMac {
        self.cursor.clone()
    }

    /// The prepared key of the audit chain.
    pub(crate) fn audit(&self) -> PreparedMac {
        self.audit.clone()
    }

    /// An HMAC of a constant: tells whether another keyring holds another
    /// secret under the same name, and nothing else.
    pub(crate) fn check(&self) -> [u8; 32] {
        self.check
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({})", self.name)
    }
}

/// The parts that digest and tag have in common. The prefix alone varies in
/// length, so its length stands before it.
fn absorb(mac: &mut PreparedMac, prefix: Prefix, environment: Environment, id: KeyId) {
    let text = prefix.as_bytes();
    mac.update(&[text.len() as u8]);
    mac.update(text);
    mac.update(match environment {
        Environment::Live => b"L",
        Environment::Test => b"T",
    });
    mac.update(id.as_bytes());
}

fn prepare(hkdf: &Hkdf<Sha256>, purpose: &[u8]) -> PreparedMac {
    let mut key = Zeroizing::new([0; 32]);
    // Invariant: 32 bytes are far below HKDF-SHA-256's limit of 8,160, and
    // HMAC takes keys of every length, so neither call can fail.
    #[expect(
        clippy::expect_used,
        reason = "the lengths are constants within both limits"
    )]
    {
        hkdf.expand(purpose, &mut *key)
            .expect("32 bytes are within HKDF's limit");
        PreparedMac::new_from_slice(&*key).expect("HMAC takes keys of every length")
    }
}
