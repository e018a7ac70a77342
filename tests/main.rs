//! The one test binary; each module is a file or folder here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, unreachable_pub)]

mod canaries;
mod cli;
mod dashboards;
mod documents;
mod folders;
mod inventory;
#[cfg(feature = "live")]
mod live;
mod metrics;
mod noise;
mod notify;
mod objects;
mod place;
mod policy;
mod robust;
mod rule_commands;
mod rules;
mod scenarios;
mod simulation;
mod streams;
mod support;
mod tail;
mod tidy;
mod traffic;
mod worker;
