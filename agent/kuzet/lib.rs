//! The shell of Kuzet: what touches the world. Pure crates stand below it; `pipeline` joins them.

pub mod cli;
pub mod clock;
pub mod config;
pub mod core;
pub mod database;
pub mod digest;
pub mod discover;
pub mod examine;
pub(crate) mod holdings;
pub mod learning;
pub mod log;
pub mod manager;
pub mod message;
pub mod metrics;
pub mod notify;
pub mod outbox;
pub mod pipeline;
pub(crate) mod secret;
pub mod sensor;
pub mod service;
pub mod setup;
pub mod sight;
pub mod source;
pub mod state;
pub mod store;
pub mod trial;
