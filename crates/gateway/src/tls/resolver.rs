use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::Certificate;

/// Chooses the certificate that a client is shown by the name that it asks for: one for this very
/// name, then one for all of one label before the rest of it, then the first of all.
///
/// Where several are for a name, the first of them counts whose key signs in a way that the client
/// knows: so one of RSA can stand beside one of ECDSA.
#[derive(Debug)]
pub(super) struct CertificateResolver {
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// By what stands behind `*.`.
    wildcard: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// For clients that ask for no name, or for one that is not here.
    others: Option<Arc<CertifiedKey>>,
}

impl CertificateResolver {
    pub(super) fn new(certificates: &[Certificate], strict: bool) -> Self {
        let mut resolver = Self {
            exact: HashMap::new(),
            wildcard: HashMap::new(),
            others: None,
        };
        if !strict {
            let first = certificates.first();
            resolver.others = first.map(|first| Arc::clone(&first.key));
        }
        for certificate in certificates {
            for name in &certificate.names {
                let (names, name) = match name.strip_prefix("*.") {
                    Some(rest) => (&mut resolver.wildcard, rest),
                    None => (&mut resolver.exact, name.as_str()),
                };
                let keys = names.entry(name.to_owned()).or_default();
                keys.push(Arc::clone(&certificate.key));
            }
        }
        resolver
    }

    /// Those that a client may be shown, the best first.
    fn candidates(&self, name: Option<&str>) -> &[Arc<CertifiedKey>] {
        let name = name.map(str::to_ascii_lowercase);
        let found = name.as_deref().and_then(|name| {
            let parent = || name.split_once('.').map(|(_, parent)| parent);
            let exact = self.exact.get(name);
            exact.or_else(|| self.wildcard.get(parent()?))
        });
        match found {
            Some(found) => found,
            None => self.others.as_slice(),
        }
    }
}

impl ResolvesServerCert for CertificateResolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let candidates = self.candidates(hello.server_name());
        let schemes = hello.signature_schemes();
        let known = candidates
            .iter()
            .find(|candidate| candidate.key.choose_scheme(schemes).is_some());
        known.or_else(|| candidates.first()).map(Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::CertificateConfig;
    use crate::tls::provider::provider;
    use crate::tls::tests::{Ca, Folder};

    fn certificates(named: &[&[&str]]) -> Vec<Certificate> {
        let (ca, folder) = (Ca::new("ca"), Folder::new());
        let read = named.iter().enumerate().map(|(at, names)| {
            let pair = folder.pair(&at.to_string(), &ca.issue(names));
            let config = CertificateConfig::new(pair.certificate, pair.key);
            Certificate::read(&config, "tls", &provider()).expect("a certificate")
        });
        read.collect()
    }

    /// The places of those that a name may be shown.
    fn found(resolver: &CertificateResolver, of: &[Certificate], name: Option<&str>) -> Vec<usize> {
        let candidates = resolver.candidates(name).iter();
        let place = |found: &Arc<CertifiedKey>| {
            of.iter()
                .position(|one| Arc::ptr_eq(&one.key, found))
                .expect("one of them")
        };
        candidates.map(place).collect()
    }

    #[test]
    fn the_most_specific_name_has_the_certificate() {
        let of = certificates(&[
            &["first.test"],
            &["*.a.test"],
            &["x.a.test", "Y.A.test"],
            &["x.a.test"],
        ]);
        let resolver = CertificateResolver::new(&of, false);
        let find = |name| found(&resolver, &of, name);
        assert_eq!(find(Some("first.test")), [0]);
        assert_eq!(find(Some("x.a.test")), [2, 3], "in the order of the file");
        assert_eq!(find(Some("X.a.TEST")), [2, 3]);
        assert_eq!(find(Some("y.a.test")), [2]);
        assert_eq!(find(Some("z.a.test")), [1]);
        for name in ["a.test", "z.z.a.test", "test", "other.test"] {
            assert_eq!(find(Some(name)), [0], "{name}");
        }
        assert_eq!(find(None), [0]);
    }

    #[test]
    fn a_strict_one_shows_nothing_to_those_that_ask_for_no_name_of_it() {
        let of = certificates(&[&["first.test"], &["*.a.test"]]);
        let resolver = CertificateResolver::new(&of, true);
        assert_eq!(found(&resolver, &of, Some("first.test")), [0]);
        assert_eq!(found(&resolver, &of, Some("z.a.test")), [1]);
        for name in [Some("other.test"), Some("a.test"), None] {
            assert!(found(&resolver, &of, name).is_empty(), "{name:?}");
        }
    }
}
