//! What a sensor sees of programs, connections and files, and what it would need to see the rest.

use super::{Limit, Place};
use crate::source::stream::{FolderSight, SensorSight};

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

/// By which means each folder is watched, for people.
#[must_use]
pub fn folders(sight: &Result<SensorSight, String>) -> Vec<String> {
    let told = |one: &FolderSight| {
        let folder = one.folder.display();
        let proven = match one.proven.as_deref() {
            Some("marker") => "proven by a file of its own",
            Some(_) => "proven by looking into it, since the sensor may not write there",
            None => "not proven",
        };
        match &one.means {
            Some(means) => format!("watches {folder} by {means}, {proven}"),
            None => format!("does not watch {folder}"),
        }
    };
    sight.iter().flat_map(|sight| sight.files.iter().map(told)).collect()
}

/// What a sensor does not see of the folders that it watches.
#[must_use]
pub fn unwatched(sight: &Result<SensorSight, String>) -> Vec<Limit> {
    let limit = |one: &FolderSight| {
        let (folder, missing) = (one.folder.display(), one.missing.join("; "));
        let how = one.means.as_ref().map_or("is not watched".to_owned(), |means| format!("is watched by {means}"));
        let mut message = format!("{folder} {how}, which does not show: {missing}");
        one.refused.iter().for_each(|why| message += &format!(" ({why})"));
        let fix = match one.means.as_deref() {
            Some("mount") => {
                "this file system takes no mark of its own: keep the files on ext4, xfs or tmpfs, or mount the overlay with \
                 index=on,nfs_export=on"
            }
            Some(_) => {
                "let the service kuzet-sensor watch for the agent (sensor = { socket = … }), or run the agent as root \
                 (docs/sensor.md, Files)"
            }
            None => "make the folder, or take it out of folders",
        };
        Limit::new("KD23", message, fix)
    };
    sight.iter().flat_map(|sight| sight.files.iter().filter(|one| !one.missing.is_empty()).map(limit)).collect()
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
        Ok(SensorSight { means, missing, refused, .. }) => {
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
