//! What the agent says about itself, and where: to a terminal, to the journal with priorities, or to a file that is
//! rotated here and so is bounded.

use kuzet_detect::Diagnostic;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::format::{self, FormatEvent, FormatFields};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, reload};

/// Levels, for the configuration.
pub const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// One of [`LEVELS`]; the environment's `KUZET_LOG` goes before it.
    pub level: String,
    /// File; standard error when absent.
    pub file: Option<PathBuf>,
    /// Size at which the file is rotated.
    pub max_bytes: u64,
    /// Rotated files that are kept.
    pub keep: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { level: "info".to_owned(), file: None, max_bytes: 10 << 20, keep: 5 }
    }
}

/// The log of this process.
pub struct Log {
    shared: Arc<Shared>,
    filter: Option<reload::Handle<EnvFilter, Registry>>,
}

/// A log that can be written to, not in force yet.
pub struct Prepared {
    sink: Sink,
    filter: EnvFilter,
}

impl Prepared {
    /// Opens what the settings name.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn new(settings: &Settings) -> Result<Prepared, Diagnostic> {
        let filter = EnvFilter::try_from_env("KUZET_LOG").unwrap_or_else(|_| EnvFilter::new(&settings.level));
        let sink = match &settings.file {
            Some(path) => {
                Sink::File(
                    Rotated::open(path, settings).map_err(|error| Diagnostic {
                        code: "KZ052".to_owned(),
                        file: path.display().to_string(),
                        line: 0,
                        column: 0,
                        message: format!("the log cannot be written: {error}"),
                        help: "make its directory, writable for the account that runs kuzet, or leave log.file out"
                            .to_owned(),
                        warning: false,
                    })?,
                )
            }
            None if is_journal() => Sink::Journal,
            None => Sink::Terminal,
        };
        Ok(Prepared { sink, filter })
    }
}

impl Log {
    /// Starts the log of this process.
    #[must_use]
    pub fn start(prepared: Prepared) -> Log {
        let Prepared { sink, filter } = prepared;
        let stamped = AtomicBool::new(!matches!(sink, Sink::Journal));
        let shared = Arc::new(Shared { stamped, sink: Mutex::new(sink) });
        let (filter, handle) = reload::Layer::new(filter);
        let writer = Writer(Arc::clone(&shared));
        let layer = tracing_subscriber::fmt::layer().event_format(Plain(Arc::clone(&shared))).with_writer(writer);
        // A second one in one process (tests) leaves the first in force.
        let started = tracing_subscriber::registry().with(filter).with(layer).try_init().is_ok();
        Log { shared, filter: started.then_some(handle) }
    }

    /// Goes on with other settings.
    pub fn change(&self, prepared: Prepared) {
        let Prepared { sink, filter } = prepared;
        self.shared.stamped.store(!matches!(sink, Sink::Journal), Ordering::Relaxed);
        *self.shared.sink.lock().unwrap_or_else(PoisonError::into_inner) = sink;
        if let Some(handle) = &self.filter {
            // It fails only when the subscriber is gone, and then nobody logs.
            drop(handle.reload(filter));
        }
    }
}

struct Shared {
    /// Lines begin with time and level: the journal has both of its own.
    stamped: AtomicBool,
    sink: Mutex<Sink>,
}

enum Sink {
    Terminal,
    Journal,
    File(Rotated),
}

impl Sink {
    fn line(&mut self, level: Level, text: &[u8]) -> io::Result<()> {
        match self {
            Sink::Terminal => io::stderr().write_all(text),
            Sink::Journal => {
                // As sd-daemon(3): every line of one record with the priority of the record.
                let priority = match level {
                    Level::ERROR => 3,
                    Level::WARN => 4,
                    Level::INFO => 6,
                    _ => 7,
                };
                let mut lines = Vec::with_capacity(text.len() + 4);
                for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    lines.extend_from_slice(format!("<{priority}>").as_bytes());
                    lines.extend_from_slice(line);
                    lines.push(b'\n');
                }
                io::stderr().write_all(&lines)
            }
            // What the file does not take must not be lost.
            Sink::File(file) => file.line(text).or_else(|_| io::stderr().write_all(text)),
        }
    }
}

/// Whether standard error is the journal: systemd names its device and inode.
fn is_journal() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(stat) = rustix::fs::fstat(io::stderr()) else { return false };
    named == format!("{}:{}", stat.st_dev, stat.st_ino)
}

/// A file that is never larger than its limit.
struct Rotated {
    path: PathBuf,
    file: File,
    bytes: u64,
    max_bytes: u64,
    keep: u32,
}

impl Rotated {
    fn open(path: &Path, settings: &Settings) -> io::Result<Rotated> {
        let file = append(path)?;
        let bytes = file.metadata()?.size();
        Ok(Rotated { path: path.to_owned(), file, bytes, max_bytes: settings.max_bytes, keep: settings.keep })
    }

    fn line(&mut self, text: &[u8]) -> io::Result<()> {
        if self.bytes > 0 && self.bytes + text.len() as u64 > self.max_bytes {
            self.rotate()?;
        }
        self.file.write_all(text)?;
        self.bytes += text.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let numbered = |number: u32| {
            let mut name = self.path.as_os_str().to_owned();
            let _ = write!(&mut name, ".{number}");
            PathBuf::from(name)
        };
        for number in (1..self.keep).rev() {
            // One that is not there yet.
            drop(std::fs::rename(numbered(number), numbered(number + 1)));
        }
        match self.keep {
            0 => std::fs::remove_file(&self.path)?,
            _ => std::fs::rename(&self.path, numbered(1))?,
        }
        self.file = append(&self.path)?;
        self.bytes = self.file.metadata()?.size();
        Ok(())
    }
}

/// For its owner and group only; never through a link that somebody put there.
fn append(path: &Path) -> io::Result<File> {
    let no_link = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    OpenOptions::new().append(true).create(true).mode(0o640).custom_flags(no_link).open(path)
}

/// One line a record: time, level, message, fields.
struct Plain(Arc<Shared>);

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: format::Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        if self.0.stamped.load(Ordering::Relaxed) {
            SystemTime.format_time(&mut writer)?;
            write!(writer, " {:>5} ", event.metadata().level())?;
        }
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

struct Writer(Arc<Shared>);

/// Takes one record, written at once.
struct Line<'a> {
    shared: &'a Shared,
    level: Level,
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { shared: &self.0, level: Level::INFO }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line<'a> {
        Line { shared: &self.0, level: *meta.level() }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut sink = self.shared.sink.lock().unwrap_or_else(PoisonError::into_inner);
        sink.line(self.level, text).map(|()| text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_bounded_and_private() {
        let directory = std::env::temp_dir().join(format!("kuzet-log-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("kuzet.log");
        let settings = Settings { file: Some(path.clone()), max_bytes: 100, keep: 2, ..Settings::default() };
        let mut log = Rotated::open(&path, &settings).unwrap();
        for number in 0..50 {
            log.line(format!("line {number:02} of a log\n").as_bytes()).unwrap();
        }
        let mut names: Vec<_> = directory.read_dir().unwrap().map(|one| one.unwrap().path()).collect();
        names.sort();
        let expected = ["kuzet.log", "kuzet.log.1", "kuzet.log.2"].map(|name| directory.join(name));
        assert_eq!(names, expected);
        for file in &names {
            let meta = file.metadata().unwrap();
            assert!(meta.len() <= 100 && meta.mode() & 0o777 & !0o640 == 0, "{}", file.display());
        }
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("line 49 of a log\n"));
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("kuzet.log.1", &path).unwrap();
        assert!(Prepared::new(&settings).is_err(), "a link is not followed");
        std::fs::remove_dir_all(directory).unwrap();
    }
}
