//! What a record says word for word: shown to rules in the call that brings the event, and to nothing else.
//!
//! URLs, command lines and paths may hold personal data, and rules must see them. So that nobody else does, the text can
//! neither be printed nor serialised, and a copy of it is empty: what keeps an event keeps none of it.
//!
//! ```compile_fail
//! fn printed<T: std::fmt::Display>(_: T) {}
//! printed(kuzet_event::Raw::default());
//! ```
//!
//! ```compile_fail
//! fn serialised<T: serde::Serialize>(_: T) {}
//! serialised(kuzet_event::Raw::default());
//! ```

use smallvec::SmallVec;
use std::fmt;
use std::ops::Range;

/// Bytes of text that one event may bring; more is left out.
const LONGEST: usize = 256 << 10;
/// Values that one event may bring; more is left out.
const MOST: usize = 4_096;

/// What a part of a record is about: the log source of rules for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Topic {
    /// A request to a web server.
    Webserver,
    /// A request through a proxy.
    Proxy,
    /// A record of the Linux audit daemon.
    Audit,
    /// A program was started.
    Process,
    /// A file was created or written to.
    File,
    /// A connection was opened.
    Network,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Topic; 6] =
        [Topic::Webserver, Topic::Proxy, Topic::Audit, Topic::Process, Topic::File, Topic::Network];
}

/// Declares the fields: variant, name for rules, what it is.
macro_rules! fields {
    ($($variant:ident $name:literal $about:literal,)*) => {
        /// A field of the text; names are those of the Elastic Common Schema and, for audit records, of its auditd module.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum RawField {
            $(#[doc = $about] $variant,)*
        }

        impl RawField {
            /// Every field.
            pub const ALL: &'static [RawField] = &[$(RawField::$variant,)*];

            /// Name in rules.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(RawField::$variant => $name,)* }
            }

            /// What it is.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self { $(RawField::$variant => $about,)* }
            }
        }
    };
}

fields! {
    Original "event.original" "the record as it stands in the log, for keywords",
    Method "http.request.method" "method of the request",
    Status "http.response.status_code" "status of the answer",
    Referrer "http.request.referrer" "page that led to the request",
    RequestBytes "http.request.bytes" "bytes of the request",
    Mime "http.response.mime_type" "type of the answer",
    HttpVersion "http.version" "version of HTTP",
    Cookie "http.request.cookie" "cookies, where the log has them",
    Url "url.original" "what was asked for, as it stands in the request",
    UrlPath "url.path" "the same up to the question mark",
    UrlQuery "url.query" "the same behind it",
    UrlExtension "url.extension" "extension of the path, without its dot",
    UrlDomain "url.domain" "host that was asked",
    UserAgent "user_agent.original" "what the client calls itself",
    ProxyResult "kuzet.proxy.result" "what the proxy made of it: TCP_MISS, TCP_DENIED",
    DestinationIp "destination.ip" "address at the other end",
    DestinationPort "destination.port" "port at the other end",
    DestinationHost "destination.domain" "host at the other end, where it has a name",
    Initiated "kuzet.network.initiated" "true: the host opened the connection",
    Executable "process.executable" "program, with its path",
    CommandLine "process.command_line" "program with its arguments, joined by blanks",
    WorkingDirectory "process.working_directory" "directory it was started in",
    Pid "process.pid" "number of the process",
    ParentPid "process.parent.pid" "number of the process that started it",
    ParentExecutable "process.parent.executable" "program of the process that started it, where an earlier record told it",
    LoginUser "user.audit.name" "account that logged in, whatever account it acts as now",
    EffectiveUser "process.user.name" "account it acts as",
    FilePath "file.path" "file, with its path",
    AuditType "auditd.log.record_type" "type of the record",
    A0 "auditd.log.a0" "first argument: the program's name in EXECVE",
    A1 "auditd.log.a1" "argument 1",
    A2 "auditd.log.a2" "argument 2",
    A3 "auditd.log.a3" "argument 3",
    A4 "auditd.log.a4" "argument 4",
    A5 "auditd.log.a5" "argument 5",
    A6 "auditd.log.a6" "argument 6",
    A7 "auditd.log.a7" "argument 7",
    A8 "auditd.log.a8" "argument 8",
    A9 "auditd.log.a9" "argument 9",
    Exe "auditd.log.exe" "program",
    Comm "auditd.log.comm" "name of the process, at most 15 bytes",
    Syscall "auditd.log.syscall" "system call, as number and as name where it is known",
    Success "auditd.log.success" "yes, no",
    Exit "auditd.log.exit" "what the system call gave back",
    Key "auditd.log.key" "key of the audit rule",
    Name "auditd.log.name" "path of a PATH record",
    NameType "auditd.log.nametype" "CREATE, DELETE, NORMAL, PARENT",
    Cwd "auditd.log.cwd" "working directory",
    Proctitle "auditd.log.proctitle" "command line as the process shows it",
    Auid "auditd.log.auid" "account that logged in, as number and as name where it is told",
    Uid "auditd.log.uid" "account, as number and as name where it is told",
    Euid "auditd.log.euid" "effective account, likewise",
    Gid "auditd.log.gid" "group, likewise",
    Egid "auditd.log.egid" "effective group, likewise",
    AuditPid "auditd.log.pid" "number of the process",
    Ppid "auditd.log.ppid" "number of the process that started it",
    Tty "auditd.log.tty" "terminal of the process",
    Session "auditd.log.ses" "login session",
    Subject "auditd.log.subj" "label of the process",
    Operation "auditd.log.op" "what was done",
    Account "auditd.log.acct" "account it was done to",
    Result "auditd.log.res" "success, failed",
    Hostname "auditd.log.hostname" "host name of the client",
    Address "auditd.log.addr" "address of the client",
    Terminal "auditd.log.terminal" "terminal",
    Unit "auditd.log.unit" "unit of systemd",
    Command "auditd.log.cmd" "command of sudo and the like",
    SocketAddress "auditd.log.saddr" "address of a socket, as it stands",
    Mode "auditd.log.mode" "mode of a file, octal",
    OwnerUid "auditd.log.ouid" "owner of a file, as number and as name where it is told",
    Capability "auditd.log.cap_fp" "permitted capabilities of a file",
    EffectiveCapability "auditd.log.cap_fe" "effective bit of a file's capabilities",
    Data "auditd.log.data" "what was typed at a terminal",
}

impl RawField {
    /// Argument `number` of a command, of the first ten.
    #[must_use]
    pub fn argument(number: usize) -> Option<RawField> {
        use RawField::{A0, A1, A2, A3, A4, A5, A6, A7, A8, A9};
        [A0, A1, A2, A3, A4, A5, A6, A7, A8, A9].get(number).copied()
    }
}

/// Where a value is in the text.
type Part = (RawField, Range<usize>);

/// Text of one record by fields, in frames. Rules look at one frame at a time.
#[derive(Default, PartialEq, Eq)]
pub struct Raw {
    text: String,
    /// The values of all frames.
    values: SmallVec<[Part; 4]>,
    /// Topic of each frame, and its first value; it has those up to the next frame's.
    frames: SmallVec<[(Topic, usize); 2]>,
}

impl Raw {
    /// Begins a frame.
    pub fn frame(&mut self, topic: Topic) {
        self.frames.push((topic, self.values.len()));
    }

    /// Adds a value to the frame begun last; an empty one is none. What is beyond the bounds is left out.
    pub fn add(&mut self, field: RawField, value: &str) {
        if self.room() && self.text.len() + value.len() <= LONGEST && !value.is_empty() {
            let start = self.text.len();
            self.text.push_str(value);
            self.values.push((field, start..self.text.len()));
        }
    }

    /// Whether there is a frame that may have one more value.
    fn room(&self) -> bool {
        !self.frames.is_empty() && self.values.len() < MOST
    }

    /// Adds the values that frame number `from`, an earlier one, has for `fields`, where the frame begun last has none of
    /// its own.
    pub fn share(&mut self, from: usize, fields: &[RawField]) {
        let last = self.frames.len().saturating_sub(1);
        if from >= last {
            return;
        }
        let own = self.values(last);
        for at in self.values(from) {
            let (field, range) = self.values[at].clone();
            let known = self.values[own.clone()].iter().any(|(known, _)| *known == field);
            if fields.contains(&field) && !known && self.room() {
                self.values.push((field, range));
            }
        }
    }

    /// Where the values of a frame stand.
    fn values(&self, frame: usize) -> Range<usize> {
        let first = |frame: usize| self.frames.get(frame).map_or(self.values.len(), |(_, first)| *first);
        first(frame)..first(frame.saturating_add(1))
    }

    /// The topic of each frame.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = Topic> + '_ {
        self.frames.iter().map(|(topic, _)| *topic)
    }

    /// Shows the values of `field` in frame number `frame`. Whoever asks may compare them and keeps nothing.
    pub fn expose(&self, frame: usize, field: RawField) -> impl Iterator<Item = &str> {
        let values = &self.values[self.values(frame)];
        values.iter().filter(move |(name, _)| *name == field).map(|(_, range)| &self.text[range.clone()])
    }
}

/// A copy has nothing in it: see the head of this file.
impl Clone for Raw {
    fn clone(&self) -> Raw {
        Raw::default()
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} frames, not shown)", self.frames.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_copy_nor_a_print_has_the_text() {
        let mut raw = Raw::default();
        raw.add(RawField::Url, "before any frame");
        raw.frame(Topic::Webserver);
        raw.add(RawField::Url, "/borrower/850830346939");
        raw.add(RawField::UrlQuery, "");
        raw.frame(Topic::Process);
        raw.add(RawField::CommandLine, "id");
        assert_eq!(raw.expose(0, RawField::Url).collect::<Vec<&str>>(), ["/borrower/850830346939"]);
        assert_eq!(raw.expose(0, RawField::UrlQuery).count() + raw.expose(1, RawField::Url).count(), 0);
        assert_eq!(raw.topics().collect::<Vec<Topic>>(), [Topic::Webserver, Topic::Process]);
        assert_eq!(format!("{raw:?}"), "Raw(2 frames, not shown)");
        assert_eq!(raw.clone(), Raw::default());
    }

    #[test]
    fn a_later_frame_takes_what_it_has_not_itself() {
        let mut raw = Raw::default();
        raw.share(0, &[RawField::Uid]);
        raw.frame(Topic::Audit);
        for (field, value) in [(RawField::Uid, "33"), (RawField::Uid, "www-data"), (RawField::Exe, "/bin/sh")] {
            raw.add(field, value);
        }
        raw.share(0, &[RawField::Uid]); // of itself: nothing
        raw.frame(Topic::Process);
        raw.add(RawField::Exe, "/bin/id");
        raw.share(0, &[RawField::Uid, RawField::Exe]);
        raw.share(9, &[RawField::Uid]);
        for (frame, exe) in [(0, "/bin/sh"), (1, "/bin/id")] {
            assert_eq!(raw.expose(frame, RawField::Uid).collect::<Vec<&str>>(), ["33", "www-data"]);
            assert_eq!(raw.expose(frame, RawField::Exe).collect::<Vec<&str>>(), [exe]);
        }
        assert_eq!(raw.expose(2, RawField::Uid).count() + raw.expose(usize::MAX, RawField::Uid).count(), 0);
    }

    #[test]
    fn its_size_is_bounded() {
        let mut raw = Raw::default();
        raw.frame(Topic::Audit);
        for _ in 0..MOST + 9 {
            raw.add(RawField::Name, "x");
        }
        raw.add(RawField::Name, &"x".repeat(LONGEST));
        assert_eq!((raw.text.len(), raw.expose(0, RawField::Name).count()), (MOST, MOST));
    }

    #[test]
    fn names_are_different() {
        let mut names: Vec<&str> = RawField::ALL.iter().map(|field| field.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RawField::ALL.len());
    }
}
