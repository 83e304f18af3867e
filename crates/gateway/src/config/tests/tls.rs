//! TLS, towards clients and upstreams.

use std::path::Path;

use super::{faults, parse};
use crate::tls::{ClientCertificates, TlsVersion, UpstreamTls};

const CERTIFICATE: &str = "[[tls.certificates]]\ncertificate = \"a.pem\"\nkey = \"/b/a.key\"\n";

fn in_folder(name: &str) -> std::path::PathBuf {
    Path::new("/etc/portcullis").join(name)
}

#[test]
fn a_listener_has_what_is_said_of_it() {
    let config = parse(&format!(
        "[tls]\nlisten = \"[::1]:8443\"\nminimum = \"1.3\"\nstrict_sni = true\n{CERTIFICATE}\
         names = [\"A.test\", \"*.b.test\"]\n\
         [tls.clients]\nverify = \"optional\"\nroots = \"roots.pem\"\n[http2]\nenabled = false"
    ));
    let tls = config.expect("valid").tls.expect("a listener");
    assert_eq!(tls.listen, "[::1]:8443".parse().expect("an address"));
    assert_eq!(tls.minimum, TlsVersion::Tls13);
    assert!(tls.strict_sni && !tls.http2);
    let [pair] = &*tls.certificates else {
        panic!("{:?}", tls.certificates);
    };
    assert_eq!(pair.certificate, in_folder("a.pem"));
    assert_eq!(pair.key, Path::new("/b/a.key"));
    assert_eq!(pair.names, ["A.test", "*.b.test"]);
    let roots = in_folder("roots.pem");
    assert_eq!(tls.clients, ClientCertificates::Optional(roots));

    let config = parse(&format!(
        "[tls]\nlisten = \"127.0.0.1:8443\"\n{CERTIFICATE}"
    ));
    let tls = config.expect("valid").tls.expect("a listener");
    assert_eq!(
        (tls.minimum, tls.strict_sni, tls.http2),
        (TlsVersion::Tls12, false, true)
    );
    assert_eq!(tls.clients, ClientCertificates::Off);
    assert_eq!(parse("").expect("valid").tls, None);
}

#[test]
fn an_upstream_is_trusted_as_is_said_and_never_without_a_look() {
    let upstream = |rest: &str| {
        let text = format!("[[upstreams]]\nname = \"a\"\n{rest}");
        let config = parse(&text).unwrap_or_else(|error| panic!("{error}"));
        let files = config.tls_files();
        (config.upstreams().remove(0).config.tls, files)
    };
    assert_eq!(upstream("url = \"http://a\"").0, None);
    let (tls, files) = upstream("url = \"https://a\"");
    assert_eq!((tls, files.len()), (Some(UpstreamTls::default()), 0));
    let (tls, files) = upstream(
        "url = \"https://10.0.0.1:8443\"\n\
         tls = { roots = \"r.pem\", certificate = \"c.pem\", key = \"k.pem\", server_name = \"b.test\" }",
    );
    let tls = tls.expect("secured");
    assert_eq!(tls.roots, Some(in_folder("r.pem")));
    assert_eq!(tls.server_name.as_deref(), Some("b.test"));
    let pair = tls.certificate.expect("a pair");
    assert_eq!(
        (pair.certificate, pair.key),
        (in_folder("c.pem"), in_folder("k.pem"))
    );
    assert_eq!(files, ["c.pem", "k.pem", "r.pem"].map(in_folder));
    let short = "[[services]]\nname = \"a\"\nprefix = \"/\"\nupstream = \"https://a.test\"";
    let config = parse(short).expect("valid");
    assert_eq!(
        config.upstreams()[0].config.tls,
        Some(UpstreamTls::default())
    );
}

#[test]
fn faults_are_told_with_their_place() {
    for (text, expected) in [
        (
            "[tls]\nminimum = \"1.1\"".to_owned(),
            &[
                "1:1 tls.listen: is missing: expected for example listen = \"0.0.0.0:8443\"",
                "1:1 tls.certificates: is missing: expected for example a table [[tls.certificates]]",
                "2:11 tls.minimum: expected 1.2 or 1.3",
            ][..],
        ),
        (
            format!("listen = \"127.0.0.1:1\"\n[tls]\nlisten = \"127.0.0.1:1\"\n{CERTIFICATE}"),
            &["3:10 tls.listen: expected another address than listen and operations.listen"],
        ),
        (
            "[tls]\nlisten = \"127.0.0.1:1\"\n[[tls.certificates]]\nnames = [\"a b\"]\nkey = \"\"".to_owned(),
            &[
                "3:1 tls.certificates[0].certificate: is missing: expected for example certificate = \"server.pem\"",
                "4:10 tls.certificates[0].names[0]: expected a name, or *. and a name, for example api.example.com",
                "5:7 tls.certificates[0].key: expected the path of a file",
            ],
        ),
        (
            format!("[tls]\nlisten = \"127.0.0.1:1\"\n{CERTIFICATE}[tls.clients]\nverify = \"required\""),
            &["6:1 tls.clients.roots: is missing: expected for example roots = \"clients.pem\""],
        ),
        (
            format!("[tls]\nlisten = \"127.0.0.1:1\"\n{CERTIFICATE}[tls.clients]\nverify = \"yes\""),
            &["7:10 tls.clients.verify: expected off, optional or required"],
        ),
        (
            format!("[tls]\nlisten = \"127.0.0.1:1\"\n{CERTIFICATE}[tls.clients]\nroots = \"r.pem\""),
            &["7:9 tls.clients.roots: expected none where verify is off, which it is if left out"],
        ),
        (
            "[[upstreams]]\nname = \"a\"\nurl = \"http://a\"\ntls = { roots = \"r.pem\" }".to_owned(),
            &["4:7 upstreams[0].tls: expected none where the upstream is not https"],
        ),
        (
            "[[upstreams]]\nname = \"a\"\nurl = \"https://a\"\ntls = { certificate = \"c.pem\" }".to_owned(),
            &["4:7 upstreams[0].tls.key: is missing: expected for example key = \"gateway.key\""],
        ),
        (
            "[[upstreams]]\nname = \"a\"\nurl = \"https://a\"\ntls = { key = \"k.pem\", server_name = \"a b\" }".to_owned(),
            &[
                "4:7 upstreams[0].tls.certificate: is missing: expected for example certificate = \"gateway.pem\"",
                "4:38 upstreams[0].tls.server_name: expected a name or an IP address, for example orders.internal",
            ],
        ),
    ] {
        assert_eq!(faults(&text), expected, "{text}");
    }
}

#[test]
fn all_files_are_checked_and_each_is_named() {
    let config = parse(&format!(
        "[tls]\nlisten = \"127.0.0.1:1\"\n{CERTIFICATE}\
         [[upstreams]]\nname = \"a\"\nurl = \"https://a\"\ntls = {{ roots = \"none.pem\" }}"
    ));
    let errors = config.expect("valid").check_tls().expect_err("no files");
    let fields: Vec<_> = errors.iter().map(crate::tls::TlsError::field).collect();
    assert_eq!(
        fields,
        ["tls.certificates[0].certificate", "upstreams[a].tls.roots"]
    );
    assert_eq!(
        parse("")
            .expect("valid")
            .check_tls()
            .err()
            .map(|errors| errors.len()),
        None
    );
}
