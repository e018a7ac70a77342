//! The grammar's word on a new shape: whether it parses, and relations that the walk over tokens did not see.

use super::facts::Facts;
use super::scan::{Form, Kind};
use super::shape::LARGEST;
use super::view::View;
use crate::names;
use kuzet_event::{Access, Relation, System, Verb};
use sqlparser::ast::{ObjectName, Query, Statement, TableFactor, Visit, Visitor};
use sqlparser::dialect::{Dialect, MySqlDialect, PostgreSqlDialect};
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// Parses the literal-free text; adds what only the grammar finds. Gives whether it parsed.
pub(super) fn complete(view: &View<'_>, facts: &mut Facts) -> bool {
    let Some(text) = normalised(view) else { return false };
    let dialect: &dyn Dialect = match view.system {
        System::Mariadb | System::Mysql => &MySqlDialect {},
        _ => &PostgreSqlDialect {},
    };
    let Ok(statements) = Parser::new(dialect).try_with_sql(&text).and_then(|mut parser| parser.parse_statements())
    else {
        return false;
    };
    let data = matches!(
        facts.verb,
        Verb::Select | Verb::Insert | Verb::Update | Verb::Delete | Verb::Merge | Verb::CreateCopy | Verb::Copy
    );
    if data {
        let mut finder = Finder::default();
        for statement in statements.iter().filter(|statement| is_data(statement)) {
            let _ = statement.visit(&mut finder);
        }
        finder.add(view.system, facts);
    }
    true
}

/// Statements whose relations are rows that are read or changed.
fn is_data(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Query(_)
            | Statement::Insert(_)
            | Statement::Update { .. }
            | Statement::Delete(_)
            | Statement::Merge { .. }
            | Statement::CreateTable(_)
            | Statement::Copy { .. }
    )
}

/// The tokens as text again, each literal as the number of its slot: the grammar sees no value.
fn normalised(view: &View<'_>) -> Option<String> {
    let mut text = String::with_capacity(view.tokens.len() * 8);
    for (index, token) in view.tokens.iter().enumerate() {
        let glued = index > 0
            && view.kind(index - 1) == Some(Kind::Op)
            && token.kind == Kind::Op
            && view.tokens[index - 1].end == token.start;
        if !glued && index > 0 {
            text.push(' ');
        }
        if token.kind == Kind::Literal {
            match view.literals_at(index).next().map(|literal| literal.form) {
                Some(Form::Number) => text.push_str(&token.slot.to_string()),
                Some(Form::Word) => text.push_str("NULL"),
                _ => text.push_str(&format!("'{}'", token.slot)),
            }
        } else {
            text.push_str(std::str::from_utf8(view.bytes(index)).ok()?);
        }
        if text.len() > LARGEST {
            return None;
        }
    }
    Some(text)
}

/// Collects tables and the names of WITH queries.
#[derive(Default)]
struct Finder {
    tables: Vec<ObjectName>,
    queries: Vec<String>,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.queries.push(table.alias.name.value.to_lowercase());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: None, .. } = factor {
            self.tables.push(name.clone());
        }
        ControlFlow::Continue(())
    }
}

impl Finder {
    fn add(self, system: System, facts: &mut Facts) {
        for table in &self.tables {
            let mut parts = table.0.iter().rev().filter_map(|part| part.as_ident()).map(|part| {
                let quoted = part.quote_style.is_some() || system.speaks_mysql();
                if quoted { part.value.clone() } else { part.value.to_lowercase() }
            });
            let Some(name) = parts.next() else { continue };
            let schema = parts.next().unwrap_or_default();
            if schema.is_empty() && self.queries.contains(&name.to_lowercase()) {
                continue;
            }
            let (schema, name) = (names::relation(&schema), names::relation(&name));
            if !facts.relations.iter().any(|known| known.schema == schema && known.name == name) {
                facts.add_relation(Relation { schema, name, access: Access::Read });
            }
        }
    }
}
