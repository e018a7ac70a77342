//! `kuzet rules import`.

use super::super::{Failure, output};
use super::of_folders;
use crate::config::Config;
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args)]
pub(in super::super) struct Options {
    /// Folder of public rules
    folder: PathBuf,
    /// Copy what is of use to this folder; what is there already stays
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
    /// Name every rule, not only the numbers
    #[arg(long)]
    all: bool,
}

pub(super) fn import(config: &Config, options: &Options) -> Result<ExitCode, Failure> {
    let loaded = of_folders(config, std::slice::from_ref(&options.folder))?;
    let (mut useful, mut warning, mut silent) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (member, rule) in loaded.book.members().iter().zip(loaded.book.set().rules()) {
        let list = match (member.fed, loaded.warned(rule)) {
            (false, _) => &mut silent,
            (true, true) => &mut warning,
            (true, false) => &mut useful,
        };
        list.insert(rule.file.to_string());
    }
    let mut refused: BTreeMap<&str, usize> = BTreeMap::new();
    for fault in loaded.faults.iter().filter(|fault| !fault.warning) {
        *refused.entry(&fault.code).or_default() += 1;
    }
    let told: Vec<_> = loaded.faults.iter().filter(|fault| !fault.warning || options.all).collect();
    told.iter().for_each(|fault| output::line(&fault.to_string()));
    if options.all {
        for (state, files) in [("of use", &useful), ("doubtful", &warning), ("no events", &silent)] {
            files.iter().for_each(|file| output::line(&format!("{state:<10} {file}")));
        }
    }
    output::line(&format!("{:>6} of use: some event here can match them", useful.len()));
    output::line(&format!("{:>6} doubtful: a field that no event has, or another warning", warning.len()));
    output::line(&format!("{:>6} without events here: written for other log sources", silent.len()));
    output::line(&format!("{:>6} refused", refused.values().sum::<usize>()));
    refused.iter().for_each(|(code, count)| output::line(&format!("       {code} × {count}")));
    let Some(target) = &options.write else {
        output::line("nothing was copied: --write FOLDER copies what is of use");
        return Ok(ExitCode::SUCCESS);
    };
    let mut copied = 0;
    for file in &useful {
        copied += usize::from(copy(&options.folder, Path::new(file), target)?);
    }
    output::line(&format!("{copied} files copied to {}; add it to [rules] folders", target.display()));
    Ok(ExitCode::SUCCESS)
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
