//! A command of MongoDB as a statement shape: what it does to which collection, which fields it returns, writes and
//! compares. Commands: <https://www.mongodb.com/docs/manual/reference/command/>.

use crate::json::{Step, Value, key};
use crate::names;
use crate::sketch::Sketch;
use kuzet_event::{Access, Export, Flag, Relation, RoleChange, RoleVerb, Setting, Verb};
use kuzet_personal::Key;
use std::sync::Arc;

/// Commands worth an event, sorted by name in lower case. Others are [`Verb::Other`].
#[rustfmt::skip]
const COMMANDS: &[(&str, Verb)] = &[
    ("aggregate", Verb::Select),
    ("auditconfigure", Verb::Setting),
    ("collmod", Verb::Define),
    ("converttocapped", Verb::Delete),
    ("count", Verb::Select),
    ("create", Verb::Define),
    ("createcollection", Verb::Define),
    ("createdatabase", Verb::Define),
    ("createindex", Verb::Define),
    ("createindexes", Verb::Define),
    ("createrole", Verb::Role),
    ("createuser", Verb::Role),
    ("delete", Verb::Delete),
    ("directauthmutation", Verb::Role),
    ("distinct", Verb::Select),
    ("drop", Verb::Drop),
    ("dropallrolesfromdatabase", Verb::Role),
    ("dropallusersfromdatabase", Verb::Role),
    ("dropcollection", Verb::Drop),
    ("dropdatabase", Verb::Drop),
    ("dropindex", Verb::Define),
    ("dropindexes", Verb::Define),
    ("droprole", Verb::Role),
    ("dropuser", Verb::Role),
    ("eval", Verb::Execute),
    ("find", Verb::Select),
    ("findandmodify", Verb::Update),
    ("getmore", Verb::Select),
    ("grantprivilegestorole", Verb::Role),
    ("grantrolestorole", Verb::Role),
    ("grantrolestouser", Verb::Role),
    ("importcollection", Verb::Insert),
    ("insert", Verb::Insert),
    ("mapreduce", Verb::Select),
    ("profile", Verb::Setting),
    ("remove", Verb::Delete),
    ("renamecollection", Verb::Define),
    ("revokeprivilegesfromrole", Verb::Role),
    ("revokerolesfromrole", Verb::Role),
    ("revokerolesfromuser", Verb::Role),
    ("setauditconfig", Verb::Setting),
    ("setparameter", Verb::Setting),
    ("update", Verb::Update),
    ("updaterole", Verb::Role),
    ("updateuser", Verb::Role),
];

/// Roles that reach beyond one database's data: <https://www.mongodb.com/docs/manual/reference/built-in-roles/>.
const POWERFUL: [&[u8]; 12] = [
    b"root",
    b"__system",
    b"dbOwner",
    b"userAdmin",
    b"userAdminAnyDatabase",
    b"dbAdminAnyDatabase",
    b"readAnyDatabase",
    b"readWriteAnyDatabase",
    b"clusterAdmin",
    b"clusterManager",
    b"backup",
    b"restore",
];

/// A command being read, member by member.
pub(super) struct Command {
    sketch: Sketch,
    word: &'static str,
    verb: Verb,
    database: Vec<u8>,
    collection: Vec<u8>,
    /// More collections, of `$lookup` and the like, and whether they are written.
    others: Vec<(Vec<u8>, Access)>,
    role: RoleChange,
    aggregates: bool,
}

impl Command {
    pub(super) fn new() -> Command {
        Command {
            sketch: Sketch::new(Verb::Other),
            word: "",
            verb: Verb::Other,
            database: Vec::new(),
            collection: Vec::new(),
            others: Vec::new(),
            role: RoleChange { verb: RoleVerb::Alter, rights: Vec::new(), grantees: Vec::new() },
            aggregates: false,
        }
    }

    /// Whether anything is known of it.
    pub(super) fn is_known(&self) -> bool {
        self.verb != Verb::Other
    }

    /// Its verb.
    pub(super) fn verb(&self) -> Verb {
        self.verb
    }

    /// Sets the command by its name.
    pub(super) fn name(&mut self, name: &[u8]) {
        let name = String::from_utf8_lossy(&name[..name.len().min(40)]).to_ascii_lowercase();
        let place = COMMANDS.binary_search_by(|(known, _)| (*known).cmp(name.as_str()));
        (self.word, self.verb) = place.map_or(("command", Verb::Other), |place| COMMANDS[place]);
    }

    /// Sets database and collection from `mfo.borrowers`; a command on `$cmd` names its own.
    pub(super) fn namespace(&mut self, namespace: &[u8]) {
        let dot = memchr::memchr(b'.', namespace).unwrap_or(namespace.len());
        self.database = namespace[..dot].to_vec();
        let collection = namespace.get(dot + 1..).unwrap_or_default();
        if !collection.is_empty() && !collection.starts_with(b"$cmd") && self.collection.is_empty() {
            self.collection = collection.to_vec();
        }
    }

    /// The database, as far as known.
    pub(super) fn database(&self) -> &[u8] {
        &self.database
    }

    /// Takes one value of the command's document.
    pub(super) fn member(&mut self, path: &[Step<'_>], value: &Value<'_>, secret: &Key) {
        let [Step::Key(first), rest @ ..] = path else { return };
        if self.word.is_empty() {
            self.name(first);
            if rest.is_empty() {
                self.collection = value.bytes().to_vec();
            }
        }
        match first.as_ref() {
            b"$db" => self.database = value.bytes().to_vec(),
            b"filter" | b"query" | b"q" => self.condition(rest, value, secret),
            b"projection" | b"fields" => self.projected(rest, value),
            b"key" if self.word == "distinct" => self.sketch.column(value.bytes()),
            b"collection" if self.word == "getmore" => self.collection = value.bytes().to_vec(),
            b"limit" => self.sketch.limit = value.number().filter(|rows| *rows > 0),
            b"documents" => self.written(rest),
            b"u" => self.changed(rest),
            b"update" if self.word == "findandmodify" => self.changed(rest),
            b"remove" if self.word == "findandmodify" && *value == Value::Bool(true) => self.verb = Verb::Delete,
            b"updates" | b"deletes" => match rest {
                [Step::Item(_), Step::Key(part), rest @ ..] if part.as_ref() == b"q" => {
                    self.condition(rest, value, secret);
                }
                [Step::Item(_), Step::Key(part), rest @ ..] if part.as_ref() == b"u" => self.changed(rest),
                _ => {}
            },
            b"pipeline" => self.stage(rest, value, secret),
            b"$where" | b"map" | b"reduce" => self.sketch.flags.insert(Flag::Unparsed),
            _ if self.verb == Verb::Role => self.right(first, rest, value),
            name if self.verb == Verb::Setting && !name.starts_with(b"$") && name != b"lsid" => {
                self.setting(name, value)
            }
            _ => {}
        }
    }

    /// `{iin: "…"}`, `{iin: {$in: […]}}`, `{$or: [{iin: "…"}, …]}`.
    fn condition(&mut self, path: &[Step<'_>], value: &Value<'_>, secret: &Key) {
        /// Marks of values, not of conditions.
        const WRAPPED: [&[u8]; 8] =
            [b"$oid", b"$numberLong", b"$numberInt", b"$numberDouble", b"$numberDecimal", b"$date", b"$uuid", b"$eq"];
        let mut column: &[u8] = b"";
        let mut single = true;
        for step in path {
            let name = key(step);
            match name {
                b"" => {}
                b"$and" | b"$or" | b"$elemMatch" | b"$in" | b"$all" => {}
                b"$where" | b"$expr" | b"$function" => {
                    self.sketch.flags.insert(Flag::Unparsed);
                    return;
                }
                _ if WRAPPED.contains(&name) => {}
                _ if name.starts_with(b"$") => single = false,
                _ => column = name,
            }
        }
        // `###` stands for a value where the server was told to keep values out of its log.
        let told = matches!(value, Value::Text(_) | Value::Number(_)) && value.bytes() != b"###";
        if column.is_empty() {
        } else if single && told {
            self.sketch.compare(secret, column, value.bytes());
        } else {
            self.sketch.predicate(column);
        }
    }

    /// `{phone: 1}`; `{phone: 0}` returns everything else.
    fn projected(&mut self, path: &[Step<'_>], value: &Value<'_>) {
        let left_out = matches!(value, Value::Number(b"0") | Value::Bool(false));
        if let (Some(Step::Key(name)), false) = (path.first(), left_out) {
            self.sketch.column(name);
        }
    }

    /// A document that is inserted: `[0].phone`.
    fn written(&mut self, path: &[Step<'_>]) {
        if let [Step::Item(_), Step::Key(name), ..] = path {
            self.sketch.column(name);
        }
    }

    /// `{$set: {phone: …}}`, or a whole document.
    fn changed(&mut self, path: &[Step<'_>]) {
        let name = path.iter().map(key).find(|name| !name.is_empty() && !name.starts_with(b"$"));
        if let Some(name) = name {
            self.sketch.column(name);
        }
    }

    /// A stage of a pipeline: `[1].$project.phone`.
    fn stage(&mut self, path: &[Step<'_>], value: &Value<'_>, secret: &Key) {
        let [Step::Item(_), Step::Key(stage), rest @ ..] = path else { return };
        let text = || value.bytes().to_vec();
        match stage.as_ref() {
            b"$match" => self.condition(rest, value, secret),
            b"$project" => self.projected(rest, value),
            b"$limit" => self.sketch.limit = value.number(),
            b"$count" => self.aggregates = true,
            b"$group" => {
                self.aggregates = true;
                if rest.iter().any(|step| matches!(key(step), b"$push" | b"$addToSet" | b"$mergeObjects")) {
                    self.sketch.flags.insert(Flag::PackedAggregate);
                }
            }
            b"$lookup" | b"$graphLookup" if is_key(rest, b"from") => self.others.push((text(), Access::Read)),
            b"$unionWith" if rest.is_empty() || is_key(rest, b"coll") => self.others.push((text(), Access::Read)),
            b"$out" | b"$merge" if rest.is_empty() || is_key(rest, b"into") || is_key(rest, b"coll") => {
                self.verb = Verb::CreateCopy;
                self.others.push((text(), Access::Write));
            }
            _ => {}
        }
    }

    /// Who gains or loses what.
    fn right(&mut self, first: &[u8], rest: &[Step<'_>], value: &Value<'_>) {
        let lost = self.word.starts_with("revoke") || self.word.starts_with("drop");
        let role = |right: &[u8]| names::role(&String::from_utf8_lossy(right));
        let name = match rest {
            [] | [Step::Item(_)] => true,
            [.., Step::Key(last)] => last.as_ref() == b"role",
            _ => false,
        };
        match first {
            b"roles" | b"grantRolesToUser" | b"inheritedRoles"
                if name && !value.bytes().is_empty() && first == b"roles" =>
            {
                if POWERFUL.contains(&value.bytes()) && !lost {
                    self.sketch.flags.insert(Flag::Escalates);
                }
                if self.role.rights.len() < 64 {
                    self.role.rights.push(role(value.bytes()));
                }
            }
            // The user stands behind the command's own name, in the audit log behind `user` or `role`.
            _ if rest.is_empty() && self.role.grantees.is_empty() => {
                let own = first.eq_ignore_ascii_case(self.word.as_bytes());
                if own || first == b"user" || first == b"role" {
                    self.role.grantees.push(role(value.bytes()));
                }
            }
            _ => {}
        }
    }

    /// A parameter of the server.
    fn setting(&mut self, name: &[u8], value: &Value<'_>) {
        if self.sketch.settings.len() < 16 && !name.eq_ignore_ascii_case(self.word.as_bytes()) {
            let off = matches!(value, Value::Bool(false));
            if off && memchr::memmem::find(name, b"audit").is_some() {
                self.sketch.flags.insert(Flag::WeakensAudit);
            }
            let name = names::shown(&String::from_utf8_lossy(name).to_lowercase());
            let value = match value {
                Value::Bool(on) => Some(Arc::from(if *on { "true" } else { "false" })),
                _ => Some(Arc::from(names::HIDDEN)),
            };
            self.sketch.settings.push(Setting { name, value, global: true });
        }
    }

    /// The shape; `program` is what the client calls itself.
    pub(super) fn finish(mut self, program: &[u8]) -> (Sketch, &'static str) {
        let access = if self.verb == Verb::Select { Access::Read } else { Access::Write };
        // Behind the name of such a command stands a role or a number, not a collection.
        let holds = !matches!(self.verb, Verb::Role | Verb::Setting | Verb::Other | Verb::Execute)
            && !self.word.ends_with("database")
            && !self.collection.is_empty();
        let source = if self.verb == Verb::CreateCopy { Access::Read } else { access };
        let schema = names::object(&self.database);
        if holds {
            let name = names::object(&self.collection);
            self.sketch.relation(Relation { schema: Arc::clone(&schema), name, access: source });
        }
        for (name, access) in &self.others {
            self.sketch.relation(Relation { schema: Arc::clone(&schema), name: names::object(name), access: *access });
        }
        if holds && !self.sketch.has_predicates() && self.word != "getmore" && self.verb != Verb::Insert {
            self.sketch.flags.insert(Flag::Unfiltered);
        }
        match self.word {
            "find" if !self.sketch.has_columns() => self.sketch.flags.insert(Flag::SelectsAll),
            "count" => self.sketch.flags.insert(Flag::Aggregate),
            "aggregate" if self.aggregates && !self.sketch.flags.has(Flag::PackedAggregate) => {
                self.sketch.flags.insert(Flag::Aggregate);
            }
            _ => {}
        }
        if self.verb == Verb::Select && (program.starts_with(b"mongodump") || program.starts_with(b"mongoexport")) {
            self.sketch.export = Some(Export::Dump);
        }
        if self.verb == Verb::Role {
            self.role.verb = match self.word {
                word if word.starts_with("create") => RoleVerb::Create,
                word if word.starts_with("drop") => RoleVerb::Drop,
                word if word.starts_with("grant") => RoleVerb::Grant,
                word if word.starts_with("revoke") => RoleVerb::Revoke,
                _ => RoleVerb::Alter,
            };
            self.sketch.role = Some(self.role);
        }
        self.sketch.verb = self.verb;
        (self.sketch, if self.word.is_empty() { "command" } else { self.word })
    }
}

fn is_key(path: &[Step<'_>], name: &[u8]) -> bool {
    path.last().is_some_and(|step| key(step) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(document: &str) -> String {
        let mut command = Command::new();
        command.namespace(b"mfo.$cmd");
        crate::json::walk(document.as_bytes(), |path, value| command.member(path, &value, &Key::new([1; 32]))).unwrap();
        let (sketch, word) = command.finish(b"");
        let flags = [
            Flag::SelectsAll,
            Flag::Unfiltered,
            Flag::Aggregate,
            Flag::PackedAggregate,
            Flag::Escalates,
            Flag::Pointed,
        ];
        let flags: Vec<_> = flags.into_iter().filter(|flag| sketch.flags.has(*flag)).collect();
        let role = sketch.role.clone();
        let (statement, identifiers) = sketch.finish(word);
        let role =
            role.map(|role| format!(" {:?} {:?} {:?}", role.verb, role.rights, role.grantees)).unwrap_or_default();
        format!("{:?} {} {} {flags:?}{role}", statement.verb, statement.summary, identifiers.len())
    }

    #[test]
    fn the_list_is_sorted() {
        assert!(COMMANDS.is_sorted_by(|left, right| left.0 < right.0));
    }

    #[test]
    fn shapes() {
        for (document, expected) in [
            (
                r#"{"find":"borrowers","filter":{"iin":"850830346939"},"projection":{"phone":1,"_id":0},"$db":"mfo"}"#,
                "Select find mfo.borrowers returning phone where iin 1 [Pointed]",
            ),
            (r#"{"find":"borrowers","filter":{},"$db":"mfo"}"#, "Select find mfo.borrowers 0 [SelectsAll, Unfiltered]"),
            (
                r#"{"find":"b","filter":{"$or":[{"client.iin":{"$in":["850830346939","850830346940"]}},{"age":{"$gt":{"$numberInt":"7"}}}]}}"#,
                "Select find mfo.b where iin, age 2 [SelectsAll, Pointed]",
            ),
            (
                r#"{"update":"b","updates":[{"q":{"_id":{"$oid":"5f0000000000000000000001"}},"u":{"$set":{"phone":"+77010000001"}}}]}"#,
                "Update update mfo.b returning phone where _id 1 [Pointed]",
            ),
            (r#"{"delete":"b","deletes":[{"q":{},"limit":0}]}"#, "Delete delete mfo.b 0 [Unfiltered]"),
            (
                r#"{"insert":"b","documents":[{"iin":"1","phone":"2"}]}"#,
                "Insert insert mfo.b returning iin, phone 0 []",
            ),
            (r#"{"getMore":{"$numberLong":"5"},"collection":"b"}"#, "Select getmore mfo.b 0 []"),
            (
                r#"{"aggregate":"b","pipeline":[{"$match":{"city":"x"}},{"$group":{"_id":null,"all":{"$push":"$iin"}}}]}"#,
                "Select aggregate mfo.b where city 1 [PackedAggregate, Pointed]",
            ),
            (
                r#"{"aggregate":"b","pipeline":[{"$lookup":{"from":"loans","as":"l"}},{"$out":"copy"}]}"#,
                "CreateCopy aggregate mfo.b, mfo.loans, mfo.copy 0 [Unfiltered]",
            ),
            (
                r#"{"createUser":"intruder","pwd":"xxx","roles":[{"role":"root","db":"admin"}]}"#,
                "Role createuser 0 [Escalates] Create [\"root\"] [\"intruder\"]",
            ),
            (
                r#"{"revokeRolesFromUser":"x","roles":["root"]}"#,
                "Role revokerolesfromuser 0 [] Revoke [\"root\"] [\"x\"]",
            ),
            (r#"{"hello":1}"#, "Other command 0 []"),
        ] {
            assert_eq!(shape(document), expected, "{document}");
        }
    }
}
