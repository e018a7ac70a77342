//! The list of formats: how each is recognised by its content, and who reads it.

use std::io::BufRead;

use crate::desk::{Desk, Flow};
use crate::{
    Why, bzip2, compound, mail, markup, office, pdf, pgdump, picture, rtf, sevenz, sqlite, squeezed, tar, text, xz,
    zstd,
};

/// A format of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// None that is known here.
    #[default]
    Unknown,
    /// Text in one of the encodings of the classifier: notes, csv, json, SQL dumps, logs.
    Text,
    /// HTML.
    Html,
    /// XML.
    Xml,
    /// Rich Text Format.
    Rtf,
    /// A mail with its header (RFC 5322, MIME), or several (mbox).
    Mail,
    /// PDF.
    Pdf,
    /// A zip archive.
    Zip,
    /// Word, Excel or PowerPoint since 2007 (a zip archive).
    OfficeXml,
    /// OpenDocument (a zip archive).
    OpenDocument,
    /// A compound file of no known use.
    Compound,
    /// Excel 97 to 2003 (a compound file).
    Xls,
    /// Word 97 to 2003 (a compound file).
    Doc,
    /// PowerPoint 97 to 2003 (a compound file).
    Ppt,
    /// A message of Outlook (a compound file).
    Msg,
    /// gzip.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
    /// tar.
    Tar,
    /// 7-Zip.
    SevenZip,
    /// RAR.
    Rar,
    /// An SQLite database.
    Sqlite,
    /// A dump of pg_dump in its custom format.
    PgDump,
    /// Parquet.
    Parquet,
    /// A picture.
    Picture,
}

/// Who reads a format.
pub(crate) enum Opens {
    /// A reader that looks only forward.
    Stream(fn(&mut Desk<'_>, &mut dyn BufRead) -> Flow),
    /// A reader that needs all bytes.
    Whole(fn(&mut Desk<'_>, &[u8]) -> Flow),
    /// Nobody.
    Never(Why),
}

struct Known {
    format: Format,
    name: &'static str,
    /// Whether the first bytes are of this format; the name only tells apart what the content does not.
    is: fn(&[u8], &str) -> bool,
    opens: Opens,
}

const fn known(format: Format, name: &'static str, is: fn(&[u8], &str) -> bool, opens: Opens) -> Known {
    Known { format, name, is, opens }
}

/// Recognised by the format around them.
fn within(_: &[u8], _: &str) -> bool {
    false
}

/// Every format, in the order in which they are asked.
static KNOWN: [Known; 26] = [
    known(Format::Pdf, "pdf", |head, _| pdf::is(head), Opens::Whole(pdf::read)),
    known(
        Format::Zip,
        "zip",
        |head, _| head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06"),
        Opens::Whole(office::read),
    ),
    known(Format::OfficeXml, "office", within, Opens::Never(Why::Unsupported)),
    known(Format::OpenDocument, "opendocument", within, Opens::Never(Why::Unsupported)),
    known(Format::Compound, "compound", |head, _| head.starts_with(compound::MAGIC), Opens::Whole(compound::read)),
    known(Format::Xls, "xls", within, Opens::Never(Why::Unsupported)),
    known(Format::Doc, "doc", within, Opens::Never(Why::Unsupported)),
    known(Format::Ppt, "ppt", within, Opens::Never(Why::Unsupported)),
    known(Format::Msg, "msg", within, Opens::Never(Why::Unsupported)),
    known(Format::Gzip, "gzip", |head, _| head.starts_with(b"\x1F\x8B\x08"), Opens::Stream(squeezed::gzip)),
    known(Format::Bzip2, "bzip2", |head, _| bzip2::is(head), Opens::Stream(squeezed::bzip2)),
    known(Format::Xz, "xz", |head, _| head.starts_with(xz::MAGIC), Opens::Stream(squeezed::xz)),
    known(Format::Zstd, "zstd", |head, _| head.starts_with(zstd::MAGIC), Opens::Stream(squeezed::zstd)),
    known(Format::SevenZip, "7z", |head, _| head.starts_with(sevenz::MAGIC), Opens::Whole(sevenz::read)),
    known(Format::Rar, "rar", |head, _| head.starts_with(b"Rar!\x1A\x07"), Opens::Never(Why::Unsupported)),
    known(Format::Sqlite, "sqlite", |head, _| head.starts_with(sqlite::MAGIC), Opens::Whole(sqlite::read)),
    known(Format::PgDump, "pg_dump", |head, _| head.starts_with(pgdump::MAGIC), Opens::Stream(pgdump::read)),
    known(Format::Parquet, "parquet", |head, _| head.starts_with(b"PAR1"), Opens::Never(Why::Unsupported)),
    known(Format::Rtf, "rtf", |head, _| head.starts_with(b"{\\rt"), Opens::Stream(rtf::read)),
    known(Format::Picture, "picture", |head, _| picture::kind(head).is_some(), Opens::Whole(picture::read)),
    known(Format::Tar, "tar", |head, _| tar::is(head), Opens::Stream(tar::read)),
    known(Format::Html, "html", markup::is_html, Opens::Stream(markup::html)),
    known(Format::Xml, "xml", |head, _| markup::is_xml(head), Opens::Stream(markup::xml)),
    known(Format::Mail, "mail", mail::is, Opens::Whole(mail::read)),
    known(Format::Text, "text", |head, _| text::is(head), Opens::Stream(text::read)),
    known(Format::Unknown, "unknown", |_, _| true, Opens::Never(Why::Unknown)),
];

impl Format {
    fn known(self) -> &'static Known {
        KNOWN.iter().find(|known| known.format == self).unwrap_or(&KNOWN[KNOWN.len() - 1])
    }

    /// Every format.
    pub fn all() -> impl Iterator<Item = Format> {
        KNOWN.iter().map(|known| known.format)
    }

    /// Its short name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.known().name
    }

    pub(crate) fn opens(self) -> &'static Opens {
        &self.known().opens
    }
}

/// The format of what begins with `head`.
pub(crate) fn recognise(head: &[u8], name: &str) -> Format {
    KNOWN.iter().find(|known| (known.is)(head, name)).map_or(Format::Unknown, |known| known.format)
}
