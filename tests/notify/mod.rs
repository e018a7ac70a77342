//! Telling, against real HTTP servers on this host: what is delivered, repeated, refused, given up and in which order.

mod delivery;
mod faults;
pub mod incidents;
#[cfg(feature = "live")]
mod live;
pub mod outbox;
pub mod rig;
pub mod server;
