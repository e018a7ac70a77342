//! Which tables of a server hold whose personal data: a bounded, read-only look at samples, and the catalogue that comes
//! of it (docs/discover.md).
//!
//! ```text
//! server ─ relations, keys, lineage ─┐
//!          └ samples → judges ───────┴→ relations with findings → families → stores → catalogue, difference
//! ```
//! Values live in the answer of one query and in the judges' counts; nothing behind `survey` holds one.

mod difference;
mod family;
mod mariadb;
mod postgresql;
mod render;
mod survey;
mod table;
mod write;

pub use difference::{Change, ChangeKind, Difference, difference};
pub use family::{Member, StoreFound, stores};
pub use render::catalogue;
pub use survey::{Limits, Progress, survey};
pub use write::write;

use kuzet_detect::Catalogue;
use kuzet_event::System;

/// From here on a column is called personal data, in percent.
pub const LISTED: u8 = 50;

/// One database of one server, as it was found.
#[derive(Clone, Debug)]
pub struct Survey {
    /// Kind of server.
    pub system: System,
    /// Its own word for its version.
    pub version: String,
    /// Database connected to; empty for MariaDB, where every schema is one.
    pub database: String,
    /// Tables, views and what else rows can be read from; partitions stand behind their parents.
    pub relations: Vec<Relation>,
}

/// What kind of thing rows are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// A table.
    Table,
    /// A table made of partitions, or a parent of others.
    Partitioned,
    /// A partition or child.
    Partition,
    /// A view.
    View,
    /// A view that holds rows.
    Materialized,
    /// A table of another server.
    Foreign,
}

impl Sort {
    /// As a person says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Sort::Table => "table",
            Sort::Partitioned => "partitioned table",
            Sort::Partition => "partition",
            Sort::View => "view",
            Sort::Materialized => "materialised view",
            Sort::Foreign => "foreign table",
        }
    }
}

/// Whether its rows were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// So many rows.
    At(usize),
    /// With its parent.
    InParent,
    /// Not, and why. Names decide, and nothing is called clean.
    Not(String),
}

/// A table or view.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Schema (PostgreSQL) or database (MariaDB).
    pub schema: String,
    /// Name.
    pub name: String,
    /// What it is.
    pub sort: Sort,
    /// Rows by the server's statistics.
    pub rows: Option<u64>,
    /// Columns in their order.
    pub columns: Vec<Column>,
    /// Primary key, if it is one column.
    pub key: Option<String>,
    /// Foreign keys of one column: the column and the relation it points at.
    pub references: Vec<(String, usize)>,
    /// Relations that its rows come from: a view's tables, a partition's parent.
    pub from: Vec<usize>,
    /// Whether its rows were looked at.
    pub looked: Looked,
    /// What limits the look: row security, columns that may not be read.
    pub limited: Option<String>,
}

/// A column.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Type as the server calls it.
    pub sql_type: String,
    /// Whether this role may read it.
    pub readable: bool,
    /// Different values in the table by the server's statistics.
    pub distinct: Option<u64>,
    /// Different values a hundred sampled ones, if enough were looked at.
    pub unique: Option<u8>,
    /// Values that were looked at.
    pub seen: usize,
    /// What it holds, the surest first, one a category.
    pub found: Vec<Found>,
    /// A value of it stands for one person.
    pub identifies: bool,
    /// Keyed hashes of sampled values, of columns that identify only.
    pub(crate) marks: Vec<u64>,
}

/// One category that a column holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Found {
    /// Code of the category of clause 2.1.
    pub category: &'static str,
    /// In percent.
    pub confidence: u8,
    /// In words; never a value.
    pub evidence: String,
}

impl Column {
    /// Categories that are called personal data.
    pub fn listed(&self) -> impl Iterator<Item = &Found> {
        self.found.iter().filter(|found| found.confidence >= LISTED)
    }
}

impl Relation {
    /// Whether it holds personal data, as far as was seen.
    #[must_use]
    pub fn personal(&self) -> bool {
        self.columns.iter().any(|column| column.listed().next().is_some())
    }

    /// Name with schema where the server has one.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Survey {
    /// Takes back what was found in tables of which the owner says that they hold no personal data.
    pub fn deny(&mut self, catalogue: &Catalogue) {
        for relation in &mut self.relations {
            if catalogue.denies(&relation.schema, &relation.name) {
                for column in &mut relation.columns {
                    column.found.clear();
                    column.identifies = false;
                    column.marks.clear();
                }
            }
        }
    }
}
