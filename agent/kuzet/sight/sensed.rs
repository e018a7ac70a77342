//! What a sensor sees of programs and connections, and what it would need to see the rest.

use super::{Limit, Place};
use crate::source::stream::SensorSight;

/// By which means a sensor sees, for people.
#[must_use]
pub fn by(sight: &Result<SensorSight, String>) -> String {
    match sight {
        Ok(sight) => {
            let proven = if sight.refused.iter().any(|why| why.starts_with(&format!("{} is", sight.means))) {
                "not proven"
            } else {
                "proven by a connection of its own"
            };
            format!("sees by {}, {proven}", sight.means)
        }
        Err(_) => "sees nothing".to_owned(),
    }
}

/// What a sensor does not see.
#[must_use]
pub fn unsensed(sight: &Result<SensorSight, String>) -> Option<Limit> {
    let rights = "let the service kuzet-sensor see for the agent and set sensor = { socket = \
                  \"/run/kuzet-sensor/sensor.sock\" }, or run the agent as root (docs/sensor.md)";
    let enabled = "systemctl enable --now kuzet-sensor   # then start the agent anew";
    match sight {
        Err(error) => {
            let limit = Limit::new("KD22", format!("the sensor does not work: {error}"), rights);
            Some(limit.command(Place::Shell, enabled))
        }
        Ok(SensorSight { missing, refused, .. }) if missing.is_empty() && refused.is_empty() => None,
        Ok(SensorSight { means, missing, refused }) => {
            let mut message = format!("the sensor sees by {means} and not everything: {}", missing.join("; "));
            for why in refused {
                message += &format!(" ({why})");
            }
            Some(match means.as_str() {
                "bpf" => {
                    Limit::new("KD20", message, "a newer kernel shows it: bytes of open connections since Linux 6.3")
                }
                _ => Limit::new("KD20", message, rights).command(Place::Shell, enabled),
            })
        }
    }
}
