//! Certificates of a TLS listener (RFC 5425): read at the first connection, and again when a file has changed.

use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files of a TLS listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate of the listener and those that lead to its root, PEM.
    pub cert: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Roots of clients: only who shows a certificate of theirs may send.
    pub client_ca: Option<PathBuf>,
}

impl TlsFiles {
    /// Reads the files.
    ///
    /// # Errors
    /// A sentence: which file, and what is wrong with it.
    pub fn load(&self) -> Result<Arc<ServerConfig>, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = certificates(&self.cert)?;
        let mode = std::fs::metadata(&self.key).map_err(|error| told(&self.key, &error))?.mode() & 0o777;
        if mode & 0o007 != 0 {
            return Err(told(&self.key, &format!("everybody may read the key (mode {mode:04o}): chmod o= it")));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| told(&self.key, &error))?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for root in certificates(path)? {
                    roots.add(root).map_err(|error| told(path, &error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| told(path, &error))?)
            }
        };
        builder.with_single_cert(chain, key).map(Arc::new).map_err(|error| told(&self.cert, &error))
    }

    /// What changes when a file does.
    pub(super) fn stamp(&self) -> Vec<Option<(i64, i64, u64)>> {
        let stamp = |path: &PathBuf| {
            let facts = std::fs::metadata(path).ok()?;
            Some((facts.mtime(), facts.mtime_nsec(), facts.ino()))
        };
        [Some(&self.cert), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten().map(stamp).collect()
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| told(path, &error))?;
    let found: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| told(path, &error))?;
    if found.is_empty() { Err(told(path, &"holds no certificate")) } else { Ok(found) }
}

fn told(path: &Path, why: &dyn std::fmt::Display) -> String {
    format!("{}: {why}", path.display())
}
