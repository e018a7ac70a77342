//! What a Redis command does to which keys. Commands: <https://redis.io/docs/latest/commands/>.

use crate::names::{self, HIDDEN, shown};
use crate::sketch::Sketch;
use kuzet_event::{Access, Export, Flag, Relation, RoleChange, RoleVerb, Setting, Verb};
use kuzet_personal::Key;
use std::sync::Arc;

/// Where the keys of a command stand among its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    /// None.
    No,
    /// The first argument.
    First,
    /// The first two.
    Two,
    /// All.
    All,
    /// Every second one from the first.
    Pairs,
    /// As many as the argument at this place says, behind it.
    Counted(usize),
    /// The first half of what stands behind the word STREAMS.
    Streams,
    /// The third argument (MIGRATE), or what stands behind KEYS.
    Third,
    /// A pattern as first argument.
    Pattern,
    /// A pattern behind MATCH.
    Match,
    /// Every key there is.
    Whole,
}

/// How a command touches its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Touch {
    Select,
    Insert,
    Update,
    Delete,
    /// Reads in a form that leaves Redis.
    Take(Export),
    /// Runs code in the server.
    Run,
    Empty,
    Set,
    Rights,
    Load,
    Wait,
}

/// Commands worth an event, sorted by name.
#[rustfmt::skip]
const COMMANDS: &[(&str, Touch, Keys)] = &[
    ("acl", Touch::Rights, Keys::No),
    ("append", Touch::Update, Keys::First),
    ("bgsave", Touch::Take(Export::ToFile), Keys::Whole),
    ("bitcount", Touch::Select, Keys::First),
    ("bitfield", Touch::Update, Keys::First),
    ("blpop", Touch::Delete, Keys::First),
    ("brpop", Touch::Delete, Keys::First),
    ("config", Touch::Set, Keys::No),
    ("copy", Touch::Insert, Keys::Two),
    ("debug", Touch::Wait, Keys::No),
    ("decr", Touch::Update, Keys::First),
    ("decrby", Touch::Update, Keys::First),
    ("del", Touch::Delete, Keys::All),
    ("dump", Touch::Take(Export::ToClient), Keys::First),
    ("eval", Touch::Run, Keys::Counted(1)),
    ("eval_ro", Touch::Run, Keys::Counted(1)),
    ("evalsha", Touch::Run, Keys::Counted(1)),
    ("evalsha_ro", Touch::Run, Keys::Counted(1)),
    ("exists", Touch::Select, Keys::All),
    ("expire", Touch::Update, Keys::First),
    ("fcall", Touch::Run, Keys::Counted(1)),
    ("fcall_ro", Touch::Run, Keys::Counted(1)),
    ("flushall", Touch::Empty, Keys::Whole),
    ("flushdb", Touch::Empty, Keys::Whole),
    ("function", Touch::Load, Keys::No),
    ("geosearch", Touch::Select, Keys::First),
    ("get", Touch::Select, Keys::First),
    ("getdel", Touch::Delete, Keys::First),
    ("getex", Touch::Select, Keys::First),
    ("getrange", Touch::Select, Keys::First),
    ("getset", Touch::Update, Keys::First),
    ("hdel", Touch::Delete, Keys::First),
    ("hget", Touch::Select, Keys::First),
    ("hgetall", Touch::Select, Keys::First),
    ("hincrby", Touch::Update, Keys::First),
    ("hkeys", Touch::Select, Keys::First),
    ("hmget", Touch::Select, Keys::First),
    ("hmset", Touch::Update, Keys::First),
    ("hrandfield", Touch::Select, Keys::First),
    ("hscan", Touch::Select, Keys::First),
    ("hset", Touch::Update, Keys::First),
    ("hsetnx", Touch::Insert, Keys::First),
    ("hvals", Touch::Select, Keys::First),
    ("incr", Touch::Update, Keys::First),
    ("incrby", Touch::Update, Keys::First),
    ("json.get", Touch::Select, Keys::First),
    ("json.mget", Touch::Select, Keys::All),
    ("json.set", Touch::Update, Keys::First),
    ("keys", Touch::Select, Keys::Pattern),
    ("lindex", Touch::Select, Keys::First),
    ("lmove", Touch::Update, Keys::Two),
    ("lpop", Touch::Delete, Keys::First),
    ("lpush", Touch::Insert, Keys::First),
    ("lrange", Touch::Select, Keys::First),
    ("lrem", Touch::Delete, Keys::First),
    ("lset", Touch::Update, Keys::First),
    ("ltrim", Touch::Delete, Keys::First),
    ("mget", Touch::Select, Keys::All),
    ("migrate", Touch::Take(Export::ToProgram), Keys::Third),
    ("module", Touch::Load, Keys::No),
    ("monitor", Touch::Take(Export::Cursor), Keys::Whole),
    ("mset", Touch::Update, Keys::Pairs),
    ("msetnx", Touch::Insert, Keys::Pairs),
    ("persist", Touch::Update, Keys::First),
    ("pexpire", Touch::Update, Keys::First),
    ("psetex", Touch::Update, Keys::First),
    ("psync", Touch::Take(Export::Dump), Keys::Whole),
    ("rename", Touch::Update, Keys::Two),
    ("renamenx", Touch::Update, Keys::Two),
    ("replicaof", Touch::Set, Keys::No),
    ("restore", Touch::Insert, Keys::First),
    ("rpop", Touch::Delete, Keys::First),
    ("rpush", Touch::Insert, Keys::First),
    ("sadd", Touch::Insert, Keys::First),
    ("save", Touch::Take(Export::ToFile), Keys::Whole),
    ("scan", Touch::Select, Keys::Match),
    ("script", Touch::Load, Keys::No),
    ("sdiff", Touch::Select, Keys::All),
    ("set", Touch::Update, Keys::First),
    ("setex", Touch::Update, Keys::First),
    ("setnx", Touch::Insert, Keys::First),
    ("setrange", Touch::Update, Keys::First),
    ("sinter", Touch::Select, Keys::All),
    ("sismember", Touch::Select, Keys::First),
    ("slaveof", Touch::Set, Keys::No),
    ("smembers", Touch::Select, Keys::First),
    ("smove", Touch::Update, Keys::Two),
    ("sort", Touch::Select, Keys::First),
    ("sort_ro", Touch::Select, Keys::First),
    ("spop", Touch::Delete, Keys::First),
    ("srandmember", Touch::Select, Keys::First),
    ("srem", Touch::Delete, Keys::First),
    ("sscan", Touch::Select, Keys::First),
    ("strlen", Touch::Select, Keys::First),
    ("sunion", Touch::Select, Keys::All),
    ("swapdb", Touch::Set, Keys::No),
    ("sync", Touch::Take(Export::Dump), Keys::Whole),
    ("touch", Touch::Select, Keys::All),
    ("type", Touch::Select, Keys::First),
    ("unlink", Touch::Delete, Keys::All),
    ("xadd", Touch::Insert, Keys::First),
    ("xdel", Touch::Delete, Keys::First),
    ("xrange", Touch::Select, Keys::First),
    ("xread", Touch::Select, Keys::Streams),
    ("xreadgroup", Touch::Select, Keys::Streams),
    ("xrevrange", Touch::Select, Keys::First),
    ("xtrim", Touch::Delete, Keys::First),
    ("zadd", Touch::Insert, Keys::First),
    ("zrange", Touch::Select, Keys::First),
    ("zrangebylex", Touch::Select, Keys::First),
    ("zrangebyscore", Touch::Select, Keys::First),
    ("zrem", Touch::Delete, Keys::First),
    ("zrevrange", Touch::Select, Keys::First),
    ("zscan", Touch::Select, Keys::First),
    ("zscore", Touch::Select, Keys::First),
];

/// A command as a shape in the making, and its name.
pub(super) struct Act {
    pub(super) sketch: Sketch,
    pub(super) word: &'static str,
}

fn find(name: &[u8]) -> Option<&'static (&'static str, Touch, Keys)> {
    let name = std::str::from_utf8(name.get(..name.len().min(16))?).ok()?.to_ascii_lowercase();
    COMMANDS.binary_search_by(|(known, ..)| (*known).cmp(name.as_str())).ok().map(|place| &COMMANDS[place])
}

/// What `name` with `words` behind it does; nothing for what is of no interest (PING, AUTH, MULTI, SUBSCRIBE).
pub(super) fn act(name: &[u8], words: &[&[u8]], key: &Key) -> Option<Act> {
    let (word, touch, keys) = find(name)?;
    let mut sketch = Sketch::new(verb(*touch));
    let access = if sketch.verb == Verb::Select { Access::Read } else { Access::Write };
    described(&mut sketch, word, *touch, words)?;
    for name in those(*keys, words) {
        let pattern = matches!(keys, Keys::Pattern | Keys::Match);
        relation(&mut sketch, name, access, (!pattern).then_some(key));
    }
    if matches!(keys, Keys::Whole | Keys::Pattern | Keys::Match) && (!sketch.has_relation() || is_whole(*keys, words)) {
        sketch.flags.insert(Flag::Unfiltered);
        let name = Arc::from("*");
        let access = if matches!(touch, Touch::Take(_)) { Access::Read } else { access };
        sketch.relation(Relation { schema: Arc::from(""), name, access });
    }
    Some(Act { sketch, word })
}

/// Whether KEYS or SCAN asks for every key.
fn is_whole(keys: Keys, words: &[&[u8]]) -> bool {
    keys == Keys::Whole || those(keys, words).iter().all(|pattern| pattern.iter().all(|byte| *byte == b'*'))
}

fn verb(touch: Touch) -> Verb {
    match touch {
        Touch::Select => Verb::Select,
        Touch::Insert => Verb::Insert,
        Touch::Update => Verb::Update,
        Touch::Delete => Verb::Delete,
        Touch::Take(_) => Verb::Copy,
        Touch::Run => Verb::Execute,
        Touch::Empty => Verb::Truncate,
        Touch::Set => Verb::Setting,
        Touch::Rights => Verb::Role,
        Touch::Load => Verb::Define,
        Touch::Wait => Verb::Other,
    }
}

/// What a command is beside its keys; nothing when it only looks at settings, rights or scripts.
fn described(sketch: &mut Sketch, word: &str, touch: Touch, words: &[&[u8]]) -> Option<()> {
    let first = words.first().map(|word| word.to_ascii_lowercase()).unwrap_or_default();
    match touch {
        Touch::Take(export) => {
            sketch.export = Some(export);
            match word {
                "sync" | "psync" => sketch.flags.insert(Flag::Replication),
                "migrate" => sketch.flags.insert(Flag::RemoteServer),
                _ => {}
            }
        }
        Touch::Set if word == "config" => {
            if first != b"set" && first != b"rewrite" && first != b"resetstat" {
                return None;
            }
            for pair in words.get(1..)?.chunks(2) {
                // Where the server writes its files: the way to leave one of one's own.
                if [&b"dir"[..], b"dbfilename"].iter().any(|name| pair[0].eq_ignore_ascii_case(name)) {
                    sketch.flags.insert(Flag::ServerFile);
                }
                let name = shown(&String::from_utf8_lossy(pair[0]).to_ascii_lowercase());
                sketch.settings.push(Setting { name, value: pair.get(1).map(|_| Arc::from(HIDDEN)), global: true });
            }
        }
        Touch::Set => {
            if matches!(word, "replicaof" | "slaveof") && first != b"no" {
                sketch.flags.insert(Flag::Replication);
            }
            sketch.settings.push(Setting { name: Arc::from(word), value: Some(Arc::from(HIDDEN)), global: true });
        }
        Touch::Rights => {
            let (verb, grantees) = match first.as_slice() {
                b"setuser" => (RoleVerb::Alter, words.get(1..2)?),
                b"deluser" => (RoleVerb::Drop, words.get(1..)?),
                b"load" | b"save" => (RoleVerb::Alter, &[][..]),
                _ => return None,
            };
            let rights: Vec<Arc<str>> = words
                .get(2..)
                .unwrap_or_default()
                .iter()
                .filter(|rule| {
                    rule.starts_with(b"+") || rule.starts_with(b"-") || rule.ends_with(b"all") || **rule == b"on"
                })
                .take(64)
                .map(|rule| shown(String::from_utf8_lossy(rule).trim_start_matches(['+', '@'])))
                .collect();
            if verb == RoleVerb::Alter
                && words.iter().any(|rule| matches!(*rule, b"+@all" | b"allcommands" | b"+@admin"))
            {
                sketch.flags.insert(Flag::Escalates);
            }
            let grantees = grantees.iter().map(|name| names::role(&String::from_utf8_lossy(name))).collect();
            sketch.role = Some(RoleChange { verb, rights, grantees });
        }
        Touch::Load if !matches!(first.as_slice(), b"load" | b"loadex" | b"restore") => return None,
        Touch::Load if word == "module" => sketch.flags.insert(Flag::NativeCode),
        Touch::Wait => sketch.flags.insert(if first == b"sleep" { Flag::TimeDelay } else { Flag::ServerFile }),
        _ => {}
    }
    Some(())
}

/// The keys or patterns among `words`.
fn those<'a>(keys: Keys, words: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let behind = |mark: &[u8]| {
        let at = words.iter().position(|word| word.eq_ignore_ascii_case(mark));
        at.and_then(|at| words.get(at + 1..)).unwrap_or_default()
    };
    match keys {
        Keys::No | Keys::Whole => Vec::new(),
        Keys::First | Keys::Pattern => words.iter().take(1).copied().collect(),
        Keys::Two => words.iter().take(2).copied().collect(),
        Keys::All => words.to_vec(),
        Keys::Pairs => words.iter().step_by(2).copied().collect(),
        Keys::Counted(at) => {
            let count = words.get(at).and_then(|word| std::str::from_utf8(word).ok()?.parse().ok()).unwrap_or(0);
            words.iter().skip(at + 1).take(count).copied().collect()
        }
        Keys::Streams => {
            let rest = behind(b"streams");
            rest.iter().take(rest.len() / 2).copied().collect()
        }
        Keys::Third => match words.get(2) {
            Some(key) if !key.is_empty() => vec![*key],
            _ => behind(b"keys").to_vec(),
        },
        Keys::Match => behind(b"match").iter().take(1).copied().collect(),
    }
}

/// Adds the pattern of `name` as relation and, with `key`, the values in it as identifiers.
fn relation(sketch: &mut Sketch, name: &[u8], access: Access, key: Option<&Key>) {
    let mut pattern = String::new();
    let mut before: &[u8] = b"";
    for part in name.split(|byte| *byte == b':').take(16) {
        if !pattern.is_empty() {
            pattern.push(':');
        }
        if is_name(part) {
            pattern.push_str(&String::from_utf8_lossy(part));
            before = part;
        } else {
            if !pattern.ends_with('*') {
                pattern.push('*');
            }
            if let Some(key) = key {
                sketch.compare(key, if before.is_empty() { b"key" } else { before }, part);
            }
        }
    }
    let name = if pattern.is_empty() { Arc::from("*") } else { names::shorten(&pattern, 128) };
    sketch.relation(Relation { schema: Arc::from(""), name, access });
}

/// Whether a part of a key is a name and no value: letters of a harmless word, with at most two digits behind them.
fn is_name(part: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(part) else { return false };
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '{' || c == '_');
    let bare = text.trim_matches(['{', '}']);
    begins && text.len() <= 32 && digits <= 2 && names::harmless(bare)
}

/// A command that the rules of access refused.
pub(super) fn denied(object: &[u8]) -> Act {
    // `config|set`: the command and its subcommand.
    let mut parts = object.splitn(2, |byte| *byte == b'|');
    let (name, behind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match find(name) {
        Some((word, touch, _)) => {
            let mut sketch = Sketch::new(verb(*touch));
            // The log has no arguments; what the command is about is known all the same.
            let _ = described(&mut sketch, word, *touch, &[behind]);
            Act { sketch, word }
        }
        None => Act { sketch: Sketch::new(Verb::Other), word: "command" },
    }
}

/// A command that the rules of access refused for one key.
pub(super) fn denied_key(name: &[u8], object: &[u8], key: &Key) -> Act {
    let mut act = denied(name);
    let access = if act.sketch.verb == Verb::Select { Access::Read } else { Access::Write };
    relation(&mut act.sketch, object, access, Some(key));
    act
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let Some(act) = act(words[0], &words[1..], &Key::new([1; 32])) else { return String::new() };
        let (statement, identifiers) = act.sketch.finish(act.word);
        format!("{} {}", statement.summary, identifiers.len())
    }

    #[test]
    fn the_list_is_sorted() {
        assert!(COMMANDS.is_sorted_by(|left, right| left.0 < right.0));
    }

    #[test]
    fn keys_become_patterns() {
        for (line, expected) in [
            ("GET borrower:850830346939", "get borrower:* where borrower 1"),
            ("MGET borrower:1 borrower:2", "mget borrower:* where borrower 2"),
            ("hgetall borrower:850830346939:profile", "hgetall borrower:*:profile where borrower 1"),
            ("KEYS *", "keys * 0"),
            ("SCAN 0 MATCH borrower:8508* COUNT 10", "scan borrower:* 0"),
            ("SET 850830346939 x", "set * where key 1"),
            ("EVAL code 1 borrower:7 x", "eval borrower:* where borrower 1"),
            ("MIGRATE h 1 borrower:7 0 10", "migrate borrower:* where borrower 1"),
            ("GET borrower:ivanov", "get borrower:* where borrower 1"),
            ("FLUSHALL", "flushall * 0"),
            ("PING", ""),
            ("CONFIG GET *", ""),
        ] {
            assert_eq!(shape(line), expected, "{line}");
        }
    }

    #[test]
    fn rights_and_settings() {
        let words: [&[u8]; 5] = [b"SETUSER", b"evil", b"on", b">secret", b"+@all"];
        let act = act(b"ACL", &words, &Key::new([1; 32])).unwrap();
        assert!(act.sketch.flags.has(Flag::Escalates));
        let (statement, _) = act.sketch.finish(act.word);
        assert!(!format!("{statement:?}").contains("secret"));
        assert_eq!(denied(b"config|set").word, "config");
        assert_eq!(denied(b"unheard-of").sketch.verb, Verb::Other);
    }
}
