//! The first bytes of connections: the names of the other side (DNS, TLS, QUIC, HTTP), what is spoken, and the text of what is
//! not encrypted.
//!
//! Stands alone and is total: any bytes in any order give an answer, in bounded time and memory. Bytes and names may be personal
//! data, so nothing here that holds them can be printed.
//!
//! ```
//! use kuzet_wire::{Fact, Piece, Streams};
//!
//! let bytes = b"GET /report.csv HTTP/1.1\r\nHost: files.example.com\r\n\r\n";
//! let mut names = Vec::new();
//! Streams::default().push(1, Piece { datagram: false, outbound: true, port: 80, offset: 0, bytes }, &mut |fact| {
//!     if let Fact::Known { name: Some(name), .. } = fact {
//!         names.push(name.bytes().to_vec());
//!     }
//! });
//! assert_eq!(names, [b"files.example.com"]);
//! ```

mod assembly;
mod clear;
pub mod dns;
mod name;
pub mod quic;
mod reader;
mod stream;
pub mod tls;

pub use name::{Features, Name};
pub use stream::{Fact, Piece, Protocol, Streams};
