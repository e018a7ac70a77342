//! A log writer: numbered records in PostgreSQL's csvlog or jsonlog, and every way of rotating them. The people in the
//! records are invented.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Format of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// PostgreSQL csvlog, 26 columns.
    Csvlog,
    /// PostgreSQL jsonlog.
    Jsonlog,
}

/// Writes one log, as a server would.
pub struct Writer {
    directory: PathBuf,
    name: String,
    format: Format,
    file: File,
    next: u64,
}

impl Writer {
    /// Appends to `directory/name`, which is made when it is not there; the first record has number `next`.
    pub fn new(directory: &Path, name: &str, format: Format, next: u64) -> Writer {
        let file = append_to(&directory.join(name));
        Writer { directory: directory.to_path_buf(), name: name.to_owned(), format, file, next }
    }

    /// Number of the next record.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Where it writes.
    pub fn path(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// The file's rotated name with `number`.
    pub fn rotated(&self, number: u32) -> PathBuf {
        self.directory.join(format!("{}.{number}", self.name))
    }

    fn packed(&self, number: u32) -> PathBuf {
        self.directory.join(format!("{}.{number}.gz", self.name))
    }

    /// Appends `count` records in one write.
    pub fn append(&mut self, count: u64) -> Range<u64> {
        let numbers = self.next..self.next + count;
        let text: String = numbers.clone().map(|number| record(self.format, number)).collect();
        self.file.write_all(text.as_bytes()).unwrap();
        self.next = numbers.end;
        numbers
    }

    /// Appends the first part of a record; the rest is for the caller to append with [`raw`](Self::raw).
    pub fn append_part(&mut self) -> String {
        let text = record(self.format, self.next);
        self.next += 1;
        let (first, rest) = text.split_at(text.len() / 2);
        self.raw(first.as_bytes());
        rest.to_owned()
    }

    /// Appends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.file.write_all(bytes).unwrap();
    }

    /// Moves `x.log` to `x.log.1`, `x.log.1` to `x.log.2` and so on, and begins a new `x.log`.
    pub fn rotate(&mut self) {
        self.shift();
        std::fs::rename(self.path(), self.rotated(1)).unwrap();
        self.file = append_to(&self.path());
    }

    /// Writes on into another name, as a server with a time in `log_filename` does.
    pub fn switch(&mut self, name: &str) {
        self.name = name.to_owned();
        self.file = append_to(&self.path());
    }

    /// Copies `x.log` to `x.log.1` and cuts it, as `copytruncate` of logrotate does.
    pub fn copytruncate(&mut self) {
        self.shift();
        std::fs::copy(self.path(), self.rotated(1)).unwrap();
        self.cut();
    }

    /// Cuts the log to nothing.
    pub fn cut(&mut self) {
        self.file.set_len(0).unwrap();
    }

    /// Packs `x.log.N` into `x.log.N.gz` and removes it; nothing when there is none.
    pub fn pack(&mut self, number: u32) {
        let plain = self.rotated(number);
        let Ok(bytes) = std::fs::read(&plain) else { return };
        gzip(&bytes, &self.packed(number));
        let modified = plain.metadata().unwrap().modified().unwrap();
        File::options().append(true).open(self.packed(number)).unwrap().set_modified(modified).unwrap();
        std::fs::remove_file(plain).unwrap();
    }

    /// The largest number that a rotated file has, 0 without one.
    pub fn oldest(&self) -> u32 {
        (1..100).take_while(|&number| self.rotated(number).exists() || self.packed(number).exists()).last().unwrap_or(0)
    }

    /// Removes the rotated file of a number, packed or not.
    pub fn remove(&mut self, number: u32) {
        let _ = std::fs::remove_file(self.rotated(number));
        let _ = std::fs::remove_file(self.packed(number));
    }

    fn shift(&mut self) {
        for number in (1..=self.oldest()).rev() {
            let _ = std::fs::rename(self.rotated(number), self.rotated(number + 1));
            let _ = std::fs::rename(self.packed(number), self.packed(number + 1));
        }
    }
}

fn append_to(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}

/// Packs `bytes` into a file.
pub fn gzip(bytes: &[u8], path: &Path) {
    let mut encoder = GzEncoder::new(File::create(path).unwrap(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap();
}

/// One record; its length depends on its number.
pub fn record(format: Format, number: u64) -> String {
    let (second, milli) = (number / 1000 % 60, number % 1000);
    let minute = number / 60_000 % 60;
    let stamp = format!("2026-11-22 16:{minute:02}:{second:02}.{milli:03} +05");
    let columns = ["id", "status", "amount", "issued_at", "branch_code"][..1 + (number % 5) as usize].join(", ");
    let statement = format!("SELECT {columns} FROM loans.contract WHERE id = {number} /* record {number:010} */");
    match format {
        Format::Csvlog => format!(
            "{stamp},\"crm\",\"loans\",{pid},\"10.0.4.17:50112\",6921b2aa.{pid:x},{number},\"SELECT\",{stamp},3/{number},0,\
             LOG,00000,\"statement: {statement}\",,,,,,,,,\"crm-web\",\"client backend\",,0\n",
            pid = 4000 + number % 7
        ),
        Format::Jsonlog => format!(
            "{{\"timestamp\":\"{stamp}\",\"user\":\"crm\",\"dbname\":\"loans\",\"pid\":{pid},\"remote_host\":\"10.0.4.17\",\
             \"session_id\":\"6921b2aa.{pid:x}\",\"line_num\":{number},\"ps\":\"SELECT\",\"error_severity\":\"LOG\",\
             \"message\":\"statement: {statement}\",\"application_name\":\"crm-web\",\"backend_type\":\"client backend\",\
             \"query_id\":0}}\n",
            pid = 4000 + number % 7
        ),
    }
}

/// The number of a record, if the text holds one.
pub fn number(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    text.split_once("record ")?.1.get(..10)?.parse().ok()
}
