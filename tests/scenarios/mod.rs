//! What each scenario must lead to: the table expected.toml, held against recorded samples and against real servers.

mod recorded;
mod table;

pub use table::check;
