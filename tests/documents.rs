//! Tables in docs that repeat the code: every field of the event stands in docs/events.md.

use crate::support::root;

/// Names of the public fields of `name` in `source`.
fn fields(source: &str, name: &str) -> Vec<String> {
    let start = source.find(&format!("pub struct {name} {{")).unwrap_or_else(|| panic!("no struct {name}"));
    let body = source[start..].split("\n}").next().unwrap();
    let field = |line: &str| Some(line.trim().strip_prefix("pub ")?.split_once(':')?.0.to_owned());
    body.lines().skip(1).filter_map(field).collect()
}

#[test]
fn every_field_of_the_event_is_documented() {
    let docs = std::fs::read_to_string(root().join("docs/events.md")).unwrap();
    for (file, name) in [("event.rs", "Event"), ("actor.rs", "Actor"), ("statement.rs", "Statement")] {
        let source = std::fs::read_to_string(root().join("agent/event/src").join(file)).unwrap();
        let fields = fields(&source, name);
        assert!(fields.len() >= 5, "{name}: {fields:?}");
        for field in fields {
            assert!(docs.contains(&format!("| `{field}` |")), "docs/events.md: no row for `{field}` of {name}");
        }
    }
}
