//! The world outside this host: a network namespace with addresses of its own, abroad and in Kazakhstan, and servers there.
//! What is sent to them never leaves this machine.

use crate::support::{Scratch, run};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Instant;

static WORLDS: AtomicU32 = AtomicU32::new(0);

/// A namespace, gone on drop. Where its addresses are: agent/place/data.
pub struct World {
    name: String,
    /// This host, as the world reaches it.
    pub near: String,
    /// An address of a German provider.
    pub abroad: String,
    /// The same in IPv6.
    pub abroad6: String,
    /// An address in Kazakhstan.
    pub home: String,
}

fn ip(arguments: &str) {
    run(Command::new("ip").args(arguments.split(' ')));
}

impl World {
    /// A world with addresses that no other world of this machine has.
    pub fn new() -> World {
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let id = std::process::id() * 8 + number;
        let (name, near, far) = (format!("kuzet-{id}"), format!("kzn{id}"), format!("kzf{id}"));
        // A network of two addresses for each.
        let (third, fourth) = (id / 64 % 256, id % 64 * 4);
        let (v4, v6) = (format!("10.213.{third}"), format!("fd4b:7a:{third:x}:{fourth:x}:"));
        ip(&format!("netns add {name}"));
        let abroad = format!("88.198.{third}.{}", fourth + 1);
        let abroad6 = format!("2a01:4f8:c0c:{third:x}{fourth:02x}::7");
        let home = format!("2.72.{third}.{}", fourth + 1);
        let here = format!("{v4}.{}", fourth + 1);
        let world = World { name, near: here, abroad, abroad6, home };
        let name = &world.name;
        ip(&format!("link add {near} type veth peer name {far} netns {name}"));
        ip(&format!("addr add {v4}.{}/30 dev {near}", fourth + 1));
        ip(&format!("-n {name} addr add {v4}.{}/30 dev {far}", fourth + 2));
        ip(&format!("addr add {v6}:1/64 dev {near} nodad"));
        ip(&format!("-n {name} addr add {v6}:2/64 dev {far} nodad"));
        ip(&format!("link set {near} up"));
        ip(&format!("-n {name} link set {far} up"));
        ip(&format!("-n {name} link set lo up"));
        ip(&format!("-n {name} route add default via {v4}.{}", fourth + 1));
        ip(&format!("-n {name} -6 route add default via {v6}:1"));
        for address in [&world.abroad, &world.abroad6, &world.home] {
            let (bits, by) = match address.parse::<IpAddr>().expect("an address") {
                IpAddr::V4(_) => (32, format!("via {v4}.{}", fourth + 2)),
                IpAddr::V6(_) => (128, format!("via {v6}:2")),
            };
            ip(&format!("-n {name} addr add {address}/{bits} dev lo"));
            ip(&format!("route add {address}/{bits} {by}"));
        }
        world
    }

    /// What `make` makes inside.
    fn inside<T: Send>(&self, make: impl FnOnce() -> T + Send) -> T {
        let file = File::open(format!("/run/netns/{}", self.name)).expect("the namespace");
        let enter = move || {
            let kind = rustix::thread::LinkNameSpaceType::Network;
            rustix::thread::move_into_link_name_space(file.as_fd(), Some(kind)).expect("root may enter");
            make()
        };
        std::thread::scope(|scope| scope.spawn(enter).join().expect("the thread ends"))
    }

    /// A program that runs inside.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Listens at an address of the world.
    pub fn listen(&self, address: &str, port: u16) -> TcpListener {
        let address: IpAddr = address.parse().expect("an address");
        self.inside(|| TcpListener::bind((address, port)).expect("the address is the world's"))
    }

    /// A socket for datagrams at an address of the world.
    pub fn datagrams(&self, address: &str, port: u16) -> UdpSocket {
        let address: IpAddr = address.parse().expect("an address");
        self.inside(|| UdpSocket::bind((address, port)).expect("the address is the world's"))
    }

    /// A server for uploads by HTTPS at port 443, which tells when the first byte of each came, and how many came.
    pub fn https(&self, address: &str, scratch: &Scratch) -> mpsc::Receiver<(Instant, u64)> {
        let (key, certificate) = (scratch.join("key.pem"), scratch.join("certificate.pem"));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
        run(openssl.args(["-subj", "/CN=upload.example", "-keyout"]).arg(&key).arg("-out").arg(&certificate));
        let key = PrivateKeyDer::from_pem_file(&key).expect("a key");
        let certificate = CertificateDer::from_pem_file(&certificate).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key))
            .expect("a configuration of TLS");
        let (config, listener) = (Arc::new(config), self.listen(address, 443));
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
                let mut first = [0];
                if stream.peek(&mut first).is_err() {
                    continue;
                }
                let began = crate::support::now();
                let read = upload(&mut BufReader::new(StreamOwned::new(connection, stream)));
                if tell.send((began, read.unwrap_or(0))).is_err() {
                    return;
                }
            }
        });
        told
    }
}

/// Reads one upload and answers it.
fn upload(stream: &mut BufReader<StreamOwned<ServerConnection, std::net::TcpStream>>) -> std::io::Result<u64> {
    let (mut line, mut length) = (String::new(), 0);
    while stream.read_line(&mut line)? > 2 {
        if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().unwrap_or(0);
        }
        if line.to_ascii_lowercase().starts_with("expect:") {
            stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        line.clear();
    }
    let read = std::io::copy(&mut stream.by_ref().take(length), &mut std::io::sink())?;
    stream.get_mut().write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    stream.get_mut().flush()?;
    Ok(read)
}

impl Drop for World {
    fn drop(&mut self) {
        // Its interfaces and the routes to them go with it.
        run(Command::new("ip").args(["netns", "del", &self.name]));
    }
}
