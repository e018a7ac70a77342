//! An application's own access journal, read by a mapping: JSON or CSV lines whose fields the configuration names.
//!
//! One record a line. A record that the mapping does not understand (no time, an action that no word stands for) is
//! lost and counted so; one about an object that the mapping leaves out is of no interest.

mod mapping;

pub use mapping::{MapAction, MapForm, MapObject, MapPerson, MapTime, Mapping, word_matches};

use crate::account::Lines;
use crate::json::{self, Step, Value};
use crate::names;
use crate::postgres::Verdict;
use crate::recent::{Recent, hash};
use crate::sketch::Sketch;
use crate::{Actors, Chunk, DecodeOptions, Decoded, Decoder, blank};
use kuzet_event::{Access, Action, Actor, Count, Event, Export, Outcome, Place, Relation, SessionId, System, Verb};
use kuzet_personal::{Encoding, Key};
use std::borrow::Cow;
use std::sync::Arc;

/// Values of one field of one record, at most; JSON arrays give many.
const VALUES: usize = 4096;

/// Decoder of one journal.
pub(crate) struct Mapped {
    mapping: Option<Arc<Mapping>>,
    key: Key,
    zone: i32,
    actors: Actors,
    /// Actors with the person behind them.
    people: Recent<Arc<Actor>>,
    lines: Lines,
}

/// A field of one record with its values.
struct Field<'a> {
    name: &'a str,
    values: Vec<String>,
}

/// The fields of a record that the mapping asks for.
struct Fields<'a>(Vec<Field<'a>>);

impl<'a> Fields<'a> {
    fn new(mapping: &'a Mapping) -> Fields<'a> {
        let mut fields: Vec<Field<'a>> = Vec::new();
        for name in mapping.fields() {
            if !fields.iter().any(|field| field.name == name) {
                fields.push(Field { name, values: Vec::new() });
            }
        }
        Fields(fields)
    }

    fn json(&mut self, line: &str) -> Option<()> {
        let mut known = false;
        json::walk(line.as_bytes(), |path, value| {
            known |= !path.is_empty();
            for field in self.0.iter_mut().filter(|field| leads_to(path, field.name)) {
                let value = match &value {
                    Value::Bool(true) => &b"true"[..],
                    Value::Bool(false) => b"false",
                    value => value.bytes(),
                };
                if !value.is_empty() && field.values.len() < VALUES {
                    field.values.push(String::from_utf8_lossy(value).into_owned());
                }
            }
        })?;
        known.then_some(())
    }

    fn csv(&mut self, line: &str, delimiter: char, columns: &[String]) -> Option<()> {
        let values = split(line, delimiter)?;
        if values.len() != columns.len() {
            return None;
        }
        for (column, value) in columns.iter().zip(values) {
            if let Some(field) = self.0.iter_mut().find(|field| field.name == column)
                && !value.is_empty()
            {
                field.values.push(value);
            }
        }
        Some(())
    }

    fn all(&self, name: Option<&String>) -> &[String] {
        name.and_then(|name| self.0.iter().find(|field| field.name == name)).map_or(&[], |field| &field.values)
    }

    fn one(&self, name: Option<&String>) -> &str {
        self.all(name).first().map_or("", |value| value.trim())
    }
}

/// Whether the keys of `path`, joined by dots, are `name`. Elements of arrays do not count.
fn leads_to(path: &[Step<'_>], name: &str) -> bool {
    let mut rest = Some(name.as_bytes());
    let mut first = true;
    for step in path {
        let Step::Key(key) = step else { continue };
        let behind = if first { rest } else { rest.and_then(|rest| rest.strip_prefix(b".")) };
        rest = behind.and_then(|rest| rest.strip_prefix(key.as_ref()));
        first = false;
    }
    rest == Some(b"") && !first
}

/// The fields of a line of CSV, quotes undone; `None` when a quote is open at the end.
fn split(line: &str, delimiter: char) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut chars = line.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            _ if c == delimiter && !quoted => fields.push(std::mem::take(&mut field)),
            _ => field.push(c),
        }
    }
    fields.push(field);
    (!quoted).then_some(fields)
}

impl Mapped {
    pub(crate) fn new(options: &DecodeOptions) -> Mapped {
        let system = options.mapping.as_ref().map_or(System::Application, |mapping| mapping.system);
        Mapped {
            mapping: options.mapping.clone(),
            key: options.key.clone(),
            zone: options.timezone,
            actors: Actors::new(system),
            people: Recent::new(128),
            lines: Lines::default(),
        }
    }

    fn line(&mut self, line: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        let Some(mapping) = self.mapping.clone() else { return Verdict::Lost };
        let line: Cow<'_, str> = match mapping.encoding {
            Encoding::Utf8 => String::from_utf8_lossy(line),
            encoding => kuzet_personal::decode(line, encoding),
        };
        let line = line.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        let mut fields = Fields::new(&mapping);
        let read = match &mapping.form {
            MapForm::Json => fields.json(line),
            MapForm::Csv { delimiter, columns } => {
                let read = fields.csv(line, *delimiter, columns);
                // The line of the names themselves.
                let mut told = fields.0.iter().filter(|field| !field.values.is_empty()).peekable();
                if read.is_some() && told.peek().is_some() && told.all(|field| field.values == [field.name]) {
                    return Verdict::Suppressed;
                }
                read
            }
        };
        if read.is_none() {
            return Verdict::Lost;
        }
        match self.event(&mapping, &fields, place) {
            Ok(Some(event)) => {
                events.push(event);
                Verdict::Handled
            }
            Ok(None) => Verdict::Suppressed,
            Err(()) => Verdict::Lost,
        }
    }

    /// The event of a record; none when it is of no interest, `Err` when it is not understood.
    fn event(&mut self, mapping: &Mapping, fields: &Fields<'_>, place: Place) -> Result<Option<Event>, ()> {
        let time: Vec<&str> = mapping.time.iter().map(|name| fields.one(Some(name))).collect();
        let at = mapping.time_form.read(&time.join(" "), self.zone).ok_or(())?;
        let word = fields.one(mapping.action.as_ref());
        let listed = mapping.actions.iter().find(|(known, _)| word_matches(known, word)).map(|(_, action)| *action);
        let told = listed.or(mapping.otherwise).ok_or(())?;
        let (action, verb, word) = match told {
            MapAction::Ignore => return Ok(None),
            MapAction::Login | MapAction::LoginFailed => (Action::Login, None, "login"),
            MapAction::Logout => (Action::Logout, None, "logout"),
            MapAction::Read => (Action::Statement, Some(Verb::Select), "read"),
            MapAction::Export => (Action::Statement, Some(Verb::Copy), "export"),
            MapAction::Insert => (Action::Statement, Some(Verb::Insert), "insert"),
            MapAction::Update => (Action::Statement, Some(Verb::Update), "update"),
            MapAction::Delete => (Action::Statement, Some(Verb::Delete), "delete"),
        };
        let status = fields.one(mapping.outcome.as_ref());
        let among = |words: &[String]| words.iter().any(|known| word_matches(known, status));
        let outcome = match told {
            MapAction::LoginFailed => Outcome::Failure,
            _ if among(&mapping.failure) => Outcome::Failure,
            _ if among(&mapping.success) || mapping.outcome.is_none() => Outcome::Success,
            _ => Outcome::Unknown,
        };
        let mut event = blank::event(at, place, self.actor(mapping, fields), action, outcome);
        let session = fields.one(mapping.session.as_ref());
        if !session.is_empty() {
            event.session = SessionId(hash(session.as_bytes()));
        }
        let rows = fields.one(mapping.rows.as_ref()).parse();
        event.rows = rows.map_or(Count::Unknown, Count::Known);
        if let Some(verb) = verb {
            let mut sketch = Sketch::new(verb);
            sketch.export = (told == MapAction::Export).then_some(Export::ToClient);
            let access = if matches!(told, MapAction::Read | MapAction::Export) { Access::Read } else { Access::Write };
            let Some(relation) = relation(mapping, fields, access) else { return Ok(None) };
            if !relation.name.is_empty() {
                sketch.relation(relation);
            }
            for person in &mapping.people {
                for value in fields.all(Some(&person.field)) {
                    if let Some(value) = person.value(value) {
                        sketch.compare(&self.key, person.column.as_bytes(), value.as_bytes());
                    }
                }
            }
            let (statement, identifiers) = sketch.finish(word);
            (event.statement, event.identifiers) = (Some(statement), identifiers);
        }
        Ok(Some(event))
    }

    fn actor(&mut self, mapping: &Mapping, fields: &Fields<'_>) -> Arc<Actor> {
        let [user, client, program, person] = [&mapping.user, &mapping.client, &mapping.program, &mapping.person]
            .map(|name| fields.one(name.as_ref()).as_bytes())
            .map(|value| &value[..value.len().min(1024)]);
        let base = self.actors.intern(user, client, program, mapping.database.as_bytes());
        if person.is_empty() {
            return base;
        }
        let key = &self.key;
        let make = || Arc::new(Actor { person: names::person(person, key).unwrap_or_default(), ..(*base).clone() });
        Arc::clone(self.people.get(&[user, client, program, person], make))
    }
}

/// What a record is about: nothing when the mapping leaves it out, an empty name when the record does not say.
fn relation(mapping: &Mapping, fields: &Fields<'_>, access: Access) -> Option<Relation> {
    let word = fields.one(mapping.object_field.as_ref());
    let name = match &mapping.object {
        MapObject::Fixed(name) => Cow::Borrowed(name.as_str()),
        MapObject::Words(words) => {
            Cow::Borrowed(words.iter().find(|(known, _)| word_matches(known, word)).map(|(_, name)| name.as_str())?)
        }
        MapObject::Told => Cow::Owned(names::object(word.as_bytes()).to_string()),
    };
    let (schema, name) = name.rsplit_once('.').unwrap_or(("", &name));
    Some(Relation { schema: Arc::from(schema), name: Arc::from(name), access })
}

impl Decoder for Mapped {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut lines = std::mem::take(&mut self.lines);
        let done = lines.decode(chunk, |line, place| self.line(line, place, events));
        self.lines = lines;
        done
    }

    fn snapshot(&self) -> Vec<u8> {
        self.lines.snapshot()
    }

    fn restore(&mut self, snapshot: &[u8]) {
        self.lines.restore(snapshot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_line() {
        let show = |line: &str| split(line, ';');
        let told = |fields: &[&str]| Some(fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>());
        assert_eq!(show("a;\"b;\"\"c\"\"\";"), told(&["a", "b;\"c\"", ""]));
        assert_eq!(show("a;5\" pipe"), told(&["a", "5\" pipe"]));
        assert_eq!(show("a;\"b"), None);
    }

    #[test]
    fn paths_are_nested_or_dotted() {
        let key = |name: &'static str| Step::Key(Cow::Borrowed(name.as_bytes()));
        assert!(leads_to(&[key("client"), Step::Item(3), key("iin")], "client.iin"));
        assert!(leads_to(&[key("client.iin")], "client.iin"));
        assert!(!leads_to(&[key("client")], "client.iin") && !leads_to(&[key("clientiin")], "client.iin"));
        assert!(!leads_to(&[], "client.iin"));
    }
}
