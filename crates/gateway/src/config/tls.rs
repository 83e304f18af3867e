//! `[tls]`, and the table `tls` of an upstream.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::Config;
use super::fault::Finding;
use super::file::{Certificate, Clients, Tls, UpstreamTls as UpstreamTable};
use super::name::Verify;
use super::section::Section;
use super::services::value;
use crate::tls::{
    CertificateConfig, ClientCertificates, ServerTls, TlsConfig, TlsError, UpstreamSecurity,
    UpstreamTls,
};

impl Config {
    /// Reads and checks every certificate, key and root that the configuration names. Needs
    /// neither the network nor a listener.
    ///
    /// # Errors
    ///
    /// What is wrong with `[tls]`, with each upstream and with `[trace.otlp]`: the first of each.
    pub fn check_tls(&self) -> Result<(), Vec<TlsError>> {
        let mut errors = Vec::new();
        errors.extend(
            self.tls
                .as_ref()
                .and_then(|tls| ServerTls::build(tls).err()),
        );
        for upstream in self.upstreams() {
            let tls = upstream.config.tls.as_ref();
            let built = tls.map(|tls| UpstreamSecurity::of_upstream(tls, &upstream.name));
            errors.extend(built.and_then(Result::err));
        }
        let otlp = self.otlp.as_ref();
        errors.extend(otlp.and_then(|otlp| otlp.check_tls().err()));
        match errors.is_empty() {
            true => Ok(()),
            false => Err(errors),
        }
    }

    /// Every file of certificates, keys and roots that the configuration names.
    #[must_use]
    pub fn tls_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        if let Some(tls) = &self.tls {
            for pair in &tls.certificates {
                files.extend([pair.certificate.clone(), pair.key.clone()]);
            }
            files.extend(tls.clients.roots().map(Path::to_owned));
        }
        for tls in self
            .upstreams()
            .iter()
            .filter_map(|upstream| upstream.config.tls.as_ref())
        {
            files.extend(tls.roots.clone());
            if let Some(pair) = &tls.certificate {
                files.extend([pair.certificate.clone(), pair.key.clone()]);
            }
        }
        files.sort();
        files.dedup();
        files
    }
}

/// Checks the table of the listener. The files are not read here.
pub(super) fn resolve_tls(
    tls: Spanned<Section<Tls>>,
    taken: &[SocketAddr],
    folder: &Path,
    findings: &mut Vec<Finding>,
) -> Option<TlsConfig> {
    let span = tls.span();
    let tls = tls.into_inner().0;
    match &tls.listen {
        None => {
            let example = "listen = \"0.0.0.0:8443\"";
            findings.push(Finding::missing(span.clone(), "listen", example));
        }
        Some(listen) => {
            let address = listen.get_ref().0;
            if address.port() != 0 && taken.contains(&address) {
                let message = "expected another address than listen and operations.listen";
                findings.push(Finding::new(listen.span(), message));
            }
        }
    }
    if tls.certificates.is_empty() {
        let example = "a table [[tls.certificates]]";
        findings.push(Finding::missing(span, "certificates", example));
    }
    if let Some(first) = tls.certificates.get(TlsConfig::MAX_CERTIFICATES) {
        let message = format!(
            "expected at most {} certificates",
            TlsConfig::MAX_CERTIFICATES
        );
        findings.push(Finding::new(first.span(), message));
    }
    let mut certificates = Vec::new();
    for certificate in tls.certificates {
        certificates.extend(resolve_certificate(certificate, folder, findings));
    }
    let clients = tls
        .clients
        .map(|clients| resolve_clients(clients, folder, findings));
    let mut config = TlsConfig::new(value(tls.listen)?, certificates);
    config.minimum = value(tls.minimum).unwrap_or(config.minimum);
    config.strict_sni = tls.strict_sni.is_some_and(|strict| *strict.get_ref());
    config.clients = clients.unwrap_or(config.clients);
    Some(config)
}

fn resolve_certificate(
    certificate: Spanned<Section<Certificate>>,
    folder: &Path,
    findings: &mut Vec<Finding>,
) -> Option<CertificateConfig> {
    let span = certificate.span();
    let table = certificate.into_inner().0;
    if let Some(first) = table.names.get(CertificateConfig::MAX_NAMES) {
        let message = format!("expected at most {} names", CertificateConfig::MAX_NAMES);
        findings.push(Finding::new(first.span(), message));
    }
    let certificate = resolve_file(table.certificate, folder, findings);
    let key = resolve_file(table.key, folder, findings);
    for (field, example, path) in [
        ("certificate", "certificate = \"server.pem\"", &certificate),
        ("key", "key = \"server.key\"", &key),
    ] {
        if path.is_none() {
            findings.push(Finding::missing(span.clone(), field, example));
        }
    }
    let names = table.names.into_iter().map(|name| name.into_inner().0.0);
    let mut config = CertificateConfig::new(certificate?, key?);
    config.names = names.collect();
    Some(config)
}

fn resolve_clients(
    clients: Spanned<Section<Clients>>,
    folder: &Path,
    findings: &mut Vec<Finding>,
) -> ClientCertificates {
    let span = clients.span();
    let clients = clients.into_inner().0;
    let place = clients.roots.as_ref().map(Spanned::span);
    let roots = resolve_file(clients.roots, folder, findings);
    match (value(clients.verify).unwrap_or(Verify::Off), roots) {
        (Verify::Off, roots) => {
            if let Some(place) = place.filter(|_| roots.is_some()) {
                let message = "expected none where verify is off, which it is if left out";
                findings.push(Finding::new(place, message));
            }
            ClientCertificates::Off
        }
        (_, None) => {
            let example = "roots = \"clients.pem\"";
            findings.push(Finding::missing(span, "roots", example));
            ClientCertificates::Off
        }
        (Verify::Optional, Some(roots)) => ClientCertificates::Optional(roots),
        (Verify::Required, Some(roots)) => ClientCertificates::Required(roots),
    }
}

/// Checks the table of an upstream, which goes with an address of `https` alone.
pub(super) fn resolve_upstream_tls(
    tls: Option<Spanned<Section<UpstreamTable>>>,
    is_secure: bool,
    folder: &Path,
    findings: &mut Vec<Finding>,
) -> Option<UpstreamTls> {
    let Some(tls) = tls else {
        return is_secure.then(UpstreamTls::default);
    };
    let span = tls.span();
    if !is_secure {
        let message = "expected none where the upstream is not https";
        findings.push(Finding::new(span.clone(), message));
    }
    let tls = tls.into_inner().0;
    let certificate = resolve_file(tls.certificate, folder, findings);
    let key = resolve_file(tls.key, folder, findings);
    match (&certificate, &key) {
        (Some(_), None) => {
            findings.push(Finding::missing(span, "key", "key = \"gateway.key\""));
        }
        (None, Some(_)) => {
            let example = "certificate = \"gateway.pem\"";
            findings.push(Finding::missing(span, "certificate", example));
        }
        _ => {}
    }
    let pair = certificate.zip(key);
    Some(UpstreamTls {
        roots: resolve_file(tls.roots, folder, findings),
        certificate: pair.map(|(certificate, key)| CertificateConfig::new(certificate, key)),
        server_name: tls.server_name.map(|name| name.into_inner().0.0),
    })
}

fn resolve_file(
    path: Option<Spanned<PathBuf>>,
    folder: &Path,
    findings: &mut Vec<Finding>,
) -> Option<PathBuf> {
    let path = path?;
    let text = path.get_ref().to_string_lossy();
    if text.is_empty() || text.contains('\0') {
        findings.push(Finding::new(path.span(), "expected the path of a file"));
    }
    Some(folder.join(path.into_inner()))
}
