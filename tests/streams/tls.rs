//! TLS by certificates that openssl made, and openssl as the client.

use super::Rig;
use crate::support::{Scratch, run};
use kuzet::source::stream::{Limits, TlsFiles, Transport};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A root and what it has signed.
pub struct Authority(pub Scratch);

impl Authority {
    pub fn new(name: &str) -> Authority {
        let authority = Authority(Scratch::new(name));
        let mut command = authority.openssl(&["req", "-x509", "-days", "2", "-subj", "/CN=test root"]);
        command.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
        run(command.args(["-keyout", "root.key", "-out", "root.pem"]));
        authority
    }

    fn openssl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("openssl");
        command.current_dir(self.0.path()).args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// `NAME.pem` and `NAME.key`, for 127.0.0.1.
    pub fn sign(&self, name: &str) {
        let (key, request, cert) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
        let mut command = self.openssl(&["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
        run(command.args(["-subj", &format!("/CN={name}"), "-keyout", &key, "-out", &request]));
        std::fs::write(self.path("extensions"), "subjectAltName=IP:127.0.0.1\n").unwrap();
        let mut command = self.openssl(&["x509", "-req", "-days", "2", "-CA", "root.pem", "-CAkey", "root.key"]);
        run(command.args(["-CAcreateserial", "-extfile", "extensions", "-in", &request, "-out", &cert]));
        std::fs::set_permissions(self.path(&key), PermissionsExt::from_mode(0o600)).unwrap();
    }

    pub fn files(&self, client_ca: Option<PathBuf>) -> TlsFiles {
        TlsFiles { cert: self.path("server.pem"), key: self.path("server.key"), client_ca }
    }

    /// A client that checks the server against the root and shows the certificate `own`, if any.
    pub fn client(&self, address: SocketAddr, own: Option<&str>) -> Child {
        let mut command = self.openssl(&["s_client", "-quiet", "-verify_return_error", "-CAfile", "root.pem"]);
        command.args(["-connect", &address.to_string()]);
        if let Some(own) = own {
            command.args(["-cert", &format!("{own}.pem"), "-key", &format!("{own}.key")]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }
}

fn say(client: &mut Child, text: &str) {
    client.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
}

fn end(mut client: Child) {
    drop(client.kill());
    client.wait().unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::rename(from, to).unwrap();
}

#[test]
fn records_come_through_tls_and_plain_text_does_not() {
    let authority = Authority::new("tls");
    authority.sign("server");
    let (mut rig, address) = Rig::listen(Transport::Tls(authority.files(None)), Limits::default());
    TcpStream::connect(address).unwrap().write_all(b"<1>in clear\n").unwrap();
    let mut client = authority.client(address, None);
    say(&mut client, "<1>one\n6 <1>two<1>three\n");
    rig.until("three records", |taken| taken.lines.len() == 3);
    end(client);
    assert_eq!(rig.stop().lines, ["<1>one", "<1>two", "<1>three"]);
}

#[test]
fn only_holders_of_a_certificate_may_send_where_one_is_asked_for() {
    let (authority, strangers) = (Authority::new("mtls"), Authority::new("mtls-other"));
    authority.sign("server");
    authority.sign("client");
    strangers.sign("stranger");
    for end in ["pem", "key"] {
        copy(&strangers.path(&format!("stranger.{end}")), &authority.path(&format!("stranger.{end}")));
    }
    let files = authority.files(Some(authority.path("root.pem")));
    let (mut rig, address) = Rig::listen(Transport::Tls(files), Limits::default());
    let mut refused: Vec<Child> =
        [None, Some("stranger")].into_iter().map(|own| authority.client(address, own)).collect();
    for client in &mut refused {
        // It may be gone already.
        drop(client.stdin.as_mut().unwrap().write_all(b"<1>stranger\n"));
        assert!(!client.wait().unwrap().success(), "the handshake fails");
    }
    let mut client = authority.client(address, Some("client"));
    say(&mut client, "<1>client\n");
    rig.until("a record", |taken| !taken.lines.is_empty());
    end(client);
    assert_eq!(rig.stop().lines, ["<1>client"]);
}

#[test]
fn a_renewed_certificate_is_used_without_a_restart() {
    let (old, new) = (Authority::new("renew-old"), Authority::new("renew-new"));
    old.sign("server");
    new.sign("server");
    let (mut rig, address) = Rig::listen(Transport::Tls(old.files(None)), Limits::default());
    for end in ["key", "pem"] {
        copy(&new.path(&format!("server.{end}")), &old.path(&format!("server.{end}")));
    }
    let mut client = new.client(address, None);
    say(&mut client, "<1>renewed\n");
    rig.until("a record", |taken| !taken.lines.is_empty());
    end(client);
    rig.stop();
}

#[test]
fn files_that_cannot_be_used_are_told() {
    let authority = Authority::new("tls-bad");
    authority.sign("server");
    let load = |files: TlsFiles| files.load().unwrap_err();
    let files = || authority.files(None);
    assert!(load(TlsFiles { cert: authority.path("none.pem"), ..files() }).contains("none.pem"));
    assert!(load(TlsFiles { cert: authority.path("server.key"), ..files() }).contains("holds no certificate"));
    assert!(load(TlsFiles { key: authority.path("root.key"), ..files() }).contains("server.pem"));
    assert!(load(TlsFiles { client_ca: Some(authority.path("server.key")), ..files() }).contains("server.key"));
    std::fs::set_permissions(authority.path("server.key"), PermissionsExt::from_mode(0o604)).unwrap();
    assert!(load(files()).contains("everybody may read the key"));
}
