//! What lies in files: which files there are, and their way to the worker.

mod crew;
mod open;
mod pressure;
mod shown;
mod walk;

pub use crew::{Looked, inspect};
pub use open::{Opened, extension, open};
pub use pressure::Pressure;
pub use shown::shown;
pub use walk::{Aside, Entry, Met, Walk};
