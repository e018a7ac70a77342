//! From the judges of the columns to what a table holds: columns speak for each other, and a table without people in it
//! has no salaries.

use super::{Column, Found, LISTED, Relation};
use kuzet_personal::{Category, ColumnJudge, Evidence, Holding, Kind};

/// What is kept of a judged column until the whole table is.
pub(super) struct Judged {
    holdings: Vec<Holding>,
}

/// Ends the judgement of one column.
pub(super) fn judged(judge: Option<&ColumnJudge>) -> Judged {
    Judged { holdings: judge.map(ColumnJudge::holdings).unwrap_or_default() }
}

/// Says what each column of `relation` holds; `judged` stands in the order of its columns.
pub(super) fn settle(relation: &mut Relation, judged: &[Judged]) {
    let people = judged.iter().flat_map(|column| &column.holdings).any(|holding| {
        let named = matches!(
            holding.kind,
            Kind::Iin
                | Kind::MaskedIin
                | Kind::Rnn
                | Kind::Passport
                | Kind::Mrz
                | Kind::Iban
                | Kind::Card
                | Kind::Phone
                | Kind::Email
                | Kind::PersonName
        );
        named && holding.confidence >= 60 && holding.evidence != Evidence::Contradicted
    });
    let people = people || relation.columns.iter().any(|column| kuzet_detect::person_key(&column.name, &relation.name));
    let technical = judged
        .iter()
        .filter(|column| column.holdings.first().is_some_and(|one| one.kind.category() == Some(Category::Tech)))
        .count();
    for (column, judged) in relation.columns.iter_mut().zip(judged) {
        column.found = judged.holdings.iter().filter_map(|one| found(one, people, technical)).collect();
        column.found.sort_by_key(|found| std::cmp::Reverse(found.confidence));
        let person = |one: &Holding| one.kind.is_person() && one.confidence >= LISTED;
        // A number that many rows share still stands for one person; a text with numbers in it does not.
        let whole = |one: &Holding| !matches!(one.evidence, Evidence::Inside | Evidence::Contradicted);
        column.identifies = judged.holdings.iter().any(|one| person(one) && whole(one)) && !composite(column);
        if !column.identifies {
            column.marks = Vec::new();
        }
    }
}

/// A document or a list: comparing it with a value asks for no single person.
fn composite(column: &Column) -> bool {
    let sql_type = column.sql_type.to_ascii_lowercase();
    ["json", "xml", "hstore", "[]"].iter().any(|word| sql_type.contains(word))
}

/// What one holding is worth in this table.
fn found(holding: &Holding, people: bool, technical: usize) -> Option<Found> {
    let category = holding.kind.category()?;
    let alone = 40;
    let confidence = match category {
        // Words of the values themselves.
        Category::Marital | Category::Address if holding.evidence == Evidence::Values => holding.confidence,
        Category::Address
        | Category::Employer
        | Category::Salary
        | Category::SalaryDate
        | Category::Marital
        | Category::Property
        | Category::Solvency
            if !people =>
        {
            holding.confidence.min(alone)
        }
        Category::Tech if !people && technical < 2 => holding.confidence.min(alone),
        Category::PhoneOther if !people => holding.confidence.min(45),
        Category::IdDocument if !people && holding.confidence <= 62 => holding.confidence.min(alone),
        _ => holding.confidence,
    };
    Some(Found { category: category.code(), confidence, evidence: words(holding) })
}

/// Evidence as a person reads it.
fn words(holding: &Holding) -> String {
    let share = format!("{} of {} different values", holding.hits, holding.of);
    match holding.evidence {
        Evidence::Values => share,
        Evidence::NameAndValues => format!("name and {share}"),
        Evidence::Name => "name only: no value was seen".to_owned(),
        Evidence::Sealed => "name; the values are encrypted or hashed".to_owned(),
        Evidence::Contradicted => format!("name, but only {share} agree"),
        Evidence::Inside => format!("inside {share}"),
    }
}

/// A type of which no value is read: it holds no text, or nobody could say what it means.
pub(super) fn unread(sql_type: &str) -> bool {
    let sql_type = sql_type.to_ascii_lowercase();
    const PARTS: [&str; 13] = [
        "bytea",
        "blob",
        "binary",
        "bool",
        "geometry",
        "geography",
        "point",
        "polygon",
        "tsvector",
        "uuid",
        "oid",
        "bit",
        "vector",
    ];
    PARTS.iter().any(|part| sql_type.contains(part)) && !sql_type.contains("[]")
}

/// Whether a column of this type can hold what its name promises: `phone boolean` and `email_at timestamp` do not.
pub(super) fn nameless(sql_type: &str) -> bool {
    let sql_type = sql_type.to_ascii_lowercase();
    ["bool", "uuid", "geometry", "geography", "tsvector", "interval"].iter().any(|part| sql_type.contains(part))
}

#[cfg(test)]
mod tests {
    use super::super::{Looked, Sort};
    use super::*;

    fn relation(name: &str, columns: &[(&str, &[&str])]) -> Relation {
        let judges: Vec<Judged> = columns
            .iter()
            .map(|(column, values)| {
                let mut judge = ColumnJudge::new(column);
                values.iter().for_each(|value| judge.add(value.as_bytes()));
                judged(Some(&judge))
            })
            .collect();
        let column = |(name, _): &(&str, &[&str])| Column {
            name: (*name).to_owned(),
            sql_type: "text".into(),
            ..Column::default()
        };
        let mut relation = Relation {
            schema: "public".into(),
            name: name.into(),
            sort: Sort::Table,
            rows: None,
            columns: columns.iter().map(column).collect(),
            key: None,
            references: Vec::new(),
            from: Vec::new(),
            looked: Looked::At(3),
            limited: None,
        };
        settle(&mut relation, &judges);
        relation
    }

    fn listed(relation: &Relation) -> Vec<(&str, &str)> {
        let of = |column: &'_ Column| column.listed().map(|found| found.category).next();
        relation.columns.iter().filter_map(|column| Some((column.name.as_str(), of(column)?))).collect()
    }

    #[test]
    fn a_salary_needs_a_person() {
        let amounts: &[&str] = &["120000", "350000.00", "87000"];
        assert_eq!(listed(&relation("vacancies", &[("salary", amounts), ("title", &["cook", "guard"])])), []);
        let people = relation("t_1", &[("zp", amounts), ("k", &["850830346939"])]);
        assert_eq!(listed(&people), [("zp", "salary"), ("k", "iin")]);
        assert!(people.columns[1].identifies && !people.columns[0].identifies);
        assert_eq!(
            listed(&relation("pay", &[("salary", amounts), ("borrower_id", &["1", "2"])])),
            [("salary", "salary")]
        );
    }

    #[test]
    fn addresses_of_branches_are_no_homes() {
        assert_eq!(listed(&relation("branches", &[("address", &["Абая 5", "Достык 7"])])), []);
    }

    #[test]
    fn types_that_hold_no_text() {
        for sql_type in ["bytea", "longblob", "boolean", "uuid", "varbinary(16)"] {
            assert!(unread(sql_type), "{sql_type}");
        }
        for sql_type in ["text", "bigint", "jsonb", "character varying(12)", "uuid[]", "enum('a','b')"] {
            assert!(!unread(sql_type), "{sql_type}");
        }
    }
}
