//! Five clerks behind one pooled role: who looks up too many people is told by name where the application tells it, and
//! where it does not, that is said.

use super::postgres::{Mode, Postgres};
use super::wire::Session;
use crate::support::agent::Setup;
use crate::support::people;

const LOOKUP: &str = "SELECT full_name, phone FROM borrowers WHERE iin = $1";

const POOL: &str = r#"
[[pool]]
role = "app"
system = "postgresql"
person_from = ["comment:user", "setting:app.user", "application_name:^crm-web/(?<person>.+)$"]

[thresholds]
enumeration_people = 15
"#;

#[test]
fn one_of_five_clerks_behind_a_pooled_role_is_told_apart() {
    let server = Postgres::start(Mode::Pgaudit);
    // What is set, and when transactions begin and end, stands in the audit log with the class `misc` only.
    server.admin("mfo", "ALTER SYSTEM SET pgaudit.log = 'read,write,role,ddl,misc'");
    server.admin("mfo", "SELECT pg_reload_conf()");
    server.empty_logs();
    let people = people::people(100);
    let open = |program| Session::open(server.port(), "app", "app-pw", "mfo", program).expect("app logs in");
    let (mut pooled, mut other) = (open("loan-core"), open("crm-web/clerk2"));
    let mut next = people.iter().map(|person| person.iin.as_str());
    let mut iin = || next.next().expect("people enough");
    for turn in 0..20 {
        pooled.query(&format!("{LOOKUP} /*user='clerk7',route='%2Fpeople'*/"), &[iin()]).expect("a borrower");
        if turn < 5 {
            pooled.query(&format!("/*user='clerk1'*/ {LOOKUP}"), &[iin()]).expect("a borrower");
            other.query(LOOKUP, &[iin()]).expect("a borrower");
            pooled.query("SET app.\"user\" = 'clerk3'", &[]).expect("a setting");
            pooled.query(LOOKUP, &[iin()]).expect("a borrower");
            pooled.query("RESET app.\"user\"", &[]).expect("no setting");
            pooled.query("BEGIN", &[]).expect("a transaction");
            pooled.query("SELECT set_config('app.user', $1, true)", &["clerk4"]).expect("a setting");
            pooled.query(LOOKUP, &[iin()]).expect("a borrower");
            pooled.query("COMMIT", &[]).expect("a commit");
        }
        // What the application forgets to tell.
        pooled.query(LOOKUP, &[iin()]).expect("a borrower");
    }
    drop((pooled, other));
    for (format, extension) in
        [("postgresql_csvlog", "csv"), ("postgresql_jsonlog", "json"), ("postgresql_stderr", "log")]
    {
        let log = server.log(extension);
        let written = std::fs::metadata(&log).expect("a log").len();
        let agent = Setup::new("persons").bare().with(POOL).source("pg", format, &log, "").start();
        agent.setup.caught_up(&|_| written);
        // Whether the hour of the test is one of work is another question.
        let mut incidents = agent.setup.incidents();
        incidents.retain(|one| one["user.name"] == "app" && one["kuzet.kinds"].to_string().contains("enumeration"));
        let mut told: Vec<_> = incidents
            .iter()
            .map(|one| (one["user.effective.name"].as_str().map(str::to_owned), one["kuzet.headline"].to_string()))
            .collect();
        told.sort();
        let [(None, _), (Some(clerk), headline)] = told.as_slice() else { panic!("{format}: {told:?}") };
        assert_eq!(clerk, "clerk7", "{format}");
        assert!(headline.contains("by clerk7 through role app from 127.0.0.1"), "{format}: {headline}");
        let untold = incidents.iter().find(|one| one["user.effective.name"].is_null());
        let limits = untold.expect("one without a person")["kuzet.evidence"]["limits"].to_string();
        assert!(limits.contains("person_untold"), "{format}: {limits}");
        let statements = |person: &str| {
            let series = format!("kuzet_shared_role_statements_total{{person=\"{person}\",source=\"pg\"}}");
            agent.setup.metric(&series).expect("a metric")
        };
        assert!(statements("told") >= 40.0 && statements("untold") >= 20.0, "{format}");
    }
}
