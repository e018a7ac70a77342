//! The list of sources that are no files: what each is told by the configuration, and its way to run.

use super::channel::StreamSender;
use super::journald::{self, JournaldSettings};
use super::listen::{self, ListenSettings};
use super::redis::{self, RedisSettings};
use super::sensor::{self, SensorSettings};
use crate::clock::Clock;
use std::sync::Arc;

/// A source that is no file, as configured and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamSettings {
    /// Syslog that comes over the network.
    Listen(ListenSettings),
    /// The journal of systemd.
    Journald(JournaldSettings),
    /// What a Redis server denies.
    Redis(RedisSettings),
    /// What the kernel tells of programs and connections.
    Sensor(SensorSettings),
}

impl StreamSettings {
    /// What is watched, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            StreamSettings::Listen(listen) => listen.describe(),
            StreamSettings::Journald(journald) => journald.describe(),
            StreamSettings::Redis(redis) => redis.describe(),
            StreamSettings::Sensor(sensor) => sensor.describe(),
        }
    }

    /// Runs the source until the agent stops.
    pub fn run(&self, sender: &StreamSender, clock: &Arc<dyn Clock>) {
        match self {
            StreamSettings::Listen(listen) => listen::run(listen, sender, clock),
            StreamSettings::Journald(journald) => journald::run(journald, sender, clock),
            StreamSettings::Redis(redis) => redis::run(redis, sender, clock),
            StreamSettings::Sensor(sensor) => sensor::run(sensor, sender, clock),
        }
    }
}
