//! Printing that survives a closed pipe, and tables for people.

use std::io::{self, IsTerminal, Write};

/// Widest line of running text.
pub(super) const WIDTH: usize = 116;

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

/// Columns of the terminal; `None` where standard output is none, and nothing is to be cut.
pub(super) fn width() -> Option<usize> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    rustix::termios::tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col)).filter(|width| *width >= 40)
}

/// Prints a line of a table, cut where the terminal ends.
pub(super) fn cut(text: &str) {
    match width() {
        Some(width) if text.chars().count() > width => {
            line(&format!("{}…", text.chars().take(width - 1).collect::<String>().trim_end()));
        }
        _ => line(text),
    }
}

/// Prints `text` behind `first`, broken between words where the terminal ends, later lines as far in as the first.
pub(super) fn wrapped(first: &str, text: &str) {
    for one in wrap(first, text, width().unwrap_or(WIDTH).min(WIDTH)) {
        line(&one);
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

/// Room that the last column of a table is left, where the terminal is too narrow for all of it.
const LAST: usize = 24;
/// Least room for the first one.
const FIRST: usize = 16;

/// The same for a terminal: where it is too narrow, cells of the first column, which are paths, lose their middles.
pub(super) fn fitted(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let Some(width) = width() else { return table(header, rows) };
    table(header, &narrowed(header, rows, width))
}

fn narrowed(header: &[&str], rows: &[Vec<String>], width: usize) -> Vec<Vec<String>> {
    let widest = |column: usize| {
        let cells =
            rows.iter().filter_map(|row| row.get(column).map(String::as_str)).chain(header.get(column).copied());
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let last = header.len().saturating_sub(1);
    let others: usize =
        (1..=last).map(|column| 2 + widest(column).min(if column == last { LAST } else { usize::MAX })).sum();
    let most = width.saturating_sub(others).max(FIRST);
    let row = |row: &Vec<String>| {
        let first = row.first().map(|cell| shortened(cell, most));
        first.into_iter().chain(row.iter().skip(1).cloned()).collect()
    };
    rows.iter().map(row).collect()
}

/// A path for a terminal: in one line of it.
pub(super) fn path(text: &str) -> String {
    width().map_or_else(|| text.to_owned(), |width| shortened(text, width.saturating_sub(FIRST).max(FIRST)))
}

/// `text` in at most `most` characters: the end tells more than the middle.
fn shortened(text: &str, most: usize) -> String {
    let all: Vec<char> = text.chars().collect();
    if all.len() <= most {
        return text.to_owned();
    }
    let head = most / 3;
    let tail = all.len() - (most - head - 1).min(all.len());
    all[..head].iter().chain(&['…']).chain(&all[tail..]).collect()
}

/// `text` behind `first`, in lines of `most` characters, later ones as far in as the first.
pub(super) fn wrap(first: &str, text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![first.to_owned()];
    let indent = first.chars().count();
    let mut begun = false;
    for word in text.split_ascii_whitespace() {
        let width = lines.last().map_or(0, |line| line.chars().count());
        if begun && width + 1 + word.chars().count() > most {
            lines.push(" ".repeat(indent));
            begun = false;
        }
        if let Some(line) = lines.last_mut() {
            if begun {
                line.push(' ');
            }
            line.push_str(word);
        }
        begun = true;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_long_lines_are_wrapped() {
        let lines = wrap("  fix: ", &"алты ".repeat(60), WIDTH);
        assert!(lines.len() > 1 && lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:?}");
        assert!(lines[1].starts_with("       алты"));
        assert_eq!(table(&["a", "b"], &[vec!["ұзын".into(), "1".into()]]), ["a     b", "ұзын  1"]);
    }

    #[test]
    fn a_narrow_terminal_takes_the_middle_of_paths_and_no_number() {
        let path = format!("/srv/{}/дело.txt", "договоры ".repeat(20).trim());
        let rows = vec![vec![path, "1,234".to_owned(), "iin 50, phone 50, person_name 50".to_owned()]];
        let lines = table(&["folder", "people", "what"], &narrowed(&["folder", "people", "what"], &rows, 60));
        assert!(
            lines[1].starts_with("/srv/") && lines[1].contains("…") && lines[1].contains("/дело.txt  1,234   iin"),
            "{lines:?}"
        );
        assert_eq!(shortened("/srv/a", 6), "/srv/a");
        assert_eq!(shortened("0123456789", 7), "01…6789");
    }
}
