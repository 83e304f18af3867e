use std::path::Path;
use std::sync::Arc;

use rustls::InconsistentKeys;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, DnsName, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use super::pem::{read_certificates, read_key};
use super::{CertificateConfig, TlsError, TlsErrorKind};

/// A certificate with the key that fits it, and the names that clients ask for it by.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// In small letters, some with `*.` in front.
    pub(super) names: Vec<String>,
}

impl Certificate {
    /// Reads and checks the two files. `field` is the table's.
    pub(super) fn read(
        config: &CertificateConfig,
        field: &str,
        provider: &CryptoProvider,
    ) -> Result<Self, TlsError> {
        let key = read_pair(&config.certificate, &config.key, field, provider)?;
        let of_certificate = format!("{field}.certificate");
        let unreadable = || {
            TlsError::new(&*of_certificate, TlsErrorKind::BadCertificate(1)).at(&config.certificate)
        };
        let first = key.end_entity_cert().map_err(|_| unreadable())?;
        let parsed = EndEntityCert::try_from(first).map_err(|_| unreadable())?;
        warn_of_lapse(&parsed, &config.certificate);
        let own: Vec<String> = parsed
            .valid_dns_names()
            .map(str::to_ascii_lowercase)
            .collect();
        let names = match config.names.is_empty() {
            true => own,
            false => chosen(config, &own, field)?,
        };
        Ok(Self {
            key: Arc::new(key),
            names,
        })
    }
}

/// A certificate, those of its issuers, and its key.
pub(super) fn read_pair(
    certificate: &Path,
    key: &Path,
    field: &str,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let of_certificate = format!("{field}.certificate");
    let of_key = format!("{field}.key");
    let chain = read_certificates(certificate, &of_certificate)?;
    check_all(&chain, certificate, &of_certificate)?;
    let der = read_key(key, &of_key)?;
    let signing = provider.key_provider.load_private_key(der);
    let error = |kind| TlsError::new(&*of_key, kind).at(key);
    let signing = signing.map_err(|_| error(TlsErrorKind::BadKey))?;
    let pair = CertifiedKey::new(chain, signing);
    match pair.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(pair),
        Err(_) => Err(error(TlsErrorKind::KeyDoesNotFit)),
    }
}

fn check_all(chain: &[CertificateDer<'_>], path: &Path, field: &str) -> Result<(), TlsError> {
    for (at, certificate) in chain.iter().enumerate() {
        if let Err(cause) = EndEntityCert::try_from(certificate) {
            let error = TlsError::new(field, TlsErrorKind::BadCertificate(at + 1));
            return Err(error.at(path).because(cause));
        }
    }
    Ok(())
}

/// The configured names, each of which must be one of the certificate's. `field` is the table's.
fn chosen(
    config: &CertificateConfig,
    own: &[String],
    field: &str,
) -> Result<Vec<String>, TlsError> {
    let mut names = Vec::with_capacity(config.names.len());
    for name in &config.names {
        let small = name.to_ascii_lowercase();
        if !is_name(&small) {
            let kind = TlsErrorKind::BadName(name.clone());
            return Err(TlsError::new(format!("{field}.names"), kind));
        }
        if !own.iter().any(|own| covers(own, &small)) {
            let kind = TlsErrorKind::NotForName(small);
            return Err(TlsError::new(format!("{field}.certificate"), kind).at(&config.certificate));
        }
        names.push(small);
    }
    Ok(names)
}

/// Whether a text is a name, or `*.` and a name.
pub(crate) fn is_name(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    DnsName::try_from(name).is_ok() && !name.ends_with('.')
}

/// Whether a name of a certificate is that of a server, RFC 6125 section 6.4.3: `*` is one label.
fn covers(own: &str, name: &str) -> bool {
    own == name
        || own
            .strip_prefix("*.")
            .zip(name.split_once('.'))
            .is_some_and(|(own, (label, rest))| label != "*" && own == rest)
}

/// One that is over, or not yet valid, is used nonetheless: the clock may be what is wrong, and a
/// gateway that does not start helps nobody.
fn warn_of_lapse(certificate: &EndEntityCert<'_>, path: &Path) {
    let path = path.display();
    match lapse(certificate, UnixTime::now()) {
        Some(webpki::Error::CertExpired { not_after, .. }) => tracing::warn!(
            %path, not_after = not_after.as_secs(),
            "a certificate has expired: clients will refuse it"
        ),
        Some(webpki::Error::CertNotValidYet { not_before, .. }) => tracing::warn!(
            %path, not_before = not_before.as_secs(),
            "a certificate is not valid yet: clients will refuse it"
        ),
        _ => {}
    }
}

/// What stands against a certificate whatever its issuer is: that is asked before there are roots,
/// of which there are none here.
fn lapse(certificate: &EndEntityCert<'_>, now: UnixTime) -> Option<webpki::Error> {
    let usage = KeyUsage::server_auth();
    certificate
        .verify_for_usage(&[], &[], &[], now, usage, None, None)
        .err()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tls::tests::{Ca, Folder};

    #[test]
    fn a_wildcard_is_one_label() {
        for (own, name, is_covered) in [
            ("a.test", "a.test", true),
            ("a.test", "b.test", false),
            ("*.a.test", "x.a.test", true),
            ("*.a.test", "*.a.test", true),
            ("*.a.test", "a.test", false),
            ("*.a.test", "x.y.a.test", false),
            ("x.a.test", "*.a.test", false),
            ("*.a.test", "*.b.test", false),
        ] {
            assert_eq!(covers(own, name), is_covered, "{own} {name}");
        }
    }

    #[test]
    fn names_are_names() {
        for name in ["a", "a.test", "*.a.test", "xn--bcher-kva.test", "a-b.test"] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "", "*", "*.", "a.", "a b", "a/b", "*a.test", "a.*.test", "é.test",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn what_has_expired_is_known_without_its_issuer() {
        let (ca, folder) = (Ca::new("ca"), Folder::new());
        let pair = folder.pair("a", &ca.issue(&["a.test"]));
        let chain = read_certificates(&pair.certificate, "tls").expect("certificates");
        let parsed = EndEntityCert::try_from(&chain[0]).expect("parsed");
        let after = UnixTime::since_unix_epoch(Duration::from_secs(100_000_000_000));
        let expired = lapse(&parsed, after);
        assert!(
            matches!(expired, Some(webpki::Error::CertExpired { .. })),
            "{expired:?}"
        );
        let before = UnixTime::since_unix_epoch(Duration::ZERO);
        let early = lapse(&parsed, before);
        assert!(
            matches!(early, Some(webpki::Error::CertNotValidYet { .. })),
            "{early:?}"
        );
        let now = lapse(&parsed, UnixTime::now());
        assert!(matches!(now, Some(webpki::Error::UnknownIssuer)), "{now:?}");
    }
}
