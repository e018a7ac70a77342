//! Tests against real servers: private clusters on free ports, made and torn down by the tests themselves.
//! `scripts/test.sh` installs the packages.

#![allow(dead_code)] // other modules use what they need of the servers

mod attacks_mariadb;
mod attacks_postgresql;
mod auditd;
mod burst;
mod canaries;
mod compensated;
pub mod database;
mod discover;
mod dossiers;
mod files;
mod filesystems;
mod jobs;
mod journald;
pub mod mariadb;
mod mariadb_logs;
mod mended;
mod mounted;
mod names;
pub mod observe;
mod persons;
mod poll;
pub mod postgres;
mod redis;
mod reloaded;
mod router;
mod runs;
mod samba;
mod sensor;
mod servers;
mod syslog;
mod theft;
mod uploads;
pub mod wire;
mod world;
