//! Sigma rules: those that ship with the agent, and the folders of the operator.

use super::read_guarded;
use super::shipped::{FIELDMAPS, RULES};
use kuzet_detect::{Diagnostic, Member, RuleBook};
use kuzet_sigma::{FieldMap, Lists};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Most files of all folders: the public collection has some four thousand.
const MOST_FILES: usize = 20_000;
/// Deepest folder.
const DEEPEST: usize = 16;

/// `[rules]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleSettings {
    /// Whether the rules that ship with the agent are at work.
    pub shipped: bool,
    /// Folders with rules, or single files.
    pub folders: Vec<PathBuf>,
    /// Rules that tell nothing, by id or name.
    pub off: Vec<String>,
    /// Names of fields in other taxonomies, beside those that ship with the agent.
    pub fieldmaps: Vec<PathBuf>,
    /// What `%name%` stands for behind the modifier `expand`.
    pub lists: Lists,
}

impl Default for RuleSettings {
    fn default() -> RuleSettings {
        let (folders, off, fieldmaps) = (Vec::new(), Vec::new(), Vec::new());
        RuleSettings { shipped: true, folders, off, fieldmaps, lists: Lists::new() }
    }
}

/// The rules with what is wrong about them.
#[derive(Clone, Debug, Default)]
pub struct LoadedRules {
    /// Those that can be honoured.
    pub book: RuleBook,
    /// Errors are rules that are not in the book; they silence no other.
    pub faults: Vec<Diagnostic>,
}

impl LoadedRules {
    /// Nothing, where every rule can be honoured.
    ///
    /// # Errors
    /// What is wrong with the others.
    pub fn whole(&self) -> Result<(), Vec<Diagnostic>> {
        let broken: Vec<Diagnostic> = self.faults.iter().filter(|fault| !fault.warning).cloned().collect();
        if broken.is_empty() { Ok(()) } else { Err(broken) }
    }

    /// How many there are, by state; correlations are rules too.
    #[must_use]
    pub fn states(&self) -> [(&'static str, usize); 5] {
        let documents = || self.book.documents();
        [
            ("loaded", documents().count()),
            ("warned", documents().filter(|(rule, _)| self.warned(rule)).count()),
            ("refused", self.faults.iter().filter(|fault| !fault.warning).count()),
            ("off", documents().filter(|(_, member)| member.off).count()),
            ("unfed", documents().filter(|(_, member)| !member.fed).count()),
        ]
    }

    /// What is to be known of a rule first: `off`, `unfed`, `warned`, or `loaded`.
    #[must_use]
    pub fn state(&self, rule: &kuzet_sigma::Rule, member: &Member) -> &'static str {
        match (member.off, member.fed) {
            (true, _) => "off",
            (_, false) => "unfed",
            _ if self.warned(rule) => "warned",
            _ => "loaded",
        }
    }

    /// Whether something is doubtful about the document that begins where `rule` does.
    #[must_use]
    pub fn warned(&self, rule: &kuzet_sigma::Rule) -> bool {
        let next = self.book.documents().filter(|(other, _)| other.file == rule.file);
        let next = next.map(|(other, _)| other.place.line).filter(|line| *line > rule.place.line).min();
        let own = rule.place.line as usize..next.map_or(usize::MAX, |line| line as usize);
        self.faults.iter().any(|fault| fault.warning && *fault.file == *rule.file && own.contains(&fault.line))
    }
}

impl RuleSettings {
    /// The same with other folders. Rules that are switched off and stood in the old ones only are not missed.
    #[must_use]
    pub fn with_folders(&self, folders: &[PathBuf]) -> RuleSettings {
        let all = RuleSettings { folders: folders.to_vec(), off: Vec::new(), ..self.clone() };
        let loaded = if self.off.is_empty() { None } else { all.load().ok() };
        let known = |name: &&String| loaded.as_ref().is_some_and(|loaded| loaded.book.find(name).is_some());
        RuleSettings { off: self.off.iter().filter(known).cloned().collect(), ..all }
    }

    /// With folders beside the file at `path`, as relative paths are meant.
    pub(super) fn place(&mut self, beside: impl Fn(PathBuf) -> PathBuf) {
        for path in self.folders.iter_mut().chain(&mut self.fieldmaps) {
            *path = beside(std::mem::take(path));
        }
    }

    /// Reads every rule.
    ///
    /// # Errors
    /// A folder, a file or a field map cannot be read, or a rule to be switched off is none. What is wrong with a rule is
    /// told beside the others.
    pub fn load(&self) -> Result<LoadedRules, Vec<Diagnostic>> {
        /// What ships with the agent is read once: every reload asks for it.
        static SHIPPED: LazyLock<Result<LoadedRules, Vec<Diagnostic>>> =
            LazyLock::new(|| RuleSettings::default().read());
        if *self == RuleSettings::default() { SHIPPED.clone() } else { self.read() }
    }

    fn read(&self) -> Result<LoadedRules, Vec<Diagnostic>> {
        let mut faults = Vec::new();
        let mut files: Vec<(String, String)> = Vec::new();
        if self.shipped {
            files.extend(RULES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
        }
        for path in self.files().unwrap_or_else(|fault| {
            faults.push(fault);
            Vec::new()
        }) {
            match read_guarded(&path) {
                Ok(text) => files.push((path.display().to_string(), text)),
                Err(fault) => faults.push(fault),
            }
        }
        let map = self.map(&mut faults);
        let (book, found) = RuleBook::load(files, &map, &self.lists, &self.off);
        for name in self.off.iter().filter(|name| book.find(name).is_none()) {
            let help = "kuzet rules list shows ids and names";
            faults.push(fault("KZ380", Path::new("[rules]"), format!("off names {name:?}, which is no rule"), help));
        }
        if faults.iter().any(|fault| !fault.warning) {
            return Err(faults);
        }
        faults.extend(found.iter().map(told));
        Ok(LoadedRules { book, faults })
    }

    /// Every rule file of the folders, sorted.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn files(&self) -> Result<Vec<PathBuf>, Diagnostic> {
        let mut files = Vec::new();
        for folder in &self.folders {
            walk(folder, 0, &mut |path| {
                let rule = path.extension().is_some_and(|end| end == "yml" || end == "yaml");
                if rule {
                    files.push(path.to_owned());
                }
            })?;
        }
        files.sort();
        files.dedup();
        if files.len() > MOST_FILES {
            let message = format!("more than {MOST_FILES} rule files");
            return Err(fault("KZ381", &self.folders[0], message, "name the folders whose rules are wanted"));
        }
        Ok(files)
    }

    /// What tells that somebody changed a rule: every file, and the folders that may get more.
    pub(super) fn watched(&self) -> Vec<PathBuf> {
        let mut watched = self.fieldmaps.clone();
        for folder in &self.folders {
            // What cannot be read is told when it is loaded.
            let _ = walk(folder, 0, &mut |path| watched.push(path.to_owned()));
        }
        watched
    }

    fn map(&self, faults: &mut Vec<Diagnostic>) -> FieldMap {
        let mut map = FieldMap::default();
        let mut add = |text: &str, path: &Path, faults: &mut Vec<Diagnostic>| match toml::from_str::<FieldMap>(text) {
            Ok(more) => map.map.extend(more.map),
            Err(error) => {
                let message = error.message().trim().to_owned();
                faults.push(fault("KZ382", path, message, "see docs/sigma.md, Field maps"));
            }
        };
        for (name, text) in FIELDMAPS {
            add(text, Path::new(name), faults);
        }
        for path in &self.fieldmaps {
            match read_guarded(path) {
                Ok(text) => add(&text, path, faults),
                Err(fault) => faults.push(fault),
            }
        }
        map
    }
}

/// Gives `path`, and where it is a folder everything in it, to `visit`.
fn walk(path: &Path, depth: usize, visit: &mut dyn FnMut(&Path)) -> Result<(), Diagnostic> {
    let unreadable = |error: std::io::Error| {
        fault("KZ001", path, format!("cannot read: {error}"), "check the path and its permissions")
    };
    visit(path);
    if !std::fs::metadata(path).map_err(unreadable)?.is_dir() || depth > DEEPEST {
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(unreadable)?;
    let mut inside: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    inside.sort();
    let hidden = |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    inside.iter().filter(|path| !hidden(path)).try_for_each(|path| walk(path, depth + 1, visit))
}

fn fault(code: &str, path: &Path, message: String, help: &str) -> Diagnostic {
    let (file, help) = (path.display().to_string(), help.to_owned());
    Diagnostic { code: code.to_owned(), file, line: 0, column: 0, message, help, warning: false }
}

/// A fault of a rule as every other fault is told.
fn told(of: &kuzet_sigma::Diagnostic) -> Diagnostic {
    Diagnostic {
        code: of.code.id().to_owned(),
        file: of.file.to_string(),
        line: of.place.line as usize,
        column: of.place.column as usize,
        message: of.message.clone(),
        help: of.help.clone(),
        warning: of.warning(),
    }
}
