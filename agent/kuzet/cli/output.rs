//! Printing that survives a closed pipe, and tables for people.

use std::io::{self, Write};

/// Prints one line to standard output; a reader that went away (`| head`) ends the command quietly.
pub(super) fn line(text: &str) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{text}").is_err() {
        std::process::exit(0);
    }
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

/// `1234567` → `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_tables() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(table(&["a", "b"], &[vec!["ұзын".into(), "1".into()]]), ["a     b", "ұзын  1"]);
    }
}
