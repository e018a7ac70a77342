//! pgaudit records: the CSV inside the message.
//!
//! `AUDIT: SESSION,7,1,READ,SELECT,TABLE,public.borrowers,"SELECT …, …","x,y",10`: type, statement id, substatement id,
//! class, command, object type, object, statement, parameters and, with `pgaudit.log_rows`, rows. A statement gives one
//! record a relation. <https://github.com/pgaudit/pgaudit>

use crate::Parameters;
use crate::names::{clean, object};
use crate::recent::{Recent, hash};
use crate::structural::classify;
use crate::times::number;
use kuzet_event::{Access, Count, Export, Flags, Outcome, Relation, Statement, Verb};
use std::borrow::Cow;
use std::sync::Arc;

/// One record, taken apart.
pub(crate) struct Audit<'a> {
    /// Number of the statement in its session.
    pub(crate) number: u64,
    class: &'a [u8],
    command: &'a [u8],
    object_type: &'a [u8],
    object: Cow<'a, [u8]>,
    /// Text, or `<not logged>`, `<previously logged>`.
    pub(crate) statement: &'a [u8],
    /// Absent without `pgaudit.log_rows`.
    rows: Option<u64>,
}

impl<'a> Audit<'a> {
    /// Takes the text behind `AUDIT: ` apart. `scratch` holds the statement when it must be unescaped; `parameters`
    /// gets the bound values. `None` when the text is not a pgaudit record.
    pub(crate) fn parse(text: &'a [u8], scratch: &'a mut Vec<u8>, parameters: &mut Parameters) -> Option<Audit<'a>> {
        parameters.clear();
        let (head, mut fields) = head(text);
        let mut head = head.into_iter();
        let mut next = || match head.next() {
            Some(Some(bytes)) => Some(Raw { bytes, escaped: false }),
            _ => fields.next(),
        };
        let kind = next()?;
        if kind.bytes != b"SESSION" && kind.bytes != b"OBJECT" {
            return None;
        }
        let id = next()?.bytes;
        if id.is_empty() {
            return None;
        }
        let number = u64::try_from(number(id)?).ok()?;
        let _substatement = next()?;
        let class = next()?.bytes;
        let command = next()?.bytes;
        let object_type = next()?.bytes;
        let object = next()?;
        let statement = fields.next()?;
        let bound = fields.next()?;
        let rows = fields.next();
        if fields.rest.is_some() {
            return None;
        }
        read_parameters(&bound, parameters);
        let object = if object.escaped {
            let mut plain = Vec::new();
            unescape(object.bytes, &mut plain);
            Cow::Owned(plain)
        } else {
            Cow::Borrowed(object.bytes)
        };
        let statement = if statement.escaped {
            scratch.clear();
            unescape(statement.bytes, scratch);
            scratch.as_slice()
        } else {
            statement.bytes
        };
        let rows = match rows {
            None => None,
            Some(rows) if rows.bytes.is_empty() => None,
            Some(rows) => Some(u64::try_from(crate::times::number(rows.bytes)?).ok()?),
        };
        Some(Audit { number, class, command, object_type, object, statement, rows })
    }

    /// Rows, as far as they are told. pgaudit 1.7 with `log_rows` on writes 0 where it does not know (seen on
    /// PostgreSQL 15.18):
    /// - `COPY t TO …` and pg_dump: class READ, command COPY, no object, 0, although 10,000 rows left;
    /// - `DECLARE CURSOR`: 0, and the FETCHes that read the rows are not logged at all;
    /// - `TRUNCATE`, `DROP`, `GRANT` and all other utility commands: always 0, whatever they destroyed or opened.
    ///
    /// So a 0 counts as a number only where the executor counted: SELECT, INSERT, UPDATE, DELETE and MERGE whose
    /// text is not a cursor or COPY. (`COPY (SELECT …)` gives the true number in a SELECT record of its own beside the
    /// COPY record.) Without `log_rows` there is no field.
    pub(crate) fn rows(&self, statement: &Statement) -> Count {
        match self.rows {
            None => Count::Unknown,
            Some(0) if self.counted() && !self.hidden(statement) => Count::Known(0),
            Some(0) => Count::Unknown,
            Some(rows) => Count::Known(rows),
        }
    }

    /// Whether the command went through the executor, which counts rows.
    fn counted(&self) -> bool {
        matches!(self.command, b"SELECT" | b"INSERT" | b"UPDATE" | b"DELETE" | b"MERGE")
    }

    /// Whether the statement's form hides the number.
    fn hidden(&self, statement: &Statement) -> bool {
        matches!(statement.export, Some(Export::Cursor | Export::ToClient | Export::ToFile | Export::ToProgram))
            || matches!(statement.verb, Verb::Copy)
    }

    /// With `log_rows` the record is written when the statement has ended, and utility commands are always logged after
    /// they ran; a READ or WRITE record without rows is written before.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.rows.is_none() && (self.class == b"READ" || self.class == b"WRITE") && self.counted() {
            Outcome::Unknown
        } else {
            Outcome::Success
        }
    }

    /// The relation that the record is about. Objects without rows (indexes, functions) are none; a policy, trigger or
    /// constraint `x on public.t` is about `public.t`.
    pub(crate) fn relation(&self, known: &mut Recent<Option<Arc<Relation>>>) -> Option<Arc<Relation>> {
        if self.object.is_empty() {
            return None;
        }
        let of_rows = matches!(
            self.object_type,
            b"TABLE" | b"VIEW" | b"MATERIALIZED VIEW" | b"FOREIGN TABLE" | b"PARTITIONED TABLE"
        );
        let access = if matches!(self.class, b"WRITE" | b"DDL" | b"ROLE") { Access::Write } else { Access::Read };
        let name = &self.object[..self.object.len().min(160)];
        let kind = [u8::from(of_rows) << 1 | u8::from(access == Access::Write)];
        let make = || {
            let text = if of_rows { name } else { &name[memchr::memmem::rfind(name, b" on ")? + 4..] };
            let (schema, name) = split_name(text);
            Some(Arc::new(Relation { schema: object(&schema), name: object(&name), access }))
        };
        known.get(&[&kind, name], make).clone()
    }

    /// What is known of a statement whose text is not logged: its command.
    pub(crate) fn shape_of_command(&self) -> Arc<Statement> {
        let verb = match self.command {
            b"SELECT" | b"DECLARE CURSOR" | b"FETCH" => Verb::Select,
            b"INSERT" => Verb::Insert,
            b"UPDATE" => Verb::Update,
            b"DELETE" => Verb::Delete,
            b"MERGE" => Verb::Merge,
            b"TRUNCATE TABLE" => Verb::Truncate,
            b"COPY" if self.class == b"READ" => Verb::Copy,
            b"COPY" => Verb::Insert,
            b"CREATE TABLE AS" | b"SELECT INTO" => Verb::CreateCopy,
            b"SET" | b"RESET" | b"ALTER SYSTEM" => Verb::Setting,
            b"DO" | b"CALL" | b"EXECUTE" => Verb::Execute,
            command if self.class == b"ROLE" && !command.is_empty() => Verb::Role,
            command if self.class == b"DDL" && command.starts_with(b"DROP ") => Verb::Drop,
            _ if self.class == b"DDL" => Verb::Define,
            _ => Verb::Unknown,
        };
        let summary = clean(self.command);
        Arc::new(Statement {
            fingerprint: hash(summary.as_bytes()),
            summary,
            verb,
            relations: Vec::new(),
            columns: Vec::new(),
            predicate_columns: Vec::new(),
            export: (self.command == b"DECLARE CURSOR").then_some(Export::Cursor),
            flags: Flags::NONE,
            limit: None,
            settings: Vec::new(),
            role: None,
            routines: Vec::new(),
        })
    }
}

/// The fields before the first quote within 64 bytes, at most the seven before the statement, and the rest. Without
/// quotes a comma always ends a field.
fn head(text: &[u8]) -> ([Option<&[u8]>; 7], Fields<'_>) {
    let mut fields = [None; 7];
    let mut start = 0;
    if let Some(block) = text.first_chunk::<64>() {
        let bits = classify(block);
        let before_quote = if bits.quote == 0 { u64::MAX } else { (bits.quote & bits.quote.wrapping_neg()) - 1 };
        let mut commas = bits.comma & before_quote;
        for field in &mut fields {
            if commas == 0 {
                break;
            }
            let end = commas.trailing_zeros() as usize;
            *field = text.get(start..end);
            commas &= commas - 1;
            start = end + 1;
        }
    }
    (fields, Fields { rest: Some(&text[start..]) })
}

/// Appends the bound values, a CSV list inside the field. `<none>` and `<not logged>` are no values. NULL is an empty one.
fn read_parameters(field: &Raw<'_>, parameters: &mut Parameters) {
    if matches!(field.bytes, b"<none>" | b"<not logged>" | b"<previously logged>") {
        return;
    }
    let mut list = Vec::new();
    let bytes = if field.escaped {
        unescape(field.bytes, &mut list);
        list.as_slice()
    } else {
        field.bytes
    };
    let mut plain = Vec::new();
    for value in (Fields { rest: Some(bytes) }) {
        if value.escaped {
            plain.clear();
            unescape(value.bytes, &mut plain);
            parameters.push(&plain);
        } else {
            parameters.push(value.bytes);
        }
    }
}

/// A field without its outer quotes.
#[derive(Clone, Copy)]
struct Raw<'a> {
    bytes: &'a [u8],
    /// Holds doubled quotes.
    escaped: bool,
}

/// Fields of a CSV line. What stands between a closing quote and the next comma is no CSV; it goes to the field as it is.
struct Fields<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Raw<'a>;

    fn next(&mut self) -> Option<Raw<'a>> {
        let text = self.rest?;
        if let Some(inner) = text.strip_prefix(b"\"") {
            let (mut from, mut escaped) = (0, false);
            while let Some(at) = memchr::memchr(b'"', &inner[from..]).map(|at| at + from) {
                match inner.get(at + 1) {
                    Some(b'"') => {
                        escaped = true;
                        from = at + 2;
                    }
                    Some(b',') => {
                        self.rest = Some(&inner[at + 2..]);
                        return Some(Raw { bytes: &inner[..at], escaped });
                    }
                    None => {
                        self.rest = None;
                        return Some(Raw { bytes: &inner[..at], escaped });
                    }
                    Some(_) => break,
                }
            }
        }
        let end = text.iter().take(16).position(|byte| *byte == b',').or_else(|| {
            let from = text.len().min(16);
            memchr::memchr(b',', &text[from..]).map(|at| at + from)
        });
        let (bytes, rest) = match end {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        self.rest = rest;
        Some(Raw { bytes, escaped: false })
    }
}

/// Appends `text` to `into`, each doubled quote made one.
pub(crate) fn unescape(mut text: &[u8], into: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(b'"', text) {
        into.extend_from_slice(&text[..=at]);
        let behind = &text[at + 1..];
        text = behind.strip_prefix(b"\"").unwrap_or(behind);
    }
    into.extend_from_slice(text);
}

/// Schema and name of `public.borrowers` or `"My Schema"."a.b"`, quotes undone; the schema is empty when there is none.
fn split_name(text: &[u8]) -> (Cow<'_, [u8]>, Cow<'_, [u8]>) {
    let (mut quoted, mut dot) = (false, None);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'.' if !quoted => {
                dot = Some(at);
                break;
            }
            _ => {}
        }
    }
    match dot {
        Some(at) => (unquote(&text[..at]), unquote(&text[at + 1..])),
        None => (Cow::Borrowed(&b""[..]), unquote(text)),
    }
}

fn unquote(name: &[u8]) -> Cow<'_, [u8]> {
    match name.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")) {
        None => Cow::Borrowed(name),
        Some(inner) => {
            let mut plain = Vec::with_capacity(inner.len());
            unescape(inner, &mut plain);
            Cow::Owned(plain)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(text: &str, look: impl FnOnce(Option<Audit<'_>>, &Parameters) -> T) -> T {
        let (mut scratch, mut parameters) = (Vec::new(), Parameters::new());
        let audit = Audit::parse(text.as_bytes(), &mut scratch, &mut parameters);
        look(audit, &parameters)
    }

    fn rows(text: &str) -> Count {
        with(text, |audit, _| {
            let audit = audit.unwrap();
            let statement = audit.shape_of_command();
            audit.rows(&statement)
        })
    }

    #[test]
    fn all_fields() {
        let text = "SESSION,7,2,READ,SELECT,TABLE,\"\"\"My S\"\".borrowers\",\"SELECT \"\"a\"\",\n b\",\"x,\"\"y \"\"\"\"z\"\"\"\"\"\",\",1";
        with(text, |audit, parameters| {
            let audit = audit.unwrap();
            assert_eq!((audit.number, audit.rows), (7, Some(1)));
            assert_eq!(audit.statement, b"SELECT \"a\",\n b");
            let values: Vec<_> = (1..=parameters.len()).map(|number| parameters.get(number).unwrap()).collect();
            assert_eq!(values, [&b"x"[..], b"y \"z\"", b""]);
            let relation = audit.relation(&mut Recent::new(1)).unwrap();
            assert_eq!((&*relation.schema, &*relation.name, relation.access), ("My S", "borrowers", Access::Read));
        });
    }

    #[test]
    fn zero_is_a_number_only_where_rows_are_counted() {
        assert_eq!(rows("SESSION,1,1,READ,SELECT,TABLE,public.t,x,<none>,0"), Count::Known(0));
        assert_eq!(rows("SESSION,1,1,READ,SELECT,TABLE,public.t,x,<none>,4999"), Count::Known(4999));
        assert_eq!(rows("SESSION,1,1,READ,SELECT,TABLE,public.t,x,<none>"), Count::Unknown);
        assert_eq!(rows("SESSION,1,1,READ,COPY,,,COPY t TO STDOUT,<none>,0"), Count::Unknown);
        assert_eq!(rows("SESSION,1,1,READ,DECLARE CURSOR,,,x,<none>,0"), Count::Unknown);
        assert_eq!(rows("SESSION,1,1,WRITE,TRUNCATE TABLE,,,x,<none>,0"), Count::Unknown);
        assert_eq!(rows("SESSION,1,1,ROLE,GRANT,TABLE,,x,<none>,0"), Count::Unknown);
    }

    #[test]
    fn objects_that_hold_no_rows() {
        let relation = |text: &str| with(text, |audit, _| audit.unwrap().relation(&mut Recent::new(1)));
        assert_eq!(relation("SESSION,5,1,DDL,DROP TABLE,INDEX,public.loans_pkey,x,<none>,0"), None);
        let policy = relation("SESSION,5,1,DDL,DROP POLICY,POLICY,p on public.borrowers,x,<none>,0").unwrap();
        assert_eq!((&*policy.name, policy.access), ("borrowers", Access::Write));
        assert_eq!(relation("SESSION,5,1,READ,SELECT,,,x,<none>,0"), None);
    }

    #[test]
    fn refuses_what_is_no_record() {
        for text in [
            "",
            "SESSION",
            "SESSION,x,1,READ,SELECT,,,x,y",
            "OTHER,1,1,READ,SELECT,,,x,y",
            "SESSION,1,1,READ,SELECT,,,x,y,z",
        ] {
            assert!(with(text, |audit, _| audit.is_none()), "{text}");
        }
        assert!(with("SESSION,1,1,READ,SELECT,,,x,y,1,1", |audit, _| audit.is_none()));
    }
}
