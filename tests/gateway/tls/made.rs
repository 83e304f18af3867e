use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_tests::Place;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// How many authorities there are.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// An authority that issues certificates.
pub(crate) struct Ca {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Two of one name would be taken for one whose signature is bad.
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("authority {number}");
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("signed").pem();
        let issuer = Issuer::new(params, key);
        Self { pem, issuer }
    }

    /// For these names or addresses.
    pub(crate) fn issue(&self, names: &[&str]) -> Pair {
        self.issue_until(names, 4000)
    }

    /// The same, until the beginning of a year.
    pub(crate) fn issue_until(&self, names: &[&str], year: i32) -> Pair {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Writes the root into a file of the folder.
    pub(crate) fn write(&self, place: &Place, name: &str) {
        fs::write(place.path(name), &self.pem).expect("written");
    }
}

impl Pair {
    /// Writes the two files `NAME.pem` and `NAME.key` of the folder.
    pub(crate) fn write(&self, place: &Place, name: &str) {
        let file = |ending, text| fs::write(place.path(&format!("{name}.{ending}")), text);
        file("pem", &self.certificate).expect("written");
        file("key", &self.key).expect("written");
    }
}
