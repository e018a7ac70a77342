//! The mapping of a journal: which field says what. Checked by whoever makes one.

use crate::times::iso;
use jiff::fmt::strtime;
use kuzet_event::{System, Timestamp};
use kuzet_personal::Encoding;

/// What the fields of an application's journal mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// How a line is cut into fields.
    pub form: MapForm,
    /// Encoding of the text; every one whose newline is the byte of ASCII.
    pub encoding: Encoding,
    /// What the journal is taken for.
    pub system: System,
    /// Database of every record; empty when the catalogue needs none.
    pub database: String,
    /// Fields that make up the time, joined by a blank.
    pub time: Vec<String>,
    /// How the time is written.
    pub time_form: MapTime,
    /// Field of the account.
    pub user: Option<String>,
    /// Field of the person behind the account.
    pub person: Option<String>,
    /// Field of the client's address.
    pub client: Option<String>,
    /// Field of the program.
    pub program: Option<String>,
    /// Field of the session.
    pub session: Option<String>,
    /// Field of the action.
    pub action: Option<String>,
    /// Words of that field, see [`word_matches`].
    pub actions: Vec<(String, MapAction)>,
    /// What any other word is; without it such a record is lost.
    pub otherwise: Option<MapAction>,
    /// Field of the object.
    pub object_field: Option<String>,
    /// How the object names a table.
    pub object: MapObject,
    /// Fields that name people.
    pub people: Vec<MapPerson>,
    /// Field of the count of rows or cards.
    pub rows: Option<String>,
    /// Field of the outcome; without one every act succeeded.
    pub outcome: Option<String>,
    /// Words of success.
    pub success: Vec<String>,
    /// Words of failure.
    pub failure: Vec<String>,
}

/// How a line is cut into fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapForm {
    /// An object; fields are keys, nested ones joined by dots.
    Json,
    /// Values between delimiters, quoted where they hold one.
    Csv {
        /// What stands between values.
        delimiter: char,
        /// Names of the columns, in order.
        columns: Vec<String>,
    },
}

/// How a time is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapTime {
    /// RFC 3339, the T may be a blank, the zone may be missing.
    Rfc3339,
    /// Seconds since 1970, with or without a fraction.
    UnixSeconds,
    /// Milliseconds since 1970.
    UnixMillis,
    /// A pattern of `strptime`.
    Pattern(String),
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapAction {
    /// Data was looked at.
    Read,
    /// Data was taken out.
    Export,
    /// Data was added.
    Insert,
    /// Data was changed.
    Update,
    /// Data was deleted.
    Delete,
    /// A user came.
    Login,
    /// A user went.
    Logout,
    /// A user was refused.
    LoginFailed,
    /// Of no interest.
    Ignore,
}

impl MapAction {
    /// Every action with its word in the configuration.
    pub const ALL: [(&'static str, MapAction); 9] = [
        ("read", MapAction::Read),
        ("export", MapAction::Export),
        ("insert", MapAction::Insert),
        ("update", MapAction::Update),
        ("delete", MapAction::Delete),
        ("login", MapAction::Login),
        ("logout", MapAction::Logout),
        ("login_failed", MapAction::LoginFailed),
        ("ignore", MapAction::Ignore),
    ];
}

/// Which table a record is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapObject {
    /// Always this one.
    Fixed(String),
    /// The one that stands for the word; records with other words are of no interest.
    Words(Vec<(String, String)>),
    /// The field's own text.
    Told,
}

/// A field that names people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapPerson {
    /// The field.
    pub field: String,
    /// Name of the column in the database that has the same values: says their kind, and makes their hashes meet.
    pub column: String,
    /// The value stands behind this text, up to the next `/`, `?`, `&`, `#` or blank: `/clients/` in an address.
    pub after: Option<String>,
}

impl MapPerson {
    /// The part of the field's text that is the value.
    pub(super) fn value<'a>(&self, text: &'a str) -> Option<&'a str> {
        let text = match &self.after {
            None => text,
            Some(after) => {
                let rest = &text[text.find(after.as_str())? + after.len()..];
                rest.split(['/', '?', '&', '#', ' ']).next().unwrap_or(rest)
            }
        };
        let text = text.trim();
        (!text.is_empty()).then_some(text)
    }
}

impl Mapping {
    /// Every field that is asked for.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let single = [
            &self.user,
            &self.person,
            &self.client,
            &self.program,
            &self.session,
            &self.action,
            &self.object_field,
            &self.rows,
            &self.outcome,
        ];
        let people = self.people.iter().map(|person| &person.field);
        self.time.iter().chain(single.into_iter().flatten()).chain(people).map(String::as_str)
    }
}

impl MapTime {
    /// The time that `text` tells; `zone` in seconds east of UTC where it names none.
    #[must_use]
    pub fn read(&self, text: &str, zone: i32) -> Option<Timestamp> {
        match self {
            MapTime::Rfc3339 => iso(text.as_bytes(), zone),
            MapTime::UnixSeconds => {
                let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
                let micros = fraction.get(..fraction.len().min(6))?;
                let micros = if micros.is_empty() {
                    0
                } else {
                    micros.parse::<u32>().ok()?.checked_mul(10u32.pow(6 - u32::try_from(micros.len()).ok()?))?
                };
                seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros.into()).map(Timestamp)
            }
            MapTime::UnixMillis => text.parse::<i64>().ok()?.checked_mul(1000).map(Timestamp),
            MapTime::Pattern(pattern) => {
                let told = strtime::parse(pattern, text).ok()?;
                let local = told.to_datetime().or_else(|_| told.to_date().map(Into::into)).ok()?;
                let zone = told.offset().map_or(zone, jiff::tz::Offset::seconds);
                let utc = jiff::tz::Offset::UTC.to_timestamp(local).ok()?;
                utc.as_microsecond().checked_sub(i64::from(zone) * 1_000_000).map(Timestamp)
            }
        }
    }
}

/// Whether `word` is meant by `known`, in any case of letters; a `*` at the end of `known` stands for any rest.
#[must_use]
pub fn word_matches(known: &str, word: &str) -> bool {
    let (known, word) = (known.to_lowercase(), word.to_lowercase());
    match known.strip_suffix('*') {
        Some(beginning) => word.starts_with(beginning),
        None => word == known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let pattern = |text: &str| MapTime::Pattern(text.to_owned());
        let at = Some(Timestamp(1_795_364_550_000_000));
        for (form, text) in [
            (MapTime::Rfc3339, "2026-11-22T21:22:30+05:00"),
            (MapTime::Rfc3339, "2026-11-22 21:22:30"),
            (MapTime::UnixSeconds, "1795364550"),
            (MapTime::UnixSeconds, "1795364550.000"),
            (MapTime::UnixMillis, "1795364550000"),
            (pattern("%d.%m.%Y %H:%M:%S"), "22.11.2026 21:22:30"),
            (pattern("%d/%b/%Y:%H:%M:%S %z"), "22/Nov/2026:16:22:30 +0000"),
        ] {
            assert_eq!(form.read(text, 5 * 3600), at, "{form:?} {text}");
        }
        for (form, text) in [
            (MapTime::UnixSeconds, ""),
            (MapTime::UnixSeconds, "1.é"),
            (MapTime::UnixMillis, "99999999999999999999"),
            (pattern("%d.%m.%Y %H:%M"), "22.13.2026 21:22"),
        ] {
            assert_eq!(form.read(text, 0), None, "{form:?} {text}");
        }
    }

    #[test]
    fn words() {
        assert!(word_matches("Просмотр", "ПРОСМОТР") && word_matches("2*", "204") && !word_matches("2*", "402"));
        let person = MapPerson { field: String::new(), column: String::new(), after: Some("/clients/".to_owned()) };
        assert_eq!(person.value("/api/clients/850830346939/loans?x"), Some("850830346939"));
        assert_eq!((person.value("/api/clients/"), person.value("/api")), (None, None));
    }
}
