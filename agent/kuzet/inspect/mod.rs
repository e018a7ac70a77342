//! What lies in files: which files there are, and their way to the worker.

mod open;
mod shown;

pub use open::{Opened, extension, open};
pub use shown::shown;
