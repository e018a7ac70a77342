//! The answer to a query: text cells that may hold personal data, in a type that cannot be printed.

use super::DatabaseError;

/// Most bytes of one answer.
const LARGEST: usize = 32 << 20;

/// Rows of an answer. It has no `Debug`, `Display` or `Serialize`: cells may be values of people.
#[derive(Default)]
pub struct Rows {
    columns: Vec<String>,
    text: String,
    /// Where each cell ends in `text`, and whether it is NULL; row by row.
    cells: Vec<(u32, bool)>,
    more: bool,
}

/// One row. As little printable as [`Rows`].
#[derive(Clone, Copy)]
pub struct Row<'a> {
    rows: &'a Rows,
    first: usize,
}

impl Rows {
    pub(super) fn new(columns: Vec<String>) -> Rows {
        Rows { columns, ..Rows::default() }
    }

    /// Adds the next cell; what is not UTF-8 in it is replaced.
    pub(super) fn push(&mut self, cell: Option<&[u8]>) -> Result<(), DatabaseError> {
        if let Some(bytes) = cell {
            self.text.push_str(&String::from_utf8_lossy(bytes));
        }
        if self.text.len() > LARGEST {
            return Err(DatabaseError::protocol("the answer is larger than 32 MiB"));
        }
        // Fits: `LARGEST` is below 4 GiB.
        self.cells.push((u32::try_from(self.text.len()).unwrap_or(u32::MAX), cell.is_none()));
        Ok(())
    }

    /// The server had more rows than were asked for.
    pub(super) fn cut(&mut self) {
        self.more = true;
    }

    /// Names of the columns.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len().checked_div(self.columns.len()).unwrap_or(0)
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether rows behind the limit were left out.
    #[must_use]
    pub fn more(&self) -> bool {
        self.more
    }

    /// The rows in the server's order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.len()).map(|row| Row { rows: self, first: row * self.columns.len() })
    }
}

impl<'a> Row<'a> {
    /// The cell in `column`, from 0; `None` is NULL or no such column.
    #[must_use]
    pub fn text(&self, column: usize) -> Option<&'a str> {
        if column >= self.rows.columns.len() {
            return None;
        }
        let at = self.first + column;
        let (end, null) = *self.rows.cells.get(at)?;
        let start = at.checked_sub(1).and_then(|before| self.rows.cells.get(before)).map_or(0, |(end, _)| *end);
        if null { None } else { self.rows.text.get(start as usize..end as usize) }
    }

    /// The cell as a number; `None` when it is none.
    #[must_use]
    pub fn number(&self, column: usize) -> Option<u64> {
        self.text(column)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_where_they_were_put() {
        let mut rows = Rows::new(vec!["a".into(), "b".into()]);
        for cell in [Some(&b"1"[..]), None, Some(b""), Some(b"\xffz")] {
            rows.push(cell).unwrap();
        }
        let cells: Vec<_> = rows.iter().map(|row| (row.text(0), row.text(1), row.text(2))).collect();
        assert_eq!(cells, [(Some("1"), None, None), (Some(""), Some("\u{fffd}z"), None)]);
        assert_eq!((rows.len(), rows.iter().next().unwrap().number(0), rows.more()), (2, Some(1), false));
    }
}
