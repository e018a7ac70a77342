//! The agent under what the world does to it: kills, rotation, bad bytes, full disks, upgrades; and nothing raw comes out.

mod bytes;
pub mod feed;
mod flood;
mod kill;
mod planting;
mod privacy;
mod reload;
mod rights;
mod rules;
mod settings;
mod upgrade;
