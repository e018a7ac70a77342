//! `[source.map]`: what the fields of an application's own journal mean, from TOML to a checked [`Mapping`].

use kuzet_decode::{MapAction, MapForm, MapObject, MapPerson, MapTime, Mapping};
use kuzet_event::System;
use kuzet_personal::Encoding;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// A fault of a mapping: code, first byte in the file, what, help.
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) help: String,
}

/// The table as typed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMap {
    form: Spanned<String>,
    delimiter: Option<Spanned<String>>,
    columns: Option<Spanned<Vec<String>>>,
    encoding: Option<Spanned<String>>,
    system: Option<Spanned<String>>,
    #[serde(default)]
    database: String,
    time: Spanned<OneOrMany>,
    time_form: Option<Spanned<String>>,
    user: Option<Spanned<String>>,
    person: Option<Spanned<String>>,
    client: Option<Spanned<String>>,
    program: Option<Spanned<String>>,
    session: Option<Spanned<String>>,
    action: Option<Spanned<String>>,
    #[serde(default)]
    actions: BTreeMap<String, Spanned<String>>,
    otherwise: Option<Spanned<String>>,
    object: Option<Spanned<String>>,
    object_field: Option<Spanned<String>>,
    objects: Option<Spanned<BTreeMap<String, String>>>,
    #[serde(default)]
    people: Vec<RawPerson>,
    rows: Option<Spanned<String>>,
    outcome: Option<Spanned<String>>,
    #[serde(default)]
    success: Vec<String>,
    #[serde(default)]
    failure: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPerson {
    field: Spanned<String>,
    kind: Option<Spanned<String>>,
    column: Option<String>,
    after: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn names(self) -> Vec<String> {
        match self {
            OneOrMany::One(name) => vec![name],
            OneOrMany::Many(names) => names,
        }
    }
}

/// Encodings whose newline is the byte of ASCII.
const ENCODINGS: [(&str, Encoding); 6] = [
    ("utf-8", Encoding::Utf8),
    ("windows-1251", Encoding::Windows1251),
    ("kz-1048", Encoding::Kz1048),
    ("pt154", Encoding::Pt154),
    ("koi8-r", Encoding::Koi8R),
    ("cp866", Encoding::Cp866),
];

const SYSTEMS: [(&str, System); 6] = [
    ("application", System::Application),
    ("postgresql", System::Postgresql),
    ("mariadb", System::Mariadb),
    ("mysql", System::Mysql),
    ("mongodb", System::Mongodb),
    ("redis", System::Redis),
];

/// Kinds of identifiers, and the names of columns that announce them.
const KINDS: [(&str, &str); 7] = [
    ("iin", "iin"),
    ("phone", "phone"),
    ("email", "email"),
    ("card", "card_number"),
    ("iban", "iban"),
    ("document", "passport"),
    ("value", ""),
];

/// Checks `raw`; every fault of it is told.
pub(super) fn mapping(raw: RawMap) -> Result<Mapping, Vec<Fault>> {
    let mut check = Check { faults: Vec::new() };
    let form = check.form(&raw);
    let encoding = check.word(raw.encoding.as_ref(), "encoding", &ENCODINGS).unwrap_or(Encoding::Utf8);
    let system = check.word(raw.system.as_ref(), "system", &SYSTEMS).unwrap_or(System::Application);
    let time_form = check.time_form(raw.time_form.as_ref());
    let otherwise = check.word(raw.otherwise.as_ref(), "action", &MapAction::ALL);
    let actions = check.actions(&raw, otherwise);
    let object = check.object(&raw);
    check.outcomes(&raw);
    check.fields(&form, &named(&raw));
    let time = raw.time.into_inner().names();
    let people = raw.people.into_iter().map(|person| check.person(person)).collect();
    let plain = |name: Option<Spanned<String>>| name.map(Spanned::into_inner);
    let mapping = Mapping {
        form,
        encoding,
        system,
        database: raw.database,
        time,
        time_form,
        user: plain(raw.user),
        person: plain(raw.person),
        client: plain(raw.client),
        program: plain(raw.program),
        session: plain(raw.session),
        action: plain(raw.action),
        actions,
        otherwise,
        object_field: plain(raw.object_field),
        object,
        people,
        rows: plain(raw.rows),
        outcome: plain(raw.outcome),
        success: raw.success,
        failure: raw.failure.into_iter().map(Spanned::into_inner).collect(),
    };
    if check.faults.is_empty() { Ok(mapping) } else { Err(check.faults) }
}

/// Every field that the mapping names, with its place.
fn named(raw: &RawMap) -> Vec<(usize, &str)> {
    let single = [
        &raw.user,
        &raw.person,
        &raw.client,
        &raw.program,
        &raw.session,
        &raw.action,
        &raw.object_field,
        &raw.rows,
        &raw.outcome,
    ];
    let time: &[String] = match raw.time.get_ref() {
        OneOrMany::One(name) => std::slice::from_ref(name),
        OneOrMany::Many(names) => names,
    };
    let people = raw.people.iter().map(|person| &person.field);
    let at = raw.time.span().start;
    let single = single.into_iter().flatten().chain(people).map(|name| (name.span().start, name.get_ref().as_str()));
    time.iter().map(|name| (at, name.as_str())).chain(single).collect()
}

/// Words in the order in which they are tried: of two that fit, the longer one says more.
fn longest_first<T>(words: &mut [(String, T)]) {
    words.sort_by_key(|(word, _)| (word.ends_with('*'), std::cmp::Reverse(word.len())));
}

struct Check {
    faults: Vec<Fault>,
}

impl Check {
    fn fault(&mut self, code: &'static str, at: usize, message: String, help: &str) {
        self.faults.push(Fault { code, at, message, help: help.to_owned() });
    }

    /// The value of a word out of a closed list.
    fn word<T: Copy>(&mut self, word: Option<&Spanned<String>>, what: &str, known: &[(&str, T)]) -> Option<T> {
        let word = word?;
        let found =
            known.iter().find(|(name, _)| *name == word.get_ref().to_ascii_lowercase()).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let message = format!("{what} \"{}\" is not known", word.get_ref());
            self.fault("KZ072", word.span().start, message, &format!("one of: {}", names.join(", ")));
        }
        found
    }

    fn actions(&mut self, raw: &RawMap, otherwise: Option<MapAction>) -> Vec<(String, MapAction)> {
        let mut actions = Vec::new();
        for (word, action) in &raw.actions {
            let action = self.word(Some(action), "action", &MapAction::ALL);
            actions.extend(action.map(|action| (word.clone(), action)));
        }
        longest_first(&mut actions);
        if otherwise.is_none() && (raw.action.is_none() || raw.actions.is_empty()) {
            let help = "name its field and words: action = \"event\", actions = { view = \"read\" }; or otherwise = \"read\" for all";
            self.fault("KZ071", raw.form.span().start, "the mapping says no action".to_owned(), help);
        }
        actions
    }

    fn outcomes(&mut self, raw: &RawMap) {
        for word in raw.failure.iter().filter(|word| raw.success.contains(word.get_ref())) {
            let message = format!("outcome \"{}\" is success and failure", word.get_ref());
            self.fault("KZ072", word.span().start, message, "leave it in one of the lists");
        }
    }

    fn form(&mut self, raw: &RawMap) -> MapForm {
        let csv = self.word(Some(&raw.form), "form", &[("json", false), ("csv", true)]).unwrap_or(false);
        let mut delimiter = ',';
        if let Some(text) = &raw.delimiter {
            let mut chars = text.get_ref().chars();
            match (chars.next(), chars.next()) {
                (Some(one), None) if one != '"' => delimiter = one,
                _ => {
                    let message = "the delimiter is not one character".to_owned();
                    self.fault("KZ072", text.span().start, message, "write delimiter = \";\", or \"\\t\" for a TAB");
                }
            }
        }
        if !csv {
            for (at, key) in [
                raw.delimiter.as_ref().map(|value| (value.span().start, "delimiter")),
                raw.columns.as_ref().map(|value| (value.span().start, "columns")),
            ]
            .into_iter()
            .flatten()
            {
                self.fault(
                    "KZ072",
                    at,
                    format!("{key} means nothing in JSON"),
                    "leave it out, or write form = \"csv\"",
                );
            }
            return MapForm::Json;
        }
        let columns = raw.columns.as_ref().map(|columns| columns.get_ref().clone()).unwrap_or_default();
        if columns.is_empty() {
            let help =
                "write columns = [\"…\", …], every one in the order of the file; a line of the names is passed over";
            self.fault("KZ071", raw.form.span().start, "a CSV journal needs its columns".to_owned(), help);
        }
        MapForm::Csv { delimiter, columns }
    }

    fn time_form(&mut self, form: Option<&Spanned<String>>) -> MapTime {
        let Some(form) = form else { return MapTime::Rfc3339 };
        match form.get_ref().as_str() {
            "rfc3339" => return MapTime::Rfc3339,
            "unix_s" => return MapTime::UnixSeconds,
            "unix_ms" => return MapTime::UnixMillis,
            _ => {}
        }
        let time = MapTime::Pattern(form.get_ref().clone());
        // What the pattern writes must be read by it.
        let written = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
        let written = jiff::fmt::strtime::format(form.get_ref(), &written);
        if !written.is_ok_and(|text| time.read(&text, 0).is_some()) {
            let message = format!("time_form \"{}\" gives no time", form.get_ref());
            let help =
                "rfc3339, unix_s, unix_ms, or a pattern of strptime with year, month and day: \"%d.%m.%Y %H:%M:%S\"";
            self.fault("KZ074", form.span().start, message, help);
        }
        time
    }

    fn object(&mut self, raw: &RawMap) -> MapObject {
        match (&raw.object, &raw.objects, &raw.object_field) {
            (Some(_), None, None) => {}
            (Some(object), ..) => {
                let message = "object is fixed and told by a field".to_owned();
                self.fault("KZ072", object.span().start, message, "leave out object, or object_field and objects");
            }
            (None, Some(objects), None) => {
                let message = "objects has no field to look at".to_owned();
                self.fault("KZ071", objects.span().start, message, "name the field: object_field = \"…\"");
            }
            _ => {}
        }
        match (&raw.object, &raw.objects) {
            (Some(object), _) => MapObject::Fixed(object.get_ref().clone()),
            (None, Some(objects)) => {
                let mut words: Vec<(String, String)> = objects.get_ref().clone().into_iter().collect();
                longest_first(&mut words);
                MapObject::Words(words)
            }
            (None, None) => MapObject::Told,
        }
    }

    /// Every field must be a column of a CSV journal.
    fn fields(&mut self, form: &MapForm, fields: &[(usize, &str)]) {
        let MapForm::Csv { columns, .. } = form else { return };
        for (at, name) in fields.iter().filter(|(_, name)| !columns.iter().any(|column| column == name)) {
            if !columns.is_empty() {
                let help = format!("columns are: {}", columns.join(", "));
                self.fault("KZ073", *at, format!("field \"{name}\" is no column"), &help);
            }
        }
    }

    fn person(&mut self, raw: RawPerson) -> MapPerson {
        let column = match self.word(raw.kind.as_ref(), "kind", &KINDS).filter(|name| !name.is_empty()) {
            Some(name) => name.to_owned(),
            None => raw.column.unwrap_or_else(|| raw.field.get_ref().clone()),
        };
        MapPerson { field: raw.field.into_inner(), column, after: raw.after }
    }
}
