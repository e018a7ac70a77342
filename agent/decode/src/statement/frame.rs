//! State of the walk inside one pair of parentheses.

use kuzet_event::Access;

/// Part of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    None,
    List,
    From,
    Predicate,
    Set,
    Values,
}

/// State of one parenthesis.
#[derive(Clone)]
pub(super) struct Frame {
    pub(super) clause: Clause,
    /// Frame of the query that this one belongs to.
    pub(super) owner: usize,
    pub(super) query: bool,
    pub(super) call: bool,
    pub(super) in_predicate: bool,
    pub(super) in_aggregate: bool,
    pub(super) expect: Option<Access>,
    pub(super) had_where: bool,
    pub(super) own_relation: bool,
    pub(super) child_open: bool,
    pub(super) open: bool,
    pub(super) aggregated: bool,
    pub(super) bare: bool,
    pub(super) ctes: usize,
    pub(super) pending_cte: Option<String>,
    pub(super) cte_body: bool,
    pub(super) first_branch: Option<Vec<String>>,
    pub(super) branch: Vec<String>,
    pub(super) branch_columns: bool,
}

impl Frame {
    pub(super) fn new(owner: usize, ctes: usize) -> Frame {
        Frame {
            clause: Clause::None,
            owner,
            query: false,
            call: false,
            in_predicate: false,
            in_aggregate: false,
            expect: None,
            had_where: false,
            own_relation: false,
            child_open: false,
            open: false,
            aggregated: false,
            bare: false,
            ctes,
            pending_cte: None,
            cte_body: false,
            first_branch: None,
            branch: Vec::new(),
            branch_columns: false,
        }
    }
}
