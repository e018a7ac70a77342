//! What the service manager is told, as sd_notify(3) has it: ready, reloading, stopping, still at work.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Tells the service manager, if there is one that wants to know. It must never matter whether it hears it.
pub fn tell(state: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let name = socket.as_encoded_bytes();
    let address = match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&socket),
    };
    if let (Ok(address), Ok(socket)) = (address, UnixDatagram::unbound()) {
        drop(socket.send_to_addr(state.as_bytes(), &address));
    }
}

/// Whether the manager ends a service that does not say `WATCHDOG=1` in time.
#[must_use]
pub fn watches() -> bool {
    std::env::var_os("WATCHDOG_USEC").is_some()
}
