//! The laws of ARCHITECTURE.md that no compiler checks. Each test names every place that breaks its law.

mod files;
mod lists;
mod manifests;
mod rooms;
mod values;

use crate::support::root;
use std::path::{Path, PathBuf};

/// A text file of the repository.
struct Source {
    /// Path from the root, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// Lines with their numbers, without comments and without what stands between double quotes (roughly: a quote
    /// inside a raw or multi-line string may confuse it, which can only make a law stricter).
    fn code(&self) -> impl Iterator<Item = (usize, String)> + '_ {
        self.text.lines().zip(1..).map(|(line, number)| (number, bare(line)))
    }
}

/// `line` without its comment and strings.
fn bare(line: &str) -> String {
    let mut code = String::with_capacity(line.len());
    let (mut inside, mut escaped, mut before) = (false, false, ' ');
    for character in line.chars() {
        if inside {
            (inside, escaped) = (escaped || character != '"', !escaped && character == '\\');
        } else if character == '"' && before != '\'' {
            inside = true;
        } else if character == '/' && before == '/' {
            code.pop();
            return code;
        } else {
            code.push(character);
        }
        before = character;
    }
    code
}

/// Every file that belongs to the repository, sorted.
fn files() -> Vec<PathBuf> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).expect("a readable tree").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let skipped = [".git", "target", "corpus", "artifacts"].iter().any(|skip| name == *skip);
            if skipped || path.extension().is_some_and(|extension| extension == "swp") {
                continue;
            }
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(root(), &mut found);
    found.sort();
    found
}

/// Every file with one of `extensions` (all text files when empty).
fn sources(extensions: &[&str]) -> Vec<Source> {
    let wanted = |path: &Path| {
        extensions.is_empty() || path.extension().is_some_and(|e| extensions.iter().any(|extension| e == *extension))
    };
    let mut sources = Vec::new();
    for path in files().into_iter().filter(|path| wanted(path)) {
        let relative = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
        if let Ok(text) = String::from_utf8(std::fs::read(&path).expect("a readable file")) {
            sources.push(Source { path: relative, text });
        }
    }
    sources
}

/// Panics with `law` and every breach of it.
fn keep(law: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{law}:\n  {}", breaches.join("\n  "));
}

#[test]
fn code_is_told_from_comments_and_strings() {
    assert_eq!(bare("let x = 1; // unsafe"), "let x = 1; ");
    assert_eq!(bare("call(\"unsafe \\\" {\", y)"), "call(, y)");
    assert_eq!(bare(r"if c == '\'' || c == '/' {"), r"if c == '\'' || c == '/' {");
}
