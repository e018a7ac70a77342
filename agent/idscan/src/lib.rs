//! Is there an identity document in this picture? Finds machine-readable zones (ICAO 9303), or else names and labels of
//! Kazakhstan's documents, at any angle, reads them and tells kind, state, certainty and place: never a letter of them.
//!
//! Stands alone: a picture is gray points, a person is a keyed hash that the caller makes.
//!
//! ```
//! use kuzet_idscan::{Limits, Picture, Reader};
//!
//! let white = vec![255; 640 * 480];
//! let picture = Picture { width: 640, height: 480, gray: &white };
//! let scan = Reader::new().scan(&picture, &Limits::default(), &mut |_domain, _value| 0);
//! assert!(scan.documents.is_empty() && scan.unseen.is_none());
//! ```
#![forbid(unsafe_code)]

mod check;
mod components;
mod decode;
mod document;
mod front;
mod gray;
mod grid;
mod label;
mod lines;
mod mrz;
mod net;
mod rows;
mod said;
mod scan;
mod sign;
mod state;
mod strip;
mod text;
mod threshold;
mod view;

pub use decode::{Page, Raster, decode, raster};
pub use document::{Confidence, Document, Kind, Region, Side};
pub use gray::Picture;
pub use scan::{Limits, Reader, Scan, Unseen};
pub use sign::Sign;
pub use state::State;
