//! The crate's one test binary, against its public API.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
mod files;
mod fold;
mod properties;
mod transfers;
