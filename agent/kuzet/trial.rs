//! Rules held against records: those of their own tests, and any that a person brings.
//!
//! A test of a rule is a file of real log records beside it: `name.hit.jsonl`, each of which must hit, and
//! `name.miss.jsonl`, none of which may. The records go through the decoder of their format, so that a rule is tested on
//! what comes, not on fields that somebody thought of. Of a correlation the records of one file count together: those of
//! `hit` must make it fire, those of `miss` must not.

use crate::config::{Config, Content};
use crate::setup;
use kuzet_decode::{Chunk, DecodeOptions, Edge, Format};
use kuzet_detect::{Catalogue, Detectors, Judged, RuleBook, Severities, Thresholds};
use kuzet_event::{Event, FileId, SourceId};
use kuzet_personal::Key;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Mappings of journals for the records beside it: a configuration with nothing but `[[source]]`.
const SOURCES: &str = "sources.toml";

/// One line of a test.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Log format of the record.
    #[serde(default)]
    pub format: String,
    /// `log_line_prefix`, where the format has one.
    #[serde(default)]
    pub prefix: Option<String>,
    /// A `[[source]]` of the file `sources.toml` beside the test, instead of a format.
    #[serde(default)]
    pub source: Option<String>,
    /// The record as it stands in the log; several lines where an earlier one says who acts.
    pub record: String,
}

impl Record {
    /// Reads one line of a test. What is wrong is told without a word of the line: it may hold personal data.
    ///
    /// # Errors
    /// It is no record.
    pub fn read(line: &str) -> Result<Record, String> {
        let told = |_| "no record of a test: {\"format\": …, \"record\": …} (docs/sigma.md, Tests)".to_owned();
        serde_json::from_str(line).map_err(told)
    }
}

/// What is wrong with a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// File.
    pub file: PathBuf,
    /// Line from 1; 0 is the file as a whole.
    pub line: usize,
    /// What.
    pub what: String,
}

/// How the tests of one rule file went.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// Records that had to hit.
    pub hits: usize,
    /// Records that had to miss.
    pub misses: usize,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

/// A place to try rules: no catalogue but names, no policy, nothing kept.
pub struct Bench {
    detectors: Detectors,
    book: RuleBook,
    key: Key,
}

impl Bench {
    /// For the rules of `book`.
    #[must_use]
    pub fn new(book: RuleBook, content: Option<Content>, key: Key) -> Bench {
        let (catalogue, policy) = match content {
            Some(content) => (content.catalogue, content.policy),
            None => (Catalogue::guess(), None),
        };
        let detectors = Detectors::new(catalogue, policy, Thresholds::default(), Severities::default());
        Bench { detectors: detectors.with_rules(book.clone(), &key), book, key }
    }

    /// The events of a record; `beside` is the folder of `sources.toml`.
    ///
    /// # Errors
    /// The format or source is not known.
    pub fn events(&self, record: &Record, beside: &Path) -> Result<Vec<Event>, String> {
        let (format, options) = match &record.source {
            Some(name) => self.source(name, beside)?,
            None => {
                let format = Format::from_name(&record.format);
                let format = format.ok_or_else(|| format!("log format {:?} is not known", record.format))?;
                let prefix = record.prefix.clone();
                let options = DecodeOptions::new(self.key.clone());
                (format, DecodeOptions { log_line_prefix: prefix, timezone: 5 * 3600, ..options })
            }
        };
        let mut events = Vec::new();
        let chunk =
            Chunk { bytes: record.record.as_bytes(), offset: 0, source: SourceId(0), file: FileId(0), edge: Edge::End };
        format.decoder(&options).decode(chunk, &mut events);
        Ok(events)
    }

    fn source(&self, name: &str, beside: &Path) -> Result<(Format, DecodeOptions), String> {
        let path = beside.join(SOURCES);
        let (config, _) = Config::load(Some(&path))
            .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<String>>().join("\n"))?;
        let feed = setup::feeds(&config, &self.key).into_iter().find(|feed| feed.name == name);
        let feed = feed.ok_or_else(|| format!("{} has no source {name:?}", path.display()))?;
        Ok((feed.format.ok_or_else(|| format!("source {name:?} has no format"))?, feed.options))
    }

    /// The rules that match one of the events, by their place in the book, each with why.
    pub fn hits(&mut self, events: &[Event]) -> Vec<(usize, String)> {
        events.iter().flat_map(|event| self.detectors.try_rules(event)).collect()
    }

    /// What of a rule an event meets; nothing for correlations.
    pub fn judge(&mut self, event: &Event, rule: usize) -> Option<Judged> {
        self.detectors.judge_rule(event, rule)
    }

    /// Files with rules and correlations, and their numbers: those of the correlations stand behind those of the rules.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Vec<usize>> {
        let mut files: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (number, (rule, _)) in self.book.documents().enumerate() {
            files.entry(rule.file.to_string()).or_default().push(number);
        }
        files
    }

    /// Runs the tests beside the rule file `path`, whose rules are `rules`.
    pub fn run(&mut self, path: &Path, rules: &[usize]) -> Tried {
        let mut tried = Tried::default();
        let first = self.book.members().len();
        let correlations: Vec<usize> = rules.iter().copied().filter(|number| *number >= first).collect();
        for (end, wanted) in [("hit.jsonl", true), ("miss.jsonl", false)] {
            let file = path.with_extension(end);
            let text = match std::fs::read_to_string(&file) {
                Ok(text) => text,
                Err(error) => {
                    tried.faults.push(Fault { file, line: 0, what: format!("a rule without a test: {error}") });
                    continue;
                }
            };
            let mut records = 0;
            let mut fired = false;
            if !correlations.is_empty() {
                *self = Bench::new(self.book.clone(), None, self.key.clone());
            }
            for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
                records += 1;
                let beside = path.parent().unwrap_or(Path::new("."));
                match self.try_line(text, beside) {
                    Err(what) => tried.faults.push(Fault { file: file.clone(), line, what }),
                    Ok(hits) if !correlations.is_empty() => {
                        fired |= hits.iter().any(|(number, _)| correlations.contains(number));
                    }
                    Ok(hits) => {
                        let what = match hits.iter().find(|(rule, _)| rules.contains(rule)) {
                            None if wanted => "does not hit".to_owned(),
                            Some((_, because)) if !wanted => format!("hits: {because}"),
                            _ => continue,
                        };
                        tried.faults.push(Fault { file: file.clone(), line, what });
                    }
                }
            }
            *(if wanted { &mut tried.hits } else { &mut tried.misses }) += records;
            if !correlations.is_empty() && fired != wanted {
                let what = if wanted { "the correlation does not fire" } else { "the correlation fires" };
                tried.faults.push(Fault { file: file.clone(), line: 0, what: what.to_owned() });
            }
            if records == 0 {
                tried.faults.push(Fault { file, line: 0, what: "no record in it".to_owned() });
            }
        }
        tried
    }

    fn try_line(&mut self, text: &str, beside: &Path) -> Result<Vec<(usize, String)>, String> {
        let record = Record::read(text)?;
        let events = self.events(&record, beside)?;
        if events.is_empty() {
            return Err(format!("the format {} makes no event of it", record.format));
        }
        Ok(self.hits(&events))
    }
}
