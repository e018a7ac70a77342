//! Walks the tokens of one statement: relations, columns, what is compared with what, which rows are chosen.
//!
//! Works on tokens and not on a syntax tree, so that cut and unusual texts give facts as well. A frame is kept for each
//! open parenthesis; a frame with a SELECT of its own is a query, other ones belong to the query around them.

use super::facts::Facts;
use super::frame::{Clause, Frame};
use super::predicate;
use super::scan::Kind;
use super::view::View;
use super::words;
use kuzet_event::{Access, Export, Flag, System, Verb};

/// Deepest nesting followed.
const DEPTH: usize = 512;
/// Most names of WITH queries and of targets that are remembered.
const NAMES: usize = 256;

/// One walk.
pub(super) struct Walker<'a> {
    pub(super) view: View<'a>,
    pub(super) facts: Facts,
    pub(super) frames: Vec<Frame>,
    ctes: Vec<String>,
    recursive: bool,
    aliases: Vec<String>,
    targets: Vec<String>,
    /// The text is a string inside another statement.
    pub(super) nested: bool,
    start: usize,
    end: usize,
}

impl<'a> Walker<'a> {
    pub(super) fn new(view: View<'a>, nested: bool) -> Walker<'a> {
        Walker {
            view,
            facts: Facts::new(),
            frames: vec![Frame::new(0, 0)],
            ctes: Vec::new(),
            recursive: false,
            aliases: Vec::new(),
            targets: Vec::new(),
            nested,
            start: 0,
            end: 0,
        }
    }

    /// Walks the tokens of `range`.
    pub(super) fn walk(&mut self, range: std::ops::Range<usize>) {
        (self.start, self.end) = (range.start, range.end);
        let mut at = range.start;
        while at < range.end {
            at = self.step(at).max(at + 1);
        }
        while self.frames.len() > 1 {
            self.close(range.end);
        }
        let mut root = self.frames.remove(0);
        self.finish(&mut root);
        if root.open && (root.query || self.facts.verb != Verb::Merge) {
            self.facts.flags.insert(Flag::Unfiltered);
        }
        if root.query && root.aggregated && !root.bare && root.first_branch.is_none() {
            self.facts.flags.insert(Flag::Aggregate);
        }
        if self.view.system == System::Postgresql {
            // A whole row under its alias: json_agg(b), b::text.
            let aliases = std::mem::take(&mut self.aliases);
            let count = self.facts.columns.len();
            self.facts.columns.retain(|column| !aliases.iter().any(|alias| **alias == **column));
            if self.facts.columns.len() < count {
                self.facts.flags.insert(Flag::SelectsAll);
            }
        }
        if self.facts.flags.has(Flag::SelectsAll) {
            self.facts.columns.clear();
        }
    }

    fn top(&mut self) -> &mut Frame {
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    fn owner(&mut self) -> &mut Frame {
        let owner = self.top().owner;
        &mut self.frames[owner]
    }

    fn raise(&mut self, verb: Verb) {
        self.facts.raise(verb);
    }

    /// A call stands in the list of a query: an aggregate gives one row out.
    pub(super) fn aggregated(&mut self) {
        if self.top().clause == Clause::List {
            self.owner().aggregated = true;
        }
    }

    fn step(&mut self, at: usize) -> usize {
        let view = self.view;
        match view.kind(at) {
            Some(Kind::Op) => return self.punctuation(at),
            Some(Kind::Literal) => {
                if self.top().clause == Clause::Predicate {
                    predicate::literal(&view, at, &mut self.facts);
                }
                return at + 1;
            }
            _ => {}
        }
        let keyword = view.keyword(at);
        if view.op(at + 1, b'(') {
            super::calls::call(self, at);
        }
        if view.op(at.wrapping_sub(1), b'.') {
            return self.name(at, "");
        }
        match self.keyword(at, keyword.as_str()) {
            Some(next) => next,
            None => self.name(at, keyword.as_str()),
        }
    }

    fn punctuation(&mut self, at: usize) -> usize {
        match self.view.bytes(at) {
            b"(" => self.open(at),
            b")" => self.close(at),
            b"," => {
                let top = self.top();
                if top.clause == Clause::From && !top.call {
                    top.expect = Some(Access::Read);
                }
            }
            b"*" => self.star(at),
            _ => {}
        }
        at + 1
    }

    fn star(&mut self, at: usize) {
        let view = self.view;
        let before = at.wrapping_sub(1);
        let whole = view.op(before, b',')
            || view.op(before, b'.')
            || view.any(before, &["SELECT", "DISTINCT", "ALL", "RETURNING", "SQL_NO_CACHE"]);
        let top = self.top();
        if whole && top.clause == Clause::List && !top.call && !top.in_predicate {
            self.facts.flags.insert(Flag::SelectsAll);
            let owner = self.owner();
            (owner.bare, owner.branch_columns) = (true, true);
        }
    }

    fn open(&mut self, at: usize) {
        if self.frames.len() >= DEPTH {
            return;
        }
        let view = self.view;
        let keyword = view.keyword(at.wrapping_sub(1));
        let word = keyword.as_str();
        let query = view.any(at + 1, &["SELECT", "WITH", "INSERT", "UPDATE", "DELETE"])
            || (view.is(at + 1, "TABLE") && view.is_name(at + 2));
        let is_call = view.is_name(at.wrapping_sub(1)) && !words::is_no_column(word) && !words::is_no_alias(word);
        let index = self.frames.len();
        let ctes = self.ctes.len();
        let parent = self.top();
        let mut frame = Frame::new(if query { index } else { parent.owner }, ctes);
        frame.in_predicate = parent.in_predicate || parent.clause == Clause::Predicate;
        frame.call = is_call;
        if query {
            frame.cte_body = parent.pending_cte.is_some();
        } else {
            frame.clause = parent.clause;
            frame.in_aggregate = parent.in_aggregate || words::is_aggregate(word);
            frame.expect = if is_call { None } else { parent.expect };
        }
        parent.expect = None;
        self.frames.push(frame);
    }

    fn close(&mut self, at: usize) {
        if self.frames.len() < 2 {
            return;
        }
        let Some(mut frame) = self.frames.pop() else { return };
        self.ctes.truncate(frame.ctes);
        if frame.query {
            self.finish(&mut frame);
            let clause = self.top().clause;
            let owner = self.owner();
            if !frame.in_predicate {
                owner.child_open |= frame.open;
                if clause == Clause::List {
                    let single = frame.aggregated && !frame.bare;
                    owner.aggregated |= single;
                    owner.bare |= !single;
                }
            }
            if !owner.query {
                owner.branch.append(&mut frame.branch);
                owner.branch_columns |= frame.branch_columns;
            }
        }
        if frame.cte_body {
            self.end_cte(at);
        }
    }

    /// The body of a WITH query is closed: its name is known from here on, and another one may follow.
    fn end_cte(&mut self, at: usize) {
        let view = self.view;
        if let Some(name) = self.top().pending_cte.take()
            && !self.recursive
            && self.ctes.len() < NAMES
        {
            self.ctes.push(name);
        }
        if view.op(at + 1, b',')
            && let Some(name) = view.name(at + 2)
        {
            self.begin_cte(name);
        }
    }

    fn begin_cte(&mut self, name: String) {
        if self.recursive && self.ctes.len() < NAMES {
            self.ctes.push(name.clone());
        }
        self.top().pending_cte = Some(name);
    }

    /// A branch of a query ends: at UNION, at its parenthesis, at the end.
    fn finish(&mut self, frame: &mut Frame) {
        frame.open |= (frame.own_relation || frame.child_open) && !frame.had_where;
        (frame.own_relation, frame.child_open, frame.had_where) = (false, false, false);
        if let Some(first) = &frame.first_branch {
            // Dump programs and drivers unite catalogues of the server with one another.
            let system = |relation: &String| relation.starts_with("pg_");
            let inside = !first.is_empty() && first.iter().all(system);
            let foreign =
                frame.branch.iter().any(|relation| !(first.contains(relation) || (inside && system(relation))));
            if foreign || (frame.branch.is_empty() && !frame.branch_columns) {
                self.facts.flags.insert(Flag::UnionProbe);
            }
        }
    }

    fn union(&mut self) {
        let last = self.frames.len() - 1;
        let mut frame = self.frames[last].clone();
        self.finish(&mut frame);
        let branch = std::mem::take(&mut frame.branch);
        frame.first_branch.get_or_insert(branch);
        (frame.branch_columns, frame.clause) = (false, Clause::None);
        self.frames[last] = frame;
    }

    /// Handles a keyword; gives where to go on, or nothing when the word is a name.
    fn keyword(&mut self, at: usize, word: &str) -> Option<usize> {
        let view = self.view;
        let before = at.wrapping_sub(1);
        match word {
            "SELECT" | "PERFORM" => self.begin_query(Verb::Select, Clause::List),
            "FROM" => return self.from(at),
            "JOIN" | "STRAIGHT_JOIN" => self.expect(Access::Read),
            "WHERE" => {
                self.owner().had_where = true;
                self.top().clause = Clause::Predicate;
            }
            "HAVING" => self.top().clause = Clause::Predicate,
            "ON" if view.is(before, "DISTINCT") => return Some(view.closing(at + 1) + 1),
            "ON" => self.on(at),
            "USING" => return self.using(at),
            "GROUP" | "ORDER" if view.is(at + 1, "BY") => {
                let grouped = word == "GROUP";
                let owner = self.owner();
                owner.bare |= grouped;
                self.top().clause = Clause::None;
            }
            "LIMIT" | "FETCH" => return Some(self.limit(at)),
            "OFFSET" | "WINDOW" => self.top().clause = Clause::None,
            "FOR" if !self.top().call => self.top().clause = Clause::None,
            "OVER" => self.owner().bare = true,
            "UNION" | "EXCEPT" | "INTERSECT" => self.union(),
            "RETURNING" => self.top().clause = Clause::List,
            "WITH" => return self.with(at),
            "TABLE" if at == self.start || view.op(before, b'(') || view.any(before, &["AS", "UNION", "ALL", "IN"]) => {
                return self.table(at);
            }
            "VALUES" if self.top().clause != Clause::Predicate && !self.top().in_predicate => {
                if at == self.start {
                    self.raise(Verb::Select);
                }
                self.top().clause = Clause::Values;
            }
            "INSERT" | "REPLACE" if !view.op(at + 1, b'(') => return self.insert(at),
            "UPDATE" => return self.update(at),
            "DELETE" => return self.delete(at),
            "MERGE" if view.is(at + 1, "INTO") || at == self.start => {
                self.raise(Verb::Merge);
                self.expect(Access::Write);
            }
            "SET" if matches!(self.top().clause, Clause::From | Clause::Predicate) => self.top().clause = Clause::Set,
            "INTO" => return Some(self.into(at)),
            _ => return None,
        }
        Some(at + 1)
    }

    fn begin_query(&mut self, verb: Verb, clause: Clause) {
        self.raise(verb);
        let index = self.frames.len() - 1;
        let top = self.top();
        (top.query, top.owner, top.clause) = (true, index, clause);
    }

    fn expect(&mut self, access: Access) {
        let top = self.top();
        (top.clause, top.expect) = (Clause::From, Some(access));
    }

    fn from(&mut self, at: usize) -> Option<usize> {
        let view = self.view;
        let before = at.wrapping_sub(1);
        let distinct = view.is(before, "DISTINCT") && view.any(at.wrapping_sub(2), &["IS", "NOT"]);
        if distinct || (self.top().call && !self.top().query) {
            return Some(at + 1);
        }
        let write =
            view.any(before, &["DELETE", "QUICK"]) || (view.is(before, "IGNORE") && self.facts.verb == Verb::Delete);
        self.expect(if write { Access::Write } else { Access::Read });
        Some(at + 1)
    }

    fn on(&mut self, at: usize) {
        let view = self.view;
        if view.is(at + 1, "CONFLICT") || view.is(at + 1, "DUPLICATE") {
            if view.find(at..(at + 12).min(self.end), "UPDATE").is_some() || view.is(at + 1, "DUPLICATE") {
                self.raise(Verb::Merge);
            }
            self.top().clause = Clause::None;
        } else if !view.any(at + 1, &["DELETE", "UPDATE", "COMMIT"]) {
            self.top().clause = Clause::Predicate;
        }
    }

    fn using(&mut self, at: usize) -> Option<usize> {
        let view = self.view;
        if view.op(at + 1, b'(') && !view.any(at + 2, &["SELECT", "WITH", "VALUES"]) {
            return Some(view.closing(at + 1) + 1);
        }
        if view.is_name(at + 1) || view.op(at + 1, b'(') {
            self.expect(Access::Read);
        }
        Some(at + 1)
    }

    fn limit(&mut self, at: usize) -> usize {
        let view = self.view;
        let number = match view.any(at + 1, &["FIRST", "NEXT"]) {
            true if view.any(at + 2, &["ROW", "ROWS"]) => Some(1),
            true => view.number(at + 2),
            false => view.number(at + 1),
        };
        let outermost = self.frames.iter().filter(|frame| frame.query).count() <= usize::from(self.top().query);
        if outermost && number.is_some() {
            self.facts.limit = number;
        }
        self.top().clause = Clause::None;
        at + 1
    }

    fn with(&mut self, at: usize) -> Option<usize> {
        let view = self.view;
        let recursive = view.is(at + 1, "RECURSIVE");
        let name = at + 1 + usize::from(recursive);
        if !view.is_name(name) || !(view.is(name + 1, "AS") || view.op(name + 1, b'(')) {
            return Some(at + 1);
        }
        self.recursive = recursive;
        self.begin_cte(view.name(name)?);
        let columns = name + 1;
        Some(if view.op(columns, b'(') { view.closing(columns) + 1 } else { columns })
    }

    fn table(&mut self, at: usize) -> Option<usize> {
        if !self.view.is_name(at + 1) {
            return None;
        }
        self.begin_query(Verb::Select, Clause::From);
        self.facts.flags.insert(Flag::SelectsAll);
        let owner = self.owner();
        (owner.bare, owner.branch_columns) = (true, true);
        Some(self.relation(at + 1, Access::Read))
    }

    fn insert(&mut self, at: usize) -> Option<usize> {
        let view = self.view;
        if view.is(at.wrapping_sub(1), "THEN") || view.any(at.wrapping_sub(1), &["AFTER", "BEFORE", "OR", "FOR"]) {
            return Some(at + 1);
        }
        let mut next = at + 1;
        while view.any(next, &["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO"]) {
            next += 1;
        }
        if !view.is_name(next) {
            return None;
        }
        self.raise(Verb::Insert);
        let (path, mut behind) = view.path(next);
        self.facts.relation(&path, Access::Write);
        if view.is(behind, "AS") {
            behind += 2;
        }
        Some(self.column_list(behind))
    }

    /// `(a, b, c)`: written or copied columns.
    pub(super) fn column_list(&mut self, open: usize) -> usize {
        let view = self.view;
        if !view.op(open, b'(') || view.any(open + 1, &["SELECT", "WITH", "VALUES"]) {
            return open;
        }
        let close = view.closing(open);
        for index in open + 1..close {
            if let Some(column) = view.column(index) {
                self.facts.column(&column);
            }
        }
        close + 1
    }

    fn update(&mut self, at: usize) -> Option<usize> {
        let view = self.view;
        let before = at.wrapping_sub(1);
        if view.is(before, "DO") || view.all(at.wrapping_sub(2), &["DUPLICATE", "KEY"]) {
            self.raise(Verb::Merge);
            self.top().clause = Clause::Set;
            return Some(at + 1);
        }
        if view.is(before, "THEN") {
            self.top().clause = Clause::Set;
            return Some(at + 1);
        }
        if view.any(before, &["FOR", "KEY", "ON", "AFTER", "BEFORE", "OR"]) {
            return Some(at + 1);
        }
        self.begin_query(Verb::Update, Clause::From);
        self.expect(Access::Write);
        Some(at + 1)
    }

    fn delete(&mut self, at: usize) -> Option<usize> {
        let view = self.view;
        if view.any(at.wrapping_sub(1), &["ON", "THEN", "FOR", "AFTER", "BEFORE", "OR"]) {
            return Some(at + 1);
        }
        self.begin_query(Verb::Delete, Clause::None);
        let mut next = at + 1;
        while view.any(next, &["LOW_PRIORITY", "QUICK", "IGNORE"]) {
            next += 1;
        }
        // DELETE a, b FROM t a JOIN u b: the targets come first.
        while view.is_name(next) && !view.is(next, "FROM") && next < self.end {
            let (path, behind) = view.path(next);
            self.targets.extend(path.last().filter(|_| self.targets.len() < NAMES).cloned());
            next = behind + usize::from(view.op(behind, b'.') || view.op(behind, b'*'));
            next += usize::from(view.op(next, b','));
        }
        Some(next)
    }

    fn into(&mut self, at: usize) -> usize {
        let view = self.view;
        if view.any(at + 1, &["OUTFILE", "DUMPFILE"]) {
            self.facts.export = Some(Export::ToFile);
            self.facts.flags.insert(Flag::ServerFile);
            self.raise(Verb::Copy);
            self.top().clause = Clause::None;
            return at + 2;
        }
        if self.facts.verb == Verb::Merge {
            return at + 1;
        }
        self.top().clause = Clause::None;
        if self.view.system != System::Postgresql || self.nested || !self.owner().query {
            return at + 1;
        }
        let mut next = at + 1;
        while view.any(next, &["TEMP", "TEMPORARY", "UNLOGGED", "TABLE"]) {
            if view.any(next, &["TEMP", "TEMPORARY"]) {
                self.facts.flags.insert(Flag::Temporary);
            }
            next += 1;
        }
        let (path, behind) = view.path(next);
        if path.is_empty() {
            return next;
        }
        self.raise(Verb::CreateCopy);
        self.facts.relation(&path, Access::Write);
        behind
    }

    /// A relation stands at `at`.
    pub(super) fn relation(&mut self, at: usize, access: Access) -> usize {
        let view = self.view;
        let (path, mut next) = view.path(at);
        if access == Access::Read && view.op(next, b'(') {
            // A function as a table.
            super::calls::call(self, next.wrapping_sub(1));
            return next;
        }
        let known = path.len() == 1 && self.ctes.contains(&path[0]);
        if view.op(next, b'*') {
            next += 1;
        }
        let mut alias = next + usize::from(view.is(next, "AS"));
        let keyword = view.keyword(alias);
        if !view.is_name(alias) || words::is_no_alias(keyword.as_str()) {
            alias = usize::MAX;
        }
        let alias_name = view.name(alias);
        let access = if self.targets.is_empty() || access == Access::Write {
            access
        } else {
            let names = [path.last(), alias_name.as_ref()];
            let hit = names.into_iter().flatten().any(|name| self.targets.contains(name));
            if hit { Access::Write } else { Access::Read }
        };
        if !known {
            self.facts.relation(&path, access);
            if access == Access::Read
                && words::is_catalogue(
                    path.iter().rev().nth(1).map_or("", String::as_str),
                    path.last().map_or("", String::as_str),
                )
            {
                self.facts.flags.insert(Flag::CatalogProbe);
            }
            let full = path.join(".");
            let owner = self.owner();
            owner.own_relation = true;
            if owner.branch.len() < 64 {
                owner.branch.push(full);
            }
        } else {
            self.owner().branch_columns = true;
        }
        if self.aliases.len() < 64 {
            self.aliases.extend(alias_name.or_else(|| path.into_iter().next_back()));
        }
        if alias == usize::MAX { next } else { alias + 1 }
    }

    /// A word that is no keyword here: a relation, a column, an alias.
    fn name(&mut self, at: usize, word: &str) -> usize {
        let view = self.view;
        let top = self.top();
        if let Some(access) = top.expect {
            if matches!(word, "ONLY" | "LATERAL" | "LOW_PRIORITY" | "IGNORE" | "QUICK" | "INTO" | "TABLE") {
                return at + 1;
            }
            if !words::is_no_alias(word) {
                top.expect = None;
                return self.relation(at, access);
            }
        }
        match top.clause {
            Clause::List if !top.in_predicate && predicate::is_column(&view, at, word) => {
                let in_aggregate = top.in_aggregate;
                if let Some(column) = view.column(at) {
                    self.facts.column(&column);
                }
                let owner = self.owner();
                owner.bare |= !in_aggregate;
                owner.branch_columns = true;
            }
            Clause::Set if view.op(at + 1, b'=') => {
                if let Some(column) = view.column(at) {
                    self.facts.column(&column);
                }
            }
            Clause::Predicate => predicate::reversed(&view, at, &mut self.facts),
            _ => {}
        }
        at + 1
    }
}
