//! Sigma 2.1 rules: load, lint, lower, index, match, correlate. Knows events only through a trait.
//!
//! ```
//! use kuzet_sigma::{FieldMap, JsonNames, Lists, LogSource, RuleSet};
//! use std::sync::Arc;
//!
//! let rule = "
//! title: Someone lists the tables
//! level: low
//! logsource: {category: database}
//! detection:
//!   selection:
//!     db.query.summary|contains: information_schema
//!   condition: selection
//! ";
//! let (set, diagnostics) = RuleSet::load([("tables.yml", rule)], &FieldMap::default(), &Lists::new());
//! assert!(diagnostics.is_empty());
//! let set = Arc::new(set);
//! let (names, mut matcher) = (JsonNames::new(set.fields()), set.matcher());
//! let route = set.route(&[LogSource::new(Some("database"), Some("postgresql"), None)]);
//! let event = serde_json::json!({"db": {"query": {"summary": "SELECT INFORMATION_SCHEMA.tables"}}});
//! let mut hits = Vec::new();
//! matcher.matches(&route, &names.event(&event), &mut hits);
//! assert_eq!(set.explain(&hits[0])["selection"], ["db.query.summary"]);
//! ```

mod condition;
mod correlate;
mod correlation;
mod describe;
mod detection;
mod diagnostic;
mod document;
mod encode;
mod event;
mod fieldmap;
mod filter;
mod gather;
mod index;
mod json;
mod lower;
mod matcher;
mod memo;
mod modifier;
mod pattern;
mod program;
mod regex;
mod rule;
#[cfg(feature = "sigma-rust")]
pub mod second;
mod set;
mod text;
mod window;
mod yaml;

pub use condition::Condition;
pub use correlate::{Correlated, Correlator, GroupValue, Limits, Row};
pub use correlation::{Alias, Correlation, CorrelationKind, Threshold};
pub use describe::{Asked, Asking, Described, Selected};
pub use diagnostic::{Code, Diagnostic, Place};
pub use event::{Event, FieldId, Fields, Value};
pub use fieldmap::{FieldMap, FieldNames, Lists, Names};
pub use json::{JsonEvent, JsonNames};
pub use matcher::{Hit, Matched, Matcher, Steady};
pub use modifier::Order;
pub use rule::{Level, LogSource, Rule};
pub use set::{Bound, Part, Resolved, Route, RuleId, RuleSet};
pub use yaml::{Node, Yaml};
