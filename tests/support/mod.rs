//! What several test modules need: scratch directories, free ports, guarded child processes, waiting with a deadline,
//! seeded numbers, invented people. Nothing here is a mock.

#![allow(dead_code, unused_imports)] // which helpers are used depends on the features of the build

pub mod agent;
pub mod http;
pub mod people;
mod process;
mod random;
pub mod schema;
mod scratch;
mod wait;

pub use process::{Guard, run};
pub use random::Random;
pub use scratch::{Scratch, free_port};
pub use wait::{now, poll, until};

use std::path::{Path, PathBuf};

/// Root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The built binary.
pub fn kuzet() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_kuzet"))
}
