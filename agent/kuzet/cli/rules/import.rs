//! `kuzet rules import`.

use super::super::{Failure, output};
use super::of_folders;
use crate::config::{Config, LoadedRules, RuleSettings};
use clap::Args;
use kuzet_detect::Diagnostic;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args)]
pub(in super::super) struct Options {
    /// Folder of public rules
    folder: PathBuf,
    /// Copy what is of use to this folder; what is there already stays
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
    /// Name every file, not only the numbers
    #[arg(long)]
    all: bool,
    /// Print JSON (schemas: docs/schema)
    #[arg(long)]
    json: bool,
}

/// `kuzet.rules-import/1` (docs/schema/rules-import-1.json).
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    /// Every file, by what it is here.
    files: BTreeMap<String, Worth>,
    faults: Vec<Diagnostic>,
    /// Files that were copied, and those that stood there already.
    copied: usize,
    kept: usize,
}

/// What a file is here: the best of its rules decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Worth {
    OfUse,
    Doubtful,
    NoEvents,
    Refused,
    NoRule,
}

impl Worth {
    const ALL: [(Worth, &'static str, &'static str); 5] = [
        (Worth::OfUse, "of use", "some event here can match it"),
        (Worth::Doubtful, "doubtful", "a field that no event has, or another warning"),
        (Worth::NoEvents, "no events", "written for log sources that this agent has no events of"),
        (Worth::Refused, "refused", "cannot be honoured, with a reason each"),
        (Worth::NoRule, "no rule", "holds a filter, or nothing"),
    ];
}

pub(super) fn import(config: &Config, options: &Options) -> Result<ExitCode, Failure> {
    let folders = std::slice::from_ref(&options.folder);
    let loaded = of_folders(config, folders)?;
    let read =
        RuleSettings { folders: folders.to_vec(), ..RuleSettings::default() }.files().map_err(|one| vec![one])?;
    let files = read.iter().map(|file| file.display().to_string()).map(|file| (judged(&loaded, &file), file));
    let files = files.map(|(judged, file)| (file, judged)).collect();
    let faults = loaded.faults.into_iter().filter(|fault| !fault.warning || options.all || options.json).collect();
    let mut report = Report { schema: "kuzet.rules-import/1", files, faults, copied: 0, kept: 0 };
    if let Some(target) = &options.write {
        for (file, _) in report.files.iter().filter(|(_, judged)| **judged == Worth::OfUse) {
            let fresh = copy(&options.folder, Path::new(file), target)?;
            *(if fresh { &mut report.copied } else { &mut report.kept }) += 1;
        }
    }
    if options.json {
        output::json(&report)?;
    } else {
        print(&report, options);
    }
    Ok(ExitCode::SUCCESS)
}

fn judged(loaded: &LoadedRules, file: &str) -> Worth {
    let own = loaded.book.documents().filter(|(rule, _)| *rule.file == *file);
    let rules = own.map(|(rule, member)| match (member.fed, loaded.warned(rule)) {
        (false, _) => Worth::NoEvents,
        (true, true) => Worth::Doubtful,
        (true, false) => Worth::OfUse,
    });
    let refused = loaded.faults.iter().any(|fault| !fault.warning && fault.file == file);
    rules.chain(refused.then_some(Worth::Refused)).min().unwrap_or(Worth::NoRule)
}

fn print(report: &Report, options: &Options) {
    if options.all {
        report.faults.iter().for_each(|fault| output::line(&fault.to_string()));
        for (file, judged) in &report.files {
            let name = Worth::ALL.iter().find(|(one, ..)| one == judged).map_or("", |(_, name, _)| name);
            output::line(&format!("{name:<9}  {file}"));
        }
    }
    output::line(&format!("{:>6} files in {}", report.files.len(), options.folder.display()));
    for (state, name, about) in Worth::ALL {
        let count = report.files.values().filter(|one| **one == state).count();
        if count > 0 || state == Worth::OfUse {
            output::line(&format!("{count:>6} {name:<9}  {about}"));
        }
    }
    let mut codes: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for fault in report.faults.iter().filter(|fault| !fault.warning) {
        codes.entry(&fault.code).or_insert((0, &fault.message)).0 += 1;
    }
    for (code, (count, first)) in codes {
        output::cut(&format!("       {count:>6} × {code}, such as: {first}"));
    }
    match &options.write {
        Some(target) => {
            let Report { copied, kept, .. } = report;
            let there = if *kept > 0 { format!(", {kept} stood there already") } else { String::new() };
            output::line(&format!("{copied} files copied to {}{there}; add it to [rules] folders", target.display()));
        }
        None => output::line("nothing was copied: --write FOLDER copies what is of use, --all names the files"),
    }
}

/// Copies a file to its place below `target`, unless something stands there.
fn copy(from: &Path, file: &Path, target: &Path) -> anyhow::Result<bool> {
    let inside = file.strip_prefix(from).ok().filter(|path| !path.as_os_str().is_empty());
    let name = inside.map(Path::to_owned).or_else(|| file.file_name().map(PathBuf::from)).unwrap_or_default();
    let to = target.join(name);
    if to.exists() {
        return Ok(false);
    }
    let failed = |error| anyhow::anyhow!("cannot write {}: {error}", to.display());
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::copy(file, &to).map_err(failed)?;
    Ok(true)
}
