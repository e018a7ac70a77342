//! The fields of an event that rules may ask for, under their names outside: one table, and the only one.

use crate::StoreClass;
use crate::resolve::Template;
use kuzet_event::{Client, Count, Direction, Event, Flag, Flow, RawField, Relation, Statement};
use kuzet_place::Verdict;
use kuzet_sigma::{FieldId, Fields, Value};
use smallvec::SmallVec;
use std::fmt::{Display, Write};

/// Takes the values of a field.
type Visit<'v> = &'v mut dyn FnMut(Value<'_>);

/// One event as rules see it.
pub(crate) struct View<'a> {
    pub(crate) event: &'a Event,
    /// Stores of personal data that it touches.
    pub(crate) touched: &'a [Template],
    /// Whether the access policy allows it; `None` where there is no policy, or nothing to judge.
    pub(crate) allowed: Option<bool>,
    /// Offset of local time from UTC, seconds.
    pub(crate) offset: i64,
    /// Where the connection ends that it tells of.
    pub(crate) end: Option<End>,
    /// The frame of its text that is looked at.
    pub(crate) frame: usize,
}

impl View<'_> {
    /// The values of a field of the text, and where the text has none, of the connection. Numbers stay texts: rules compare
    /// `200` and `"200"` alike.
    fn raw(&self, field: RawField, visit: Visit<'_>) {
        let mut told = false;
        for value in self.event.raw.iter().flat_map(|raw| raw.expose(self.frame, field)) {
            told = true;
            visit(Value::Text(value));
        }
        if let (false, Some(flow)) = (told, self.event.flow.as_deref()) {
            connection(flow, field, visit);
        }
    }
}

/// Where a connection ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// The register goes before the registries.
    pub(crate) place: Verdict,
    /// The register of recipients knows the other side.
    pub(crate) registered: bool,
}

/// What a field is told by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// The statement, the relation and the stores: many events share them.
    Shape,
    /// The event itself.
    Event,
}

/// One field.
pub(crate) struct Field {
    /// Name in rules.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) about: &'static str,
    of: Of,
    give: fn(&View<'_>, Visit<'_>),
}

fn text(visit: Visit<'_>, text: &str) {
    if !text.is_empty() {
        visit(Value::Text(text));
    }
}

fn number(visit: Visit<'_>, number: u64) {
    visit(Value::Int(number.into()));
}

fn count(visit: Visit<'_>, count: Count) {
    if let Count::Known(known) = count {
        number(visit, known);
    }
}

/// The name, and with its schema where the log gives one.
fn relation(visit: Visit<'_>, relation: &Relation) {
    text(visit, &relation.name);
    if !relation.schema.is_empty() {
        let mut line = Line::default();
        let _ = write!(line, "{}.{}", relation.schema, relation.name);
        text(visit, line.as_str());
    }
}

fn statement(view: &View<'_>, of: impl FnOnce(&Statement)) {
    if let Some(statement) = view.event.statement.as_deref() {
        of(statement);
    }
}

fn show(visit: Visit<'_>, value: impl Display) {
    let mut line = Line::default();
    let _ = write!(line, "{value}");
    text(visit, line.as_str());
}

/// A connection and the program behind it, by the fields of records that tell them as text.
fn connection(flow: &Flow, field: RawField, visit: Visit<'_>) {
    let process = flow.process.as_deref();
    match (field, flow.remote, process) {
        (RawField::DestinationIp, Some(remote), _) => show(visit, remote.ip()),
        (RawField::DestinationPort, Some(remote), _) => show(visit, remote.port()),
        (RawField::DestinationHost, ..) => flow.name.iter().for_each(|(name, _)| text(visit, name)),
        (RawField::Initiated, ..) => show(visit, flow.direction == Direction::Outbound),
        (RawField::Executable, _, Some(process)) => text(visit, &process.path),
        (RawField::EffectiveUser, _, Some(process)) => text(visit, &process.user),
        (RawField::LoginUser, _, Some(process)) => text(visit, process.login.as_deref().unwrap_or_default()),
        (RawField::Pid, _, Some(process)) => show(visit, process.pid),
        (RawField::ParentPid, _, Some(process)) => process.parents.iter().take(1).for_each(|(_, pid)| show(visit, pid)),
        (RawField::ParentExecutable, _, Some(process)) => {
            process.parents.iter().take(1).for_each(|(name, _)| text(visit, name));
        }
        _ => {}
    }
}

/// A short text without a place on the heap; what does not fit is cut.
struct Line {
    bytes: [u8; 256],
    length: usize,
}

impl Default for Line {
    fn default() -> Line {
        Line { bytes: [0; 256], length: 0 }
    }
}

impl Line {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = self.bytes.len() - self.length;
        let fits = text.floor_char_boundary(room);
        self.bytes[self.length..self.length + fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.length += fits;
        Ok(())
    }
}

/// Every field that is worked out. docs/sigma.md has the same table, and behind it those of the text ([`RawField`]).
pub(crate) static FIELDS: [Field; 44] = [
    Field {
        name: "@timestamp",
        about: "when, UTC; for the modifiers minute, hour, day, week, month, year",
        of: Of::Event,
        give: |view, visit| visit(Value::Int(i128::from(view.event.at.0 / 1000))),
    },
    Field {
        name: "kuzet.time.local",
        about: "the same in the agent's zone",
        of: Of::Event,
        give: |view, visit| visit(Value::Int(i128::from(view.event.at.0 / 1000 + view.offset * 1000))),
    },
    Field {
        name: "event.action",
        about: "login, logout, statement, setting, seen, missing, server, request, process, file, network, host",
        of: Of::Event,
        give: |view, visit| text(visit, view.event.action.name()),
    },
    Field {
        name: "event.outcome",
        about: "success, failure, unknown",
        of: Of::Event,
        give: |view, visit| text(visit, view.event.outcome.name()),
    },
    Field {
        name: "error.code",
        about: "SQLSTATE (42501) or the server's number (1045)",
        of: Of::Event,
        give: |view, visit| text(visit, view.event.code.as_str()),
    },
    Field {
        name: "user.name",
        about: "role or account",
        of: Of::Event,
        give: |view, visit| text(visit, &view.event.actor.user),
    },
    Field {
        name: "user.effective.name",
        about: "the person behind a shared role; ? when not told",
        of: Of::Event,
        give: |view, visit| text(visit, &view.event.actor.person),
    },
    Field {
        name: "source.ip",
        about: "network address of the client",
        of: Of::Event,
        give: |view, visit| {
            if let Client::Address(from) = &view.event.actor.client {
                show(visit, from);
            }
        },
    },
    Field {
        name: "source.address",
        about: "address, host name, local or unknown",
        of: Of::Event,
        give: |view, visit| match &view.event.actor.client {
            Client::Address(from) => show(visit, from),
            Client::Host(name) => text(visit, name),
            Client::Local => text(visit, "local"),
            Client::Unknown => text(visit, "unknown"),
        },
    },
    Field {
        name: "kuzet.client.kind",
        about: "address, host, local, unknown",
        of: Of::Event,
        give: |view, visit| {
            let kind = match &view.event.actor.client {
                Client::Address(_) => "address",
                Client::Host(_) => "host",
                Client::Local => "local",
                Client::Unknown => "unknown",
            };
            text(visit, kind);
        },
    },
    Field {
        name: "kuzet.program",
        about: "application_name and the like",
        of: Of::Event,
        give: |view, visit| text(visit, &view.event.actor.program),
    },
    Field {
        name: "db.namespace",
        about: "database connected to",
        of: Of::Event,
        give: |view, visit| text(visit, &view.event.actor.database),
    },
    Field {
        name: "db.system.name",
        about: "postgresql, mariadb, mysql, mongodb, redis, application, web, proxy, linux, network",
        of: Of::Event,
        give: |view, visit| text(visit, view.event.actor.system.name()),
    },
    Field {
        name: "db.operation.name",
        about: "what the statement does, one word",
        of: Of::Shape,
        give: |view, visit| statement(view, |one| text(visit, one.verb.name())),
    },
    Field {
        name: "db.query.summary",
        about: "literal-free text, at most 512 bytes",
        of: Of::Shape,
        give: |view, visit| statement(view, |one| text(visit, &one.summary)),
    },
    Field {
        name: "db.collection.name",
        about: "tables and the like, each as `name` and as `schema.name`",
        of: Of::Shape,
        give: |view, visit| view.event.relations().iter().for_each(|one| relation(visit, one)),
    },
    Field {
        name: "db.response.returned_rows",
        about: "rows returned or changed; absent when unknown",
        of: Of::Event,
        give: |view, visit| count(visit, view.event.rows),
    },
    Field {
        name: "kuzet.response.bytes",
        about: "bytes sent; absent when unknown",
        of: Of::Event,
        give: |view, visit| count(visit, view.event.bytes),
    },
    Field {
        name: "kuzet.calls",
        about: "statements that the record stands for",
        of: Of::Event,
        give: |view, visit| number(visit, view.event.calls),
    },
    Field {
        name: "kuzet.people",
        about: "how many values of identifiers the statement asks for",
        of: Of::Event,
        give: |view, visit| number(visit, view.event.identifiers.len() as u64),
    },
    Field {
        name: "kuzet.store",
        about: "stores of personal data that it touches",
        of: Of::Shape,
        give: |view, visit| view.touched.iter().for_each(|one| text(visit, &one.store.name)),
    },
    Field {
        name: "kuzet.store.class",
        about: "restricted, public",
        of: Of::Shape,
        give: |view, visit| {
            for one in view.touched {
                let class = match one.store.class {
                    StoreClass::Restricted => "restricted",
                    StoreClass::Public => "public",
                };
                text(visit, class);
            }
        },
    },
    Field {
        name: "kuzet.store.access",
        about: "read, export, insert, update, delete, define, grant",
        of: Of::Shape,
        give: |view, visit| view.touched.iter().for_each(|one| text(visit, one.doing.name())),
    },
    Field {
        name: "kuzet.categories",
        about: "categories of clause 2.1 that the statement names columns of",
        of: Of::Shape,
        give: |view, visit| view.touched.iter().flat_map(|one| &one.categories).for_each(|one| text(visit, one)),
    },
    Field {
        name: "kuzet.policy",
        about: "allowed, denied; absent without a policy or a store",
        of: Of::Event,
        give: |view, visit| {
            if let Some(allowed) = view.allowed {
                text(visit, if allowed { "allowed" } else { "denied" });
            }
        },
    },
    Field {
        name: "kuzet.statement.flags",
        about: "properties of the statement (docs/events.md)",
        of: Of::Shape,
        give: |view, visit| {
            statement(view, |one| {
                Flag::ALL.iter().filter(|flag| one.flags.has(**flag)).for_each(|flag| text(visit, flag.name()));
            });
        },
    },
    Field {
        name: "kuzet.statement.fingerprint",
        about: "hash of the literal-free text, 16 hex digits",
        of: Of::Shape,
        give: |view, visit| {
            statement(view, |one| {
                let mut line = Line::default();
                let _ = write!(line, "{:016x}", one.fingerprint);
                text(visit, line.as_str());
            });
        },
    },
    Field {
        name: "kuzet.statement.columns",
        about: "columns returned or written",
        of: Of::Shape,
        give: |view, visit| statement(view, |one| one.columns.iter().for_each(|name| text(visit, name))),
    },
    Field {
        name: "kuzet.statement.predicates",
        about: "columns compared with values",
        of: Of::Shape,
        give: |view, visit| statement(view, |one| one.predicate_columns.iter().for_each(|name| text(visit, name))),
    },
    Field {
        name: "kuzet.statement.limit",
        about: "rows, from LIMIT; absent without one",
        of: Of::Shape,
        give: |view, visit| {
            statement(view, |one| {
                if let Some(limit) = one.limit {
                    number(visit, limit);
                }
            });
        },
    },
    Field {
        name: "kuzet.export",
        about: "to_client, to_file, to_program, cursor, dump",
        of: Of::Shape,
        give: |view, visit| {
            statement(view, |one| {
                if let Some(form) = one.export {
                    text(visit, form.name());
                }
            });
        },
    },
    Field {
        name: "kuzet.setting.name",
        about: "settings that it changes",
        of: Of::Shape,
        give: |view, visit| statement(view, |one| one.settings.iter().for_each(|set| text(visit, &set.name))),
    },
    Field {
        name: "kuzet.setting",
        about: "the same with their values: `name=value`; `name=` when reset or secret",
        of: Of::Shape,
        give: |view, visit| {
            statement(view, |one| {
                for set in &one.settings {
                    let mut line = Line::default();
                    let _ = write!(line, "{}={}", set.name, set.value.as_deref().unwrap_or_default());
                    text(visit, line.as_str());
                }
            });
        },
    },
    Field {
        name: "kuzet.setting.scope",
        about: "session, server",
        of: Of::Shape,
        give: |view, visit| {
            let scope = |global: bool| if global { "server" } else { "session" };
            statement(view, |one| one.settings.iter().for_each(|set| text(visit, scope(set.global))));
        },
    },
    Field {
        name: "kuzet.role.verb",
        about: "grant, revoke, create, alter, drop",
        of: Of::Shape,
        give: |view, visit| {
            statement(view, |one| {
                if let Some(role) = &one.role {
                    text(visit, role.verb.name());
                }
            });
        },
    },
    Field {
        name: "kuzet.role.rights",
        about: "privileges, attributes, roles given or taken",
        of: Of::Shape,
        give: |view, visit| {
            statement(view, |one| one.role.iter().flat_map(|role| &role.rights).for_each(|one| text(visit, one)));
        },
    },
    Field {
        name: "kuzet.role.grantees",
        about: "roles that gain or lose them",
        of: Of::Shape,
        give: |view, visit| {
            statement(view, |one| one.role.iter().flat_map(|role| &role.grantees).for_each(|one| text(visit, one)));
        },
    },
    Field {
        name: "kuzet.routines",
        about: "functions and procedures called or defined, each as `name` and as `schema.name`",
        of: Of::Shape,
        give: |view, visit| statement(view, |one| one.routines.iter().for_each(|one| relation(visit, one))),
    },
    Field {
        name: "kuzet.trust",
        about: "structured, forgeable",
        of: Of::Event,
        give: |view, visit| text(visit, view.event.trust.name()),
    },
    Field {
        name: "kuzet.witness",
        about: "audit, log, measure",
        of: Of::Event,
        give: |view, visit| text(visit, view.event.witness.name()),
    },
    Field {
        name: "destination.place",
        about: "where a connection ends: domestic, foreign-listed, foreign-unlisted, unknown, local",
        of: Of::Event,
        give: |view, visit| {
            if let Some(end) = view.end {
                text(visit, end.place.name());
            }
        },
    },
    Field {
        name: "destination.geo.country_iso_code",
        about: "its country by two letters; absent when unknown",
        of: Of::Event,
        give: |view, visit| {
            if let Some(country) = view.end.and_then(|end| end.place.country()) {
                text(visit, country.as_str());
            }
        },
    },
    Field {
        name: "kuzet.recipient",
        about: "yes, no: whether the register of recipients knows the other side of a connection",
        of: Of::Event,
        give: |view, visit| {
            if let Some(end) = view.end {
                text(visit, if end.registered { "yes" } else { "no" });
            }
        },
    },
    Field {
        name: "destination.bytes",
        about: "bytes that a connection sent so far; absent when unknown",
        of: Of::Event,
        give: |view, visit| {
            if let Some(flow) = view.event.flow.as_deref() {
                count(visit, flow.sent);
            }
        },
    },
];

/// Which of [`FIELDS`] the fields of a set of rules are; bound once.
#[derive(Debug, Default)]
pub(crate) struct Binding {
    of: Vec<SmallVec<[u8; 1]>>,
}

impl Binding {
    pub(crate) fn new(fields: &Fields) -> Binding {
        let mut of = vec![SmallVec::new(); fields.len()];
        for (id, names) in fields.iter() {
            let known = names.iter().filter_map(|name| position(name));
            of[id.index()] = known.filter_map(|at| u8::try_from(at).ok()).collect();
        }
        Binding { of }
    }

    /// Whether any rule asks for the field of this name.
    pub(crate) fn asks(&self, name: &str) -> bool {
        let at = position(name);
        self.of.iter().flatten().any(|one| Some(usize::from(*one)) == at)
    }

    /// Whether what stands under the field is shown to rules only.
    pub(crate) fn is_raw(&self, field: FieldId) -> bool {
        self.of.get(field.index()).into_iter().flatten().any(|at| usize::from(*at) >= FIELDS.len())
    }
}

/// Where the field of this name stands: in [`FIELDS`], and behind them in [`RawField::ALL`].
pub(super) fn position(name: &str) -> Option<usize> {
    let raw = || RawField::ALL.iter().position(|field| field.name() == name).map(|at| FIELDS.len() + at);
    FIELDS.iter().position(|field| field.name == name).or_else(raw)
}

/// Whether the field of this name is told by what many events share.
pub(crate) fn is_shape(name: &str) -> bool {
    FIELDS.iter().any(|field| field.name == name && field.of == Of::Shape)
}

/// Whether what stands under this name is shown to rules only: nothing may keep it.
pub(super) fn is_raw(name: &str) -> bool {
    position(name).is_none_or(|at| at >= FIELDS.len())
}

/// A view under the names of a set of rules.
pub(crate) struct Bound<'a> {
    pub(crate) view: View<'a>,
    pub(crate) binding: &'a Binding,
}

impl kuzet_sigma::Event for Bound<'_> {
    fn field(&self, field: FieldId, visit: &mut dyn FnMut(Value<'_>)) {
        for at in self.binding.of.get(field.index()).into_iter().flatten() {
            let at = usize::from(*at);
            match FIELDS.get(at) {
                Some(field) => (field.give)(&self.view, visit),
                None => {
                    RawField::ALL[at - FIELDS.len()..].iter().take(1).for_each(|field| self.view.raw(*field, visit))
                }
            }
        }
    }

    fn values(&self, visit: &mut dyn FnMut(Value<'_>)) {
        FIELDS.iter().for_each(|field| (field.give)(&self.view, visit));
        if self.view.event.raw.is_some() || self.view.event.flow.is_some() {
            RawField::ALL.iter().for_each(|field| self.view.raw(*field, visit));
        }
    }
}
