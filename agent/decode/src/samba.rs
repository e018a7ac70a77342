//! Samba's `vfs_full_audit`: what the clients of a file server do to its files, by their accounts and addresses.
//!
//! ```text
//! Nov 23 17:02:44 vm smbd_audit[1676]: aigul|10.0.0.7|ws7|dossiers|pread_send|ok|/srv/dossiers/a.docx     syslog (syslog.rs)
//! [2026/11/23 17:02:44.536801,  1] ../../source3/modules/vfs_full_audit.c:643(do_log)                     Samba's own log
//!   aigul|10.0.0.7|ws7|dossiers|renameat|ok|/srv/dossiers/a.docx|/srv/dossiers/b.docx                     (full_audit:syslog = no)
//! ```
//!
//! Format: <https://www.samba.org/samba/docs/current/man-html/vfs_full_audit.8.html>. What stands before the operation is
//! `full_audit:prefix`: the account first, the client where an address stands, the share before the operation, the share's
//! path where an absolute path stands (`%P`; needed before Samba 4.13, which tells names below the share only).
//!
//! **A deed is many operations.** Listing a folder opens every file in it, so that opening alone is no reading; what was read in
//! a hundred requests was read once. A file that a client opens to read it, and nothing else, is read: copies inside the
//! server tell no file. What replaces a file first empties it (`ftruncate`). Operations do not say whether a removed or
//! renamed path was a folder: opening it did.
//!
//! Names are written as they are, so a client can write what looks like a record: [`Trust::Forgeable`].

use crate::account::Lines;
use crate::deeds::{Deeds, Mark, Told, event};
use crate::format::DecodeOptions;
use crate::names;
use crate::paths::Paths;
use crate::postgres::Verdict;
use crate::times::Times;
use crate::{Actors, Chunk, Decoded, Decoder};
use kuzet_event::{Actor, Code, Deed, Event, Outcome, Place, System, Timestamp, Trust};
use kuzet_personal::Key;
use std::borrow::Cow;
use std::net::IpAddr;

/// The program whose deeds these are.
const PROGRAM: &[u8] = b"smbd";
/// Fields that a prefix may have.
const PREFIX: usize = 12;
/// Bits of an access mask: data read or written, extended attributes read (which whoever opens a file to read it asks for, and
/// whoever looks at its properties does not), and the generic words for both.
const READ_DATA: u32 = 0x1;
const WRITE_DATA: u32 = 0x2 | 0x4;
const READ_EA: u32 = 0x8;
const GENERIC_READ: u32 = 0x8000_0000;
const GENERIC_WRITE: u32 = 0x4000_0000;

/// Decoder of Samba's log.
pub(crate) struct Samba {
    times: Times,
    actors: Actors,
    lines: Lines,
    key: Key,
    paths: Paths,
    deeds: Deeds,
    /// The message that the lines are of, once one has begun: with its time when it is one of full_audit.
    message: Option<Option<Timestamp>>,
}

/// What a record says.
struct Record<'a> {
    user: &'a str,
    client: &'a str,
    share: &'a str,
    /// Path of the share.
    root: &'a str,
    operation: &'a str,
    result: &'a str,
    arguments: &'a str,
}

/// What was done, to which path, and by which new name.
struct Done<'a> {
    deed: Deed,
    path: &'a str,
    to: Option<&'a str>,
    folder: bool,
}

impl Samba {
    pub(crate) fn new(options: &DecodeOptions) -> Samba {
        Samba {
            times: Times::new(options.timezone),
            actors: Actors::new(System::Linux),
            lines: Lines::default(),
            key: options.key.clone(),
            paths: Paths::new(&options.key),
            deeds: Deeds::default(),
            message: None,
        }
    }

    fn line(&mut self, line: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        let line = line.trim_ascii_end();
        if let Some((time, ours)) = header(line) {
            let mut plain = [b' '; 32];
            let plain = &mut plain[..time.len().min(32)];
            plain.copy_from_slice(&time[..plain.len()]);
            plain.iter_mut().filter(|byte| **byte == b'/').for_each(|byte| *byte = b'-');
            let at = self.times.parse(plain);
            self.message = Some(at.filter(|_| ours));
            return if at.is_some() { Verdict::Suppressed } else { Verdict::Lost };
        }
        match (line.strip_prefix(b"  "), self.message) {
            (Some(text), Some(Some(at))) => self.wrapped(text, at, place, events),
            (_, Some(_)) => Verdict::Suppressed,
            (_, None) => Verdict::Lost,
        }
    }

    /// A record without its time, as syslog carries it.
    pub(crate) fn wrapped(&mut self, text: &[u8], at: Timestamp, place: Place, events: &mut Vec<Event>) -> Verdict {
        let text = String::from_utf8_lossy(text);
        let Some(record) = record(&text) else { return Verdict::Lost };
        let denied = matches!(record.result, "fail (Permission denied)" | "fail (Operation not permitted)");
        if !denied && record.result != "ok" {
            return Verdict::Suppressed;
        }
        let user = names::account(record.user.as_bytes(), &self.key);
        let share = names::object(record.share.as_bytes());
        let actor = self.actors.intern(user.as_bytes(), record.client.as_bytes(), PROGRAM, share.as_bytes());
        let Some(done) = done(&record) else {
            self.opened(&record, &actor, at);
            return Verdict::Suppressed;
        };
        let path = whole(&record, done.path);
        let to = done.to.map(|to| whole(&record, to));
        let told = Told {
            at,
            deed: done.deed,
            path: self.paths.path(&path),
            to: to.as_ref().map(|to| self.paths.path(to)),
            folder: done.folder,
            outcome: if denied { Outcome::Failure } else { Outcome::Success },
        };
        let Some(told) = self.once(told, &actor) else { return Verdict::Suppressed };
        let mut event = event(told, actor, place, to.as_deref().unwrap_or(&path));
        event.trust = Trust::Forgeable;
        if denied {
            event.code = Code::new(b"EACCES");
        }
        events.push(event);
        Verdict::Handled
    }

    /// Remembers folders, by which clients open them before they rename or remove them.
    fn opened(&mut self, record: &Record<'_>, actor: &Actor, at: Timestamp) {
        if let ("create_file", "ok", Some([_, "dir", _, path])) =
            (record.operation, record.result, pieces(record.arguments))
        {
            let path = self.paths.path(&whole(record, path));
            self.deeds.note(actor, &path, Mark::Folder, at);
        }
    }

    /// The deed, unless it is one that was told and goes on.
    fn once(&mut self, mut told: Told, actor: &Actor) -> Option<Told> {
        if told.outcome != Outcome::Success {
            let goes_on = self.deeds.note(actor, &told.path, Mark::Refused, told.at);
            return (!goes_on).then_some(told);
        }
        let goes_on = match told.deed {
            Deed::Read => self.deeds.note(actor, &told.path, Mark::Read, told.at),
            Deed::Create if told.folder => {
                self.deeds.note(actor, &told.path, Mark::Folder, told.at);
                false
            }
            Deed::Create | Deed::Write => self.deeds.note(actor, &told.path, Mark::Written, told.at),
            Deed::Rename | Deed::Delete => {
                told.folder |= self.deeds.has(actor, &told.path, Mark::Folder);
                self.deeds.forget(actor, &told.path);
                false
            }
            _ => false,
        };
        (!goes_on).then_some(told)
    }
}

/// Time of a message's first line, and whether the message is one of full_audit:
/// `[2026/11/23 17:02:44.536801,  1, pid=7] ../../source3/modules/vfs_full_audit.c:643(do_log)`.
fn header(line: &[u8]) -> Option<(&[u8], bool)> {
    let inner = line.strip_prefix(b"[")?;
    let close = memchr::memmem::find(&inner[..inner.len().min(256)], b"] ")?;
    let comma = memchr::memchr(b',', &inner[..close])?;
    let (time, source) = (&inner[..comma], &inner[close + 2..]);
    let real = (19..=26).contains(&time.len()) && time[4] == b'/' && time[7] == b'/' && time[13] == b':';
    let named = source.ends_with(b")") && memchr::memmem::find(source, b".c:").is_some();
    (real && named).then(|| (time, memchr::memmem::find(source, b"vfs_full_audit.c:").is_some()))
}

/// The parts of a record: a prefix of some fields, the operation, what came of it, arguments.
fn record(text: &str) -> Option<Record<'_>> {
    let mut ends = memchr::memchr_iter(b'|', text.as_bytes()).take(PREFIX + 2);
    let (mut fields, mut from): (Vec<&str>, usize) = (Vec::new(), 0);
    loop {
        let end = ends.next();
        let field = &text[from..end.unwrap_or(text.len())];
        let operation = fields.last().copied().unwrap_or_default();
        let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if fields.len() > 1
            && (field == "ok" || field.starts_with("fail ("))
            && !operation.is_empty()
            && operation.bytes().all(lower)
        {
            let prefix = &fields[..fields.len() - 1];
            let address = |field: &&&str| field.parse::<IpAddr>().is_ok();
            let root = prefix.iter().skip(1).rfind(|field| field.starts_with('/')).copied().unwrap_or_default();
            let share = prefix.iter().skip(1).rfind(|field| !field.starts_with('/') && !address(field));
            return Some(Record {
                user: prefix[0],
                client: prefix.iter().skip(1).find(address).copied().unwrap_or_default(),
                share: share.copied().unwrap_or_default(),
                root,
                operation,
                result: field,
                arguments: end.map_or("", |end| &text[end + 1..]),
            });
        }
        fields.push(field);
        from = end? + 1;
    }
}

/// What an operation does to a file; nothing where it does none.
fn done<'a>(record: &Record<'a>) -> Option<Done<'a>> {
    let path = record.arguments;
    let one = |deed, path: &'a str| Done { deed, path, to: None, folder: false };
    let done = match record.operation {
        "pread" | "pread_send" | "pread_recv" | "read" | "sendfile" => one(Deed::Read, path),
        "pwrite" | "pwrite_send" | "pwrite_recv" | "write" | "recvfile" | "ftruncate" => one(Deed::Write, path),
        "create_file" => match pieces(path)? {
            [mask, "file", disposition, path] if record.result == "ok" => one(asked(mask, disposition)?, path),
            _ => return None,
        },
        // Before Samba 4.12: `open|ok|r|path`. Since then files are opened for other ends, too; what was refused is what was asked
        // for (`create_file` does not say why it failed).
        "openat" if record.result == "ok" => return None,
        "open" | "openat" => match path.split_once('|')? {
            ("r", path) => one(Deed::Read, path),
            ("w", path) => one(Deed::Write, path),
            _ => return None,
        },
        "renameat" | "rename" => two(Deed::Rename, path)?,
        "linkat" | "link" => two(Deed::Link, path)?,
        "unlinkat" | "unlink" => one(Deed::Delete, path),
        "rmdir" => Done { folder: true, ..one(Deed::Delete, path) },
        "mkdirat" | "mkdir" => Done { folder: true, ..one(Deed::Create, path) },
        "fchmod" | "chmod" | "fchown" | "chown" | "lchown" | "fset_nt_acl" | "set_nt_acl" => {
            one(Deed::Attributes, path.split_once('|').map_or(path, |(path, _)| path))
        }
        _ => return None,
    };
    // Streams are parts of a file that Windows keeps beside it: where it came from, and the like.
    (!done.path.is_empty() && !done.path.ends_with(":$DATA")).then_some(done)
}

/// Access mask, sort, disposition and path of `create_file`.
fn pieces(arguments: &str) -> Option<[&str; 4]> {
    let mut pieces = arguments.splitn(4, '|');
    Some([pieces.next()?, pieces.next()?, pieces.next()?, pieces.next()?])
}

/// What a file is opened for.
fn asked(mask: &str, disposition: &str) -> Option<Deed> {
    let mask = u32::from_str_radix(mask.strip_prefix("0x")?, 16).ok()?;
    let writes = mask & (WRITE_DATA | GENERIC_WRITE) != 0;
    let reads = mask & GENERIC_READ != 0 || mask & (READ_DATA | READ_EA) == READ_DATA | READ_EA;
    match disposition {
        "create" | "overwrite_if" | "supersede" => Some(Deed::Create),
        "overwrite" => Some(Deed::Write),
        // What is written will be told.
        _ => (reads && !writes).then_some(Deed::Read),
    }
}

/// Two paths, absolute or not. A name may hold what parts them: of absolute ones the second begins with a slash.
fn two(deed: Deed, arguments: &str) -> Option<Done<'_>> {
    let at = arguments.find("|/").filter(|_| arguments.starts_with('/')).or_else(|| arguments.find('|'))?;
    Some(Done { deed, path: &arguments[..at], to: Some(&arguments[at + 1..]), folder: false })
}

/// A path from the root of the host on, or where the log does not tell it below the share's name.
fn whole<'a>(record: &Record<'_>, path: &'a str) -> Cow<'a, str> {
    if path.starts_with('/') {
        return Cow::Borrowed(path);
    }
    let root = if record.root.is_empty() { record.share } else { record.root };
    Cow::Owned(format!("{}/{}", root.trim_end_matches('/'), path.trim_start_matches("./")))
}

impl Decoder for Samba {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut lines = std::mem::take(&mut self.lines);
        let decoded = lines.decode(chunk, |line, place| self.line(line, place, events));
        self.lines = lines;
        decoded
    }

    fn snapshot(&self) -> Vec<u8> {
        let (begun, at) = match self.message {
            None => (0, Timestamp(0)),
            Some(None) => (1, Timestamp(0)),
            Some(Some(at)) => (2, at),
        };
        let mut out = vec![u8::from(!self.lines.snapshot().is_empty()), begun];
        out.extend_from_slice(&at.0.to_le_bytes());
        self.deeds.snapshot(&mut out);
        out
    }

    fn restore(&mut self, snapshot: &[u8]) {
        let [skipping, begun, rest @ ..] = snapshot else { return };
        let Some((at, deeds)) = rest.split_first_chunk::<8>() else { return };
        self.lines.restore(&[*skipping]);
        self.message = (*begun > 0).then(|| (*begun == 2).then_some(Timestamp(i64::from_le_bytes(*at))));
        self.deeds.restore(deeds);
    }
}

/// Whether `line` could begin a message of Samba's own log.
pub(crate) fn recognises(line: &[u8]) -> bool {
    header(line.trim_ascii_end()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&str]) -> Vec<String> {
        let mut samba = Samba::new(&DecodeOptions::new(Key::new([7; 32])));
        let mut events = Vec::new();
        for (second, line) in (0..).zip(lines) {
            let at = Timestamp(second * 1_000_000);
            samba.wrapped(format!("aigul|10.0.0.7|ws7|kyc|{line}").as_bytes(), at, Place::default(), &mut events);
        }
        let show = |event: &Event| {
            let act = event.file.as_ref().unwrap();
            let to = act.to.as_ref().map_or(String::new(), |to| format!(" {}", to.shown));
            let sort = if act.folder { "/" } else { "" };
            let failed = if event.outcome == Outcome::Failure { " denied" } else { "" };
            format!("{} {}{sort}{to}{failed}", act.deed.name(), act.path.shown)
        };
        events.iter().map(show).collect()
    }

    #[test]
    fn a_record_has_any_prefix() {
        let all = |text: &'static str| {
            let one = record(text)?;
            Some([one.user, one.client, one.share, one.root, one.operation, one.arguments])
        };
        assert_eq!(
            all("a|10.0.0.7|ws7|kyc|unlinkat|ok|/s/x|y"),
            Some(["a", "10.0.0.7", "kyc", "", "unlinkat", "/s/x|y"])
        );
        assert_eq!(all("a|kyc|::1|/s|rename|fail (x)|b|c"), Some(["a", "::1", "kyc", "/s", "rename", "b|c"]));
        assert_eq!(all("a|connect|ok"), Some(["a", "", "", "", "connect", ""]));
        assert_eq!((all("unlinkat|ok|x"), all(""), all("a|b|c"), all("a|Not Me|ok|")), (None, None, None, None));
    }

    #[test]
    fn looking_is_no_reading_and_requests_are_one_deed() {
        let opens = "create_file|ok|0x100081|file|open|/s/a";
        assert!(told(&["openat|ok|r|/s/a", opens, "create_file|ok|0x12019f|file|open|/s/a"]).is_empty());
        let reads = ["create_file|ok|0x120089|file|open|/s/a", "pread_send|ok|/s/a", "pread_recv|ok|/s/a"];
        assert_eq!(told(&reads), ["read /s/a"]);
        assert_eq!(told(&["ftruncate|ok|/s/a", "create_file|ok|0x2|file|overwrite_if|/s/a"]), ["write /s/a"]);
        assert_eq!(told(&["create_file|ok|0x2|file|create|/s/a", "pwrite_send|ok|/s/a"]), ["create /s/a"]);
        assert_eq!(
            told(&["pread_send|ok|/s/a", "unlinkat|ok|/s/a", "pread_send|ok|/s/a"]),
            ["read /s/a", "delete /s/a", "read /s/a"]
        );
    }

    #[test]
    fn folders_are_known_by_how_they_were_opened() {
        let lines = [
            "mkdirat|ok|/s/f",
            "renameat|ok|/s/f|/s/g",
            "create_file|ok|0x10000|dir|open|/s/g",
            "unlinkat|ok|/s/g",
            "linkat|ok|a|b|/c",
            "fchmod|ok|/s/a|600",
            "create_file|ok|0x2|file|create|/s/a:Zone.Identifier:$DATA",
        ];
        let wanted = ["create /s/f/", "rename /s/f/ /s/g", "delete /s/g/", "link /kyc/a /kyc/b/?", "attributes /s/a"];
        let got = told(&lines);
        assert_eq!(got[..3], wanted[..3]);
        assert_eq!((got[4].as_str(), got.len()), (wanted[4], 5));
    }

    #[test]
    fn what_is_refused_is_told_and_what_is_not_there_is_not() {
        let denied = "openat|fail (Permission denied)|r|/s/a";
        assert_eq!(told(&[denied, "openat|fail (No such file or directory)|r|/s/b", denied]), ["read /s/a denied"]);
        assert!(told(&["create_file|fail (No such file or directory)|0x120089|file|open|/s/a"]).is_empty());
        assert_eq!(told(&["unlinkat|fail (Permission denied)|/s/a"]), ["delete /s/a denied"]);
    }

    #[test]
    fn messages_of_other_parts_are_passed_over() {
        assert!(recognises(b"[2026/11/23 17:02:44.536801,  1] ../../source3/modules/vfs_full_audit.c:643(do_log)"));
        assert_eq!(
            header(b"[2026/11/23 17:02:44,  0, pid=7] ../../source3/smbd/server.c:1(main)").map(|told| told.1),
            Some(false)
        );
        for line in ["", "[x] y", "[2026/11/23 17:02:44] a.c:1(b)", "[2026-11-23 17:02:44.1, 1] a.c:1(b)"] {
            assert!(!recognises(line.as_bytes()), "{line}");
        }
    }
}
