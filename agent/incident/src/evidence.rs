//! Where the proof of an incident lies, and what the logs could not show.

use crate::text::thousands;
use serde::{Deserialize, Serialize};

/// Files kept by name; more are counted.
const FILES: usize = 16;

/// Bytes of one file that the story stands on. Positions only: the bytes stay in the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileRange {
    /// Source by its configured name.
    #[serde(rename = "kuzet.source")]
    pub source: String,
    /// Identity of the file (device, inode and first bytes, hashed), 16 hex digits.
    pub file: String,
    /// First byte of the first record.
    pub from: u64,
    /// First byte after the last record.
    pub to: u64,
    /// Detections completed by records in here.
    pub records: u64,
}

/// Something that keeps the evidence from being complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitCode {
    /// The format has no row counts (server_audit), or the record gave none.
    RowsNotLogged,
    /// COPY, cursors and packed aggregates hide how many rows left.
    RowsHidden,
    /// The log format lets a client forge records before it is logged in.
    Forgeable,
    /// Whether the transaction was committed was not seen.
    TransactionEndUnseen,
    /// The server cut the statement's text.
    StatementTruncated,
    /// The statement was read by its words only.
    StatementUnparsed,
    /// No catalogue covers the store: names decided.
    StoreGuessed,
    /// Bytes of a source were lost during the story.
    Gap,
    /// The story's window was closed early because too many stories were open at once.
    WindowCutShort,
    /// The principal is not named by the record.
    NoPrincipal,
    /// The role is shared and the application did not tell the person.
    PersonUntold,
}

/// A [`LimitCode`] with how often it applied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Limit {
    /// Which.
    pub code: LimitCode,
    /// Source it concerns; empty when it is not about one.
    #[serde(rename = "kuzet.source")]
    pub source: String,
    /// Detections (or gaps) it applied to.
    pub count: u64,
    /// Bytes lost, for gaps whose size is known.
    pub bytes: u64,
    /// The same in an English sentence.
    pub text: String,
}

/// Where the proof lies and how complete it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// No limit applies.
    pub complete: bool,
    /// What the logs could not show; empty when complete. Ordered by code and source.
    pub limits: Vec<Limit>,
    /// Byte ranges, by source and file; at most 16.
    pub files: Vec<FileRange>,
    /// Files beyond those.
    pub files_dropped: u64,
}

impl Evidence {
    pub(crate) fn file(&mut self, source: &str, file: u64, offset: u64, length: u32) {
        let end = offset.saturating_add(u64::from(length));
        let of = |range: &FileRange| u64::from_str_radix(&range.file, 16).unwrap_or_default();
        match self.files.binary_search_by(|range| (range.source.as_str(), of(range)).cmp(&(source, file))) {
            Ok(index) => {
                let range = &mut self.files[index];
                range.from = range.from.min(offset);
                range.to = range.to.max(end);
                range.records += 1;
            }
            Err(_) if self.files.len() >= FILES => self.files_dropped += 1,
            Err(index) => {
                let (source, file) = (source.to_owned(), format!("{file:016x}"));
                self.files.insert(index, FileRange { source, file, from: offset, to: end, records: 1 });
            }
        }
    }

    pub(crate) fn limit(&mut self, code: LimitCode, source: &str, bytes: u64) {
        let index = match self.limits.binary_search_by(|limit| (limit.code, limit.source.as_str()).cmp(&(code, source)))
        {
            Ok(index) => index,
            // Codes are few; sources are configured, but an incident must stay small.
            Err(_) if self.limits.len() >= 32 => return,
            Err(index) => {
                let limit = Limit { code, source: source.to_owned(), count: 0, bytes: 0, text: String::new() };
                self.limits.insert(index, limit);
                index
            }
        };
        let limit = &mut self.limits[index];
        limit.count += 1;
        limit.bytes = limit.bytes.saturating_add(bytes);
    }

    /// Brings what is shown up to date; `files`: of a story of files.
    pub(crate) fn settle(&mut self, files: bool) {
        for limit in &mut self.limits {
            limit.text = text(limit, files);
        }
        self.complete = self.limits.is_empty();
    }
}

fn text(limit: &Limit, files: bool) -> String {
    let count = thousands(limit.count);
    let source = &limit.source;
    match limit.code {
        LimitCode::RowsNotLogged if files => {
            format!(
                "people of some files are not known: they were not inspected, or not wholly ({count} detections, source {source})"
            )
        }
        LimitCode::RowsNotLogged => {
            format!("rows not in the log: its format has no row counts ({count} detections, source {source})")
        }
        LimitCode::RowsHidden => {
            format!(
                "rows not in the log: COPY, cursor, packed aggregate or no row logging ({count} detections, source {source})"
            )
        }
        LimitCode::Forgeable => {
            format!(
                "records of source {source} can be forged: its format does not quote names, or every program of the host may write to it"
            )
        }
        LimitCode::TransactionEndUnseen => format!("transaction end not seen for {count} changes"),
        LimitCode::StatementTruncated => format!("the server cut the text of {count} statements"),
        LimitCode::StatementUnparsed => format!("{count} statements were read by their words only"),
        LimitCode::StoreGuessed => "no catalogue covers this store: table and column names decided".to_owned(),
        LimitCode::Gap if limit.bytes > 0 => {
            format!("gap of {} bytes in source {source} during the story ({count} gaps)", thousands(limit.bytes))
        }
        LimitCode::Gap => format!("gap of unknown size in source {source} during the story ({count} gaps)"),
        LimitCode::WindowCutShort => "the story was cut here because too many were open at once".to_owned(),
        LimitCode::NoPrincipal if files => format!("{count} records do not name the account"),
        LimitCode::NoPrincipal => format!("{count} records do not name the role"),
        LimitCode::PersonUntold => {
            format!("the role is shared: the application did not tell the person ({count} detections, source {source})")
        }
    }
}
