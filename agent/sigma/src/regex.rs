//! Regular expressions of the rules: compiled once for equal patterns, linear in time, bounded in size.

use crate::modifier::Flags;
use crate::text::fold;
use regex_automata::nfa::thompson::{self, pikevm::PikeVM};
use regex_automata::util::syntax;
use regex_syntax::hir::{Hir, HirKind};
use std::collections::HashMap;

/// Largest compiled pattern, in bytes.
const SIZE: usize = 1 << 20;
/// Largest sum of compiled patterns of a set, in bytes.
const SUM: usize = 24 << 20;
/// Longest pattern, in bytes.
const LENGTH: usize = 8 << 10;
/// Deepest nesting.
const DEPTH: u32 = 60;
/// Most literals of which a pattern may need one, and yet be found by the index.
const LITERALS: usize = 64;

/// Number of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RegexId(u32);

impl RegexId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The patterns of a set of rules.
#[derive(Debug, Clone, Default)]
pub(crate) struct Regexes {
    compiled: Vec<(PikeVM, Vec<String>)>,
    known: HashMap<(String, Flags), RegexId>,
    size: usize,
}

impl Regexes {
    /// Compiles `pattern`, or tells what is wrong with it.
    pub(crate) fn add(&mut self, pattern: &str, flags: Flags) -> Result<RegexId, String> {
        let key = (pattern.to_owned(), flags);
        if let Some(id) = self.known.get(&key) {
            return Ok(*id);
        }
        if pattern.len() > LENGTH {
            return Err(format!("the pattern has {} bytes, at most {LENGTH} are taken", pattern.len()));
        }
        let config = syntax::Config::new()
            .case_insensitive(flags.ignore_case)
            .multi_line(flags.multi_line)
            .dot_matches_new_line(flags.dot_all)
            .nest_limit(DEPTH);
        let hir = syntax::parse_with(pattern, &config).map_err(|error| error.to_string())?;
        let limits = thompson::Config::new()
            .which_captures(thompson::WhichCaptures::None)
            .nfa_size_limit(Some(SIZE.min(SUM.saturating_sub(self.size))));
        let nfa = thompson::Compiler::new()
            .configure(limits)
            .build_from_hir(&hir)
            .map_err(|_| format!("compiled, it is larger than {SIZE} bytes, or all patterns than {SUM}"))?;
        self.size += nfa.memory_usage();
        let vm = PikeVM::new_from_nfa(nfa).map_err(|error| error.to_string())?;
        let id = RegexId(u32::try_from(self.compiled.len()).unwrap_or(u32::MAX));
        self.compiled.push((vm, required(&hir).unwrap_or_default()));
        self.known.insert(key, id);
        Ok(id)
    }

    pub(crate) fn get(&self, id: RegexId) -> Option<&PikeVM> {
        self.compiled.get(id.index()).map(|(vm, _)| vm)
    }

    /// Texts, folded, one of which every matching value holds; none where the pattern needs none.
    pub(crate) fn literals(&self, id: RegexId) -> &[String] {
        self.compiled.get(id.index()).map_or(&[], |(_, literals)| literals)
    }

    /// As it is written in the rule.
    pub(crate) fn source(&self, id: RegexId) -> Option<(&str, Flags)> {
        self.known.iter().find(|(_, known)| **known == id).map(|((pattern, flags), _)| (pattern.as_str(), *flags))
    }

    pub(crate) fn len(&self) -> usize {
        self.compiled.len()
    }
}

/// The best set of texts one of which must stand in whatever matches.
fn required(hir: &Hir) -> Option<Vec<String>> {
    let worth = |set: &Vec<String>| set.iter().map(String::len).min().unwrap_or(0);
    match hir.kind() {
        HirKind::Literal(_) | HirKind::Class(_) => letters(hir).map(|text| vec![text]),
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        HirKind::Concat(parts) => {
            let mut best: Option<Vec<String>> = None;
            let mut run = String::new();
            let mut offer = |set: Vec<String>| {
                if best.as_ref().is_none_or(|old| worth(old) < worth(&set)) {
                    best = Some(set);
                }
            };
            for part in parts {
                match letters(part) {
                    Some(text) => run.push_str(&text),
                    None => {
                        offer(vec![std::mem::take(&mut run)]);
                        required(part).into_iter().for_each(&mut offer);
                    }
                }
            }
            offer(vec![run]);
            best.filter(|set| worth(set) > 0)
        }
        HirKind::Alternation(parts) => {
            let mut union = Vec::new();
            for part in parts {
                union.extend(required(part)?);
            }
            (union.len() <= LITERALS).then_some(union)
        }
        HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

/// The one text, folded, that `hir` matches.
fn letters(hir: &Hir) -> Option<String> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(crate::text::folded(std::str::from_utf8(&literal.0).ok()?)),
        HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => {
            // A letter of either case is a class of two or three.
            let all = class.iter().map(|range| range.len()).sum::<usize>() <= 4;
            let mut letters = class.iter().flat_map(|range| range.start()..=range.end()).take(5).map(fold);
            let first = letters.next()?;
            (all && letters.all(|c| c == first)).then(|| first.to_string())
        }
        HirKind::Capture(capture) => letters(&capture.sub),
        _ => None,
    }
}
