//! Whom to believe: the meaning of `sslmode`, as libpq has it, for both kinds of server.

use super::settings::{SslMode, Target, Tls};
use super::{DatabaseError, ErrorKind};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// What a connection to `target` has to present and to check.
pub(super) fn client(tls: &Tls, target: &Target) -> Result<(Arc<ClientConfig>, ServerName<'static>), DatabaseError> {
    let Target::Tcp { host, .. } = target else {
        return Err(fault("TLS on a Unix socket is not a thing of these servers"));
    };
    let name =
        ServerName::try_from(host.clone()).map_err(|_| fault(format!("\"{host}\" cannot stand in a certificate")))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(tls, Arc::clone(&provider))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| fault(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let config = match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => builder
            .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
            .map_err(|error| fault(format!("{}: {error}", certificate.display())))?,
        _ => builder.with_no_client_auth(),
    };
    Ok((Arc::new(config), name))
}

fn fault(message: impl Into<String>) -> DatabaseError {
    DatabaseError::new(ErrorKind::Settings, message)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, DatabaseError> {
    let told = |error: String| fault(format!("{}: {error}", path.display()));
    let list = CertificateDer::pem_file_iter(path).map_err(|error| told(error.to_string()))?;
    let list: Vec<_> = list.collect::<Result<_, _>>().map_err(|error| told(error.to_string()))?;
    if list.is_empty() { Err(told("holds no certificate".to_owned())) } else { Ok(list) }
}

/// A key that others may read is refused; as with libpq, root's own keys may be shared with a group.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, DatabaseError> {
    let told = |error: String| fault(format!("{}: {error}", path.display()));
    let facts = std::fs::metadata(path).map_err(|error| told(error.to_string()))?;
    let forbidden = if facts.uid() == 0 { 0o027 } else { 0o077 };
    if facts.mode() & forbidden != 0 {
        return Err(told(format!("can be read by others (mode {:04o}): chmod 600", facts.mode() & 0o777)));
    }
    PrivateKeyDer::from_pem_file(path).map_err(|_| told("holds no private key in PEM".to_owned()))
}

/// `require` believes anybody unless authorities are named; `verify-ca` wants a known authority, `verify-full` the name too.
#[derive(Debug)]
struct Verifier {
    /// Certificates to believe; `None` believes any.
    roots: Option<RootCertStore>,
    /// The same as they were written: a server whose own certificate is listed is believed without a chain.
    listed: Vec<CertificateDer<'static>>,
    name: bool,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(tls: &Tls, provider: Arc<CryptoProvider>) -> Result<Verifier, DatabaseError> {
        let name = tls.mode == SslMode::VerifyFull;
        let listed = match (&tls.root, tls.mode) {
            (Some(root), _) => certificates(root)?,
            (None, SslMode::VerifyCa | SslMode::VerifyFull) => rustls_native_certs::load_native_certs().certs,
            (None, _) => return Ok(Verifier { roots: None, listed: Vec::new(), name, provider }),
        };
        let mut roots = RootCertStore::empty();
        let (taken, _) = roots.add_parsable_certificates(listed.iter().cloned());
        if taken == 0 {
            return Err(fault("no authority to check the server's certificate with: set sslrootcert"));
        }
        let listed = if tls.root.is_some() { listed } else { Vec::new() };
        Ok(Verifier { roots: Some(roots), listed, name, provider })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            if !self.listed.iter().any(|listed| listed == end_entity) {
                let algorithms = self.provider.signature_verification_algorithms.all;
                verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
            }
            if self.name {
                verify_server_name(&certificate, server_name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
