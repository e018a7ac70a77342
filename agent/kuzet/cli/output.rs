//! Printing that survives a closed pipe, and tables for people.

use std::io::{self, Write};

/// Prints one line to standard output; a reader that went away (`| head`) ends the command quietly.
pub(super) fn line(text: &str) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Tells a person at the terminal beside the result: standard output may be a file.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints a JSON document on one line.
pub(super) fn json(document: &impl serde::Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string(document)?);
    Ok(())
}

/// Columns as wide as their widest cell, two spaces apart, the last one ragged.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let show = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let head = std::iter::once(show(header.to_vec()));
    head.chain(rows.iter().map(|row| show(row.iter().map(String::as_str).collect()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        assert_eq!(table(&["a", "b"], &[vec!["ұзын".into(), "1".into()]]), ["a     b", "ұзын  1"]);
    }
}
