//! Whether the person behind a shared role is told: what a `[[pool]]` needs of the logs and the settings of its server.

use super::postgresql::has;
use super::{Facts, Limit, Place, Sight, quoted};
use kuzet_event::System;

/// A role that many people share.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    /// Pattern of the role.
    pub role: &'a str,
    /// Where the application tells the person.
    pub person_from: &'a [String],
    /// A journal of the application is followed.
    pub journal: bool,
}

/// Why the person is not told in the log of the server; without `facts` no log of it is followed.
#[must_use]
pub fn shared(pool: Shared<'_>, facts: Option<&Facts>) -> Option<Limit> {
    let role = pool.role;
    let limit = |code, message: String, fix: &str| Some(Limit::new(code, message, fix).hides(&[Sight::Person]));
    if pool.person_from.is_empty() {
        let message =
            format!("role {role} is shared, and its [[pool]] does not say where the application tells who acts");
        let fix =
            "let the application name the person, and say in person_from where (docs/configuration.md, Shared roles)";
        return limit("KD13", message, fix);
    }
    let Some(facts) = facts else {
        let message = format!("role {role} is shared, and no source is a log of its server");
        return limit("KD16", message, "add a [[source]], or mend system and source of the [[pool]]");
    };
    let tells = |place: &String| place != "journal" || pool.journal;
    if !pool.person_from.iter().any(tells) {
        let message = format!("role {role} is shared, its persons stand in a journal, and no journal is followed");
        let fix = "add a [[source]] with a [source.map] for the application's journal (docs/journals.md)";
        return limit("KD14", message, fix);
    }
    let only_settings = pool.person_from.iter().filter(|place| tells(place)).all(|place| place.starts_with("setting:"));
    let classes = facts.get("pgaudit.log");
    let logged = has(classes, "misc_set") || facts.get("log_statement").eq_ignore_ascii_case("all");
    if only_settings && facts.system == System::Postgresql && facts.settings.is_some() && !logged {
        let message = format!("role {role} is shared, and the log does not show the SET that names its persons");
        let limit = limit("KD15", message, "add the class misc to pgaudit.log: settings and transactions stand in it");
        let wanted = [classes.trim(), "misc"].into_iter().filter(|one| !one.is_empty()).collect::<Vec<_>>().join(", ");
        let command = format!("ALTER SYSTEM SET pgaudit.log = {};", quoted(&wanted));
        return limit.map(|limit| limit.command(Place::Sql, command));
    }
    None
}
