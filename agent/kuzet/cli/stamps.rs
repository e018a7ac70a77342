//! Whether the stamps of a log fit the clock of this host: a source whose `offset` is wrong is hours away, and working
//! hours, windows and delays with it.

use crate::config::discover::Limit;
use crate::config::{Config, SourceConfig};
use kuzet_decode::{Chunk, DecodeOptions, Edge, Format};
use kuzet_event::{FileId, SourceId, Timestamp};
use kuzet_personal::Key;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

/// Bytes at the end of a log that are looked at.
const TAIL: u64 = 64 << 10;
/// Distances below this are those of buffering and of clocks.
const TOLERATED: i64 = 30 * 60;
/// No two zones are farther apart; what is farther was copied or restored, and says nothing of zones.
const FARTHEST: i64 = 26 * 3600;

/// The limit KD06, when the last record of the newest file of `source` is far from the time at which the file was written.
pub(super) fn examine(config: &Config, source: &SourceConfig) -> Option<Limit> {
    let paths = source.paths.iter().filter_map(|path| glob::glob(path).ok()).flatten().take(4096);
    let newest = paths.filter_map(Result::ok).filter_map(|path| {
        let metadata = std::fs::metadata(&path).ok()?;
        let written = metadata.modified().ok().filter(|_| metadata.is_file())?;
        Some((written, path))
    });
    let (written, path) = newest.max()?;
    let offset = source.offset_seconds.unwrap_or(config.offset_seconds);
    let (format, last) = last_record(&path, source, offset)?;
    let written = i64::try_from(written.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()?;
    let ahead = last.0.div_euclid(1_000_000) - written;
    if !(TOLERATED..FARTHEST).contains(&ahead.abs()) {
        return None;
    }
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    let message = format!(
        "the newest record is {} {side} the time at which its file was written: the offset of this source is probably \
         wrong, and so are hours, windows and delays",
        length(ahead.unsigned_abs()),
    );
    let fix = match format {
        Format::MariadbServerAudit => {
            // Zones differ by quarters of an hour.
            let meant = offset + i32::try_from((ahead + ahead.signum() * 450) / 900 * 900).ok()?;
            format!("set offset = \"{}\" in this [[source]]; it is {} now", zone(meant), zone(offset))
        }
        _ => "set log_timezone of the server to 'UTC', and look at the clock of both".to_owned(),
    };
    Some(Limit { code: "KD06", message, fix })
}

/// Format of a log and the stamp of the last event in it.
fn last_record(path: &PathBuf, source: &SourceConfig, offset: i32) -> Option<(Format, Timestamp)> {
    let mut file = std::fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let start = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    let from = if start == 0 { 0 } else { memchr::memchr(b'\n', &bytes)? + 1 };
    let bytes = &bytes[from..];
    let format = match &source.format {
        Some(name) => Format::from_name(name)?,
        None => kuzet_decode::sniff(bytes)?,
    };
    // Hashes made here are thrown away with the events.
    let options = DecodeOptions {
        log_line_prefix: source.log_line_prefix.clone(),
        timezone: offset,
        ..DecodeOptions::new(Key::new([0; 32]))
    };
    let mut events = Vec::new();
    let chunk = Chunk { source: SourceId(0), file: FileId(0), offset: 0, bytes, edge: Edge::End };
    format.decoder(&options).decode(chunk, &mut events);
    events.last().map(|event| (format, event.at))
}

fn length(seconds: u64) -> String {
    let length = Duration::from_secs(seconds).as_secs() / 60;
    format!("{} h {} min", length / 60, length % 60)
}

fn zone(seconds: i32) -> String {
    let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs() / 60);
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn a_wrong_offset_is_told_with_the_right_one() {
        let directory = std::env::temp_dir().join(format!("kuzet-stamps-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("server_audit.log");
        std::fs::write(&path, "20261122 15:29:38,vm,app,127.0.0.1,12,160,QUERY,mfo,'SELECT 1',0\n").unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        // 2026-11-22 15:29:40 UTC.
        let written: SystemTime = UNIX_EPOCH + Duration::from_secs(1_795_361_380);
        file.set_modified(written).unwrap();
        let text = |offset: &str| {
            let path = path.display();
            format!("[[source]]\nname = \"m\"\npaths = [\"{path}\"]\noffset = \"{offset}\"\n")
        };
        let examine = |offset: &str| {
            let (config, _) = crate::config::load_text(&text(offset), &directory.join("kuzet.toml")).unwrap();
            examine(&config, &config.sources[0])
        };
        assert_eq!(examine("+00:00"), None);
        let told = examine("+05:00").unwrap();
        assert_eq!(told.code, "KD06");
        assert!(told.message.contains("5 h 0 min behind"), "{}", told.message);
        assert!(told.fix.contains("\"+00:00\""), "{}", told.fix);
        assert!(examine("-03:30").unwrap().fix.contains("\"+00:00\""));
        // Copied from somewhere: says nothing.
        file.set_modified(written + Duration::from_secs(40 * 24 * 3600)).unwrap();
        assert_eq!(examine("+05:00"), None);
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
