//! SHA-256 of the files of programs that incidents tell of, found beside the data thread and only while it is certain
//! which file it was.

use crate::clock::Clock;
use crate::sensor;
use kuzet_event::Timestamp;
use kuzet_incident::Program;
use lru::LruCache;
use ring::digest::{Context, SHA256};
use rustix::fs::OFlags;
use std::fs::{File, Metadata, OpenOptions};
use std::io::Read;
use std::num::NonZeroUsize;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Largest file that is read.
const LARGEST: u64 = 64 << 20;
/// Files read in a minute; those beyond stay unknown.
const A_MINUTE: u32 = 30;
/// Programs that wait; those beyond are asked for when their incident changes next.
const WAITING: usize = 64;
/// Programs asked for that are remembered.
const ASKED: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
/// Files whose hash is remembered.
const FILES: NonZeroUsize = NonZeroUsize::new(256).unwrap();
/// Longest path that is looked up: the kernel program cuts longer ones off, and the rest may name another file.
const LONGEST: usize = 127;
/// So long before the program began its file was there as it is: clocks of file systems are coarse.
const SETTLED: Duration = Duration::from_secs(1);
/// So far two looks at one beginning are apart at most: /proc knows hundredths of a second, and clocks are corrected.
const APART: Duration = Duration::from_millis(100);
/// What the kernel says behind the path of a file that is gone.
const GONE: &str = " (deleted)";
const STACK_BYTES: usize = 256 << 10;

/// Number and beginning of a process, and the path of its program.
type Which = (u32, Timestamp, String);

/// Asks a thread for hashes and takes its answers; a file that cannot be read in time, or ever, holds up nobody.
pub struct Hasher {
    asks: SyncSender<Program>,
    answers: Receiver<(Program, String)>,
    asked: LruCache<Which, Option<String>>,
    /// Programs of another incident whose hash is known.
    again: Vec<(Program, String)>,
}

impl Hasher {
    /// Starts the thread; `wake` is called when there is an answer.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(clock: Arc<dyn Clock>, wake: impl Fn() + Send + 'static) -> std::io::Result<Hasher> {
        let (asks, waiting) = sync_channel::<Program>(WAITING);
        let (told, answers) = sync_channel(WAITING);
        // Nobody waits for it: it ends with the channel, or with the process where a file system does not answer.
        std::thread::Builder::new().name("digest".into()).stack_size(STACK_BYTES).spawn(move || {
            let mut files = Files::new(clock);
            for program in waiting {
                if let Some(sha256) = files.sha256(&program) {
                    if told.send((program, sha256)).is_err() {
                        return;
                    }
                    wake();
                }
            }
        })?;
        Ok(Hasher { asks, answers, asked: LruCache::new(ASKED), again: Vec::new() })
    }

    /// Asks for the file of a program, once.
    pub fn ask(&mut self, program: &Program) {
        let which = which(program);
        match self.asked.get(&which) {
            Some(Some(sha256)) => self.again.push((program.clone(), sha256.clone())),
            Some(None) => {}
            None => {
                if self.asks.try_send(program.clone()).is_ok() {
                    self.asked.put(which, None);
                }
            }
        }
    }

    /// What was found since the last call.
    pub fn answers(&mut self) -> Vec<(Program, String)> {
        let mut found = std::mem::take(&mut self.again);
        for (program, sha256) in self.answers.try_iter() {
            self.asked.put(which(&program), Some(sha256.clone()));
            found.push((program, sha256));
        }
        found
    }
}

fn which(program: &Program) -> Which {
    (program.pid, program.began, program.path.clone())
}

/// A file as long as nobody writes to it: device, number, size, and the times of its content and of itself.
#[derive(PartialEq, Eq, Hash)]
struct Version(u64, u64, u64, (i64, i64), (i64, i64));

impl Version {
    fn of(meta: &Metadata) -> Version {
        let (written, changed) = ((meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec()));
        Version(meta.dev(), meta.ino(), meta.size(), written, changed)
    }
}

/// The thread's side: what was read, and how much may be.
struct Files {
    known: LruCache<Version, String>,
    clock: Arc<dyn Clock>,
    /// Beginning of the present minute, and files read in it.
    minute: (Duration, u32),
}

impl Files {
    fn new(clock: Arc<dyn Clock>) -> Files {
        Files { known: LruCache::new(FILES), minute: (clock.monotonic(), 0), clock }
    }

    /// `None`: it is not certain which file it was, or it may not be read.
    fn sha256(&mut self, program: &Program) -> Option<String> {
        let mut file = running(program, &*self.clock).or_else(|| unchanged(program))?;
        let meta = file.metadata().ok().filter(|meta| meta.is_file() && meta.size() <= LARGEST)?;
        let version = Version::of(&meta);
        if let Some(known) = self.known.get(&version) {
            return Some(known.clone());
        }
        if !self.may_read() {
            return None;
        }
        let sha256 = read(&mut file)?;
        if Version::of(&file.metadata().ok()?) != version {
            return None;
        }
        self.known.put(version, sha256.clone());
        Some(sha256)
    }

    fn may_read(&mut self) -> bool {
        let now = self.clock.monotonic();
        if now.saturating_sub(self.minute.0) >= Duration::from_secs(60) {
            self.minute = (now, 0);
        }
        self.minute.1 += 1;
        self.minute.1 <= A_MINUTE
    }
}

/// The file that the process runs, though its name may be deleted or given to another file meanwhile.
fn running(program: &Program, clock: &dyn Clock) -> Option<File> {
    let file = File::open(format!("/proc/{}/exe", program.pid)).ok()?;
    // Asked behind the opening: whose number it is still, it was then.
    let (began, path) = sensor::running(program.pid, clock)?;
    let same = began.since(program.began).max(program.began.since(began)) < APART;
    (same && names(&program.path, &path)).then_some(file)
}

/// Whether the path that is told, parts of it hidden as `?`, is that of the file that runs: a script is told by its own and
/// runs its interpreter, and a process may have started another program since.
fn names(told: &str, runs: &str) -> bool {
    let (told, runs) = (told.strip_suffix(GONE).unwrap_or(told), runs.strip_suffix(GONE).unwrap_or(runs));
    let last = |path: &str| path.rsplit('/').next().map(str::to_owned);
    if !told.starts_with('/') {
        return !told.ends_with('?') && last(told) == last(runs);
    }
    let part = |(told, runs): (&str, &str)| told == "?" || told == runs;
    let same = told.split('/').count() == runs.split('/').count() && told.split('/').zip(runs.split('/')).all(part);
    same || std::fs::canonicalize(told).is_ok_and(|target| target == Path::new(runs))
}

/// The file at the path of a program that has ended, or that others may not look at, if nothing on the way to it changed
/// since before it began. In a container the path is another file's.
fn unchanged(program: &Program) -> Option<File> {
    let path = Path::new(&program.path);
    let whole = program.path.len() < LONGEST && !program.path.contains('?') && !program.path.ends_with(GONE);
    // A link may have led elsewhere.
    if !whole || program.container.is_some() || std::fs::canonicalize(path).ok()? != path {
        return None;
    }
    let settled = |meta: Metadata| {
        let changed = Timestamp(meta.ctime().saturating_mul(1_000_000).saturating_add(meta.ctime_nsec() / 1_000));
        changed + SETTLED < program.began
    };
    let on_the_way = path.ancestors().all(|part| std::fs::symlink_metadata(part).is_ok_and(settled));
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path).ok()?;
    (on_the_way && settled(file.metadata().ok()?)).then_some(file)
}

/// Reads to the end, which a file that grows may not have.
fn read(file: &mut File) -> Option<String> {
    let (mut context, mut buffer, mut total) = (Context::new(&SHA256), vec![0; 64 << 10], 0);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(some) => {
                total += some as u64;
                context.update(&buffer[..some]);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
        if total > LARGEST {
            return None;
        }
    }
    Some(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Manual, System};
    use std::path::PathBuf;
    use std::process::{Command, Stdio};

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const HOUR: Duration = Duration::from_secs(3600);

    /// A program that nobody runs any more.
    fn ended(path: &Path, began: Timestamp) -> Program {
        Program {
            began,
            pid: u32::MAX,
            name: "tool".to_owned(),
            path: path.to_str().expect("plain").to_owned(),
            sha256: None,
            container: None,
            user: "irc".to_owned(),
            login: String::new(),
            parents: Vec::new(),
        }
    }

    /// An empty folder of this test, by its path without links.
    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("kuzet-digest-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).expect("own folder");
        path.canonicalize().expect("own folder")
    }

    fn file(folder: &Path, name: &str, text: &[u8]) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("own file");
        path
    }

    fn sha256(program: &Program) -> Option<String> {
        Files::new(Arc::new(System)).sha256(program)
    }

    #[test]
    fn a_file_that_nobody_touched_is_read_where_the_program_has_ended() {
        let folder = folder("ended");
        let path = file(&folder, "tool", b"abc");
        let later = System.wall() + HOUR;
        let program = ended(&path, later);
        assert_eq!(sha256(&program).as_deref(), Some(ABC));
        let began = Timestamp(later.0 - 2 * 3_600_000_000);
        assert_eq!(sha256(&Program { began, ..program.clone() }), None, "it, or a folder above it, changed since");
        assert_eq!(sha256(&Program { container: Some("4f4f4f4f4f4f".to_owned()), ..program.clone() }), None);
        std::os::unix::fs::symlink(&path, path.with_file_name("link")).expect("a link");
        assert_eq!(sha256(&ended(&path.with_file_name("link"), later)), None, "a link may have led elsewhere");
        assert_eq!(sha256(&ended(&path.with_file_name("?"), later)), None);
        assert_eq!(sha256(&ended(Path::new("tool"), later)), None);
        assert_eq!(sha256(&ended(path.parent().expect("a folder"), later)), None, "a folder is no program");
        std::fs::remove_dir_all(folder).expect("own folder");
    }

    #[test]
    fn what_is_too_large_or_too_much_is_not_read() {
        let folder = folder("bounds");
        let clock = Manual::new(System.wall());
        let mut files = Files::new(Arc::new(clock.clone()));
        let later = System.wall() + HOUR;
        let large = file(&folder, "large", b"");
        File::options().write(true).open(&large).and_then(|file| file.set_len(LARGEST + 1)).expect("a sparse file");
        assert_eq!(files.sha256(&ended(&large, later)), None);
        let first = file(&folder, "first", b"abc");
        for number in 1..A_MINUTE {
            let path = file(&folder, &number.to_string(), &[0]);
            assert!(files.sha256(&ended(&path, later)).is_some(), "{number}");
        }
        assert_eq!(files.sha256(&ended(&first, later)).as_deref(), Some(ABC));
        let next = file(&folder, "next", b"abc");
        assert_eq!(files.sha256(&ended(&next, later)), None);
        assert_eq!(files.sha256(&ended(&first, later)).as_deref(), Some(ABC), "what is known is not read");
        clock.advance(Duration::from_secs(60));
        assert_eq!(files.sha256(&ended(&next, later)).as_deref(), Some(ABC));
        std::fs::remove_dir_all(folder).expect("own folder");
    }

    #[test]
    fn a_program_that_runs_is_read_though_its_file_was_deleted_and_another_has_its_name() {
        let folder = folder("running");
        let content = std::fs::read(Path::new("/usr/bin/sleep")).expect("a program");
        let path = file(&folder, "tool", &content);
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("own file");
        let sum = Command::new("sha256sum").arg(&path).output().expect("sha256sum");
        let expected = String::from_utf8_lossy(&sum.stdout)[..64].to_owned();
        let mut child = Command::new(&path).arg("60").stdin(Stdio::null()).spawn().expect("it runs");
        std::fs::remove_file(&path).expect("own file");
        file(&folder, "tool", b"abc");
        let (began, _) = sensor::running(child.id(), &System).expect("it runs");
        let program = Program { pid: child.id(), ..ended(&path, began) };
        let found = sha256(&program);
        let hidden =
            sha256(&Program { path: path.with_file_name("?").to_str().expect("plain").to_owned(), ..program.clone() });
        let other = sha256(&Program { path: "/usr/bin/sleep.sh".to_owned(), ..program.clone() });
        let reused = sha256(&Program { began: Timestamp(began.0 - 1_000_000), ..program.clone() });
        child.kill().and_then(|()| child.wait()).expect("it ends");
        assert_eq!(found.as_deref(), Some(&*expected));
        assert_eq!(hidden.as_deref(), Some(&*expected), "a hidden part matches whatever it hides");
        assert_eq!((other, reused), (None, None), "another program, or another process of that number");
        assert_eq!(sha256(&program), None, "behind its end the name is another file's");
        std::fs::remove_dir_all(folder).expect("own folder");
    }

    #[test]
    fn a_script_is_not_its_interpreter() {
        assert!(names("/srv/x", "/srv/x (deleted)") && names("/memfd:x (deleted)", "/memfd:x (deleted)"));
        assert!(
            names("/usr/bin/curl", "/usr/bin/curl") && names("./curl", "/srv/curl") && names("/srv/?/x", "/srv/q/x")
        );
        for (told, runs) in
            [("/srv/x.sh", "/usr/bin/bash"), ("./x.sh", "/usr/bin/bash"), ("./?", "/usr/bin/bash"), ("", "/x")]
        {
            assert!(!names(told, runs), "{told}");
        }
    }

    #[test]
    fn a_program_is_asked_for_once_and_told_to_every_incident() {
        let folder = folder("asked");
        let program = ended(&file(&folder, "tool", b"abc"), System.wall() + HOUR);
        let (woken, wakes) = std::sync::mpsc::channel();
        let mut hasher = Hasher::start(Arc::new(System), move || woken.send(()).unwrap_or_default()).expect("a thread");
        hasher.ask(&program);
        hasher.ask(&program);
        wakes.recv_timeout(HOUR).expect("an answer");
        assert_eq!(hasher.answers(), [(program.clone(), ABC.to_owned())]);
        hasher.ask(&program);
        assert_eq!(hasher.answers(), [(program, ABC.to_owned())]);
        std::fs::remove_dir_all(folder).expect("own folder");
    }
}
