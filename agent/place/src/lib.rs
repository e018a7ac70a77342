//! Where an address is: in Kazakhstan, abroad, local, or not known, and which data says so, of what date.
//!
//! [`Blocks`] are read from lists of address blocks (a plain list of CIDRs, or statistics of the regional Internet
//! registries). [`Place`] joins them with what is known of special ranges and anycast into one table, and answers with a
//! [`Verdict`]. It tells where a block is *registered*, which is not always where the data goes; it never says what is lawful.

mod answer;
mod blocks;
mod cidr;
mod country;
mod fault;
mod flat;
mod place;
mod rir;
mod special;

pub use answer::{Answer, Reason, Scope, Source, Verdict};
pub use blocks::{Blocks, MAX_BYTES};
pub use cidr::Cidr;
pub use country::Country;
pub use fault::Fault;
pub use jiff::civil::Date;
pub use place::{Change, Place};
