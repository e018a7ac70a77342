//! Compressed predecessors of a log: gzip is read as a stream, other formats are told as a gap.

use super::identity::HEAD;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// How the bytes of a file are packed, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// Not at all.
    Plain,
    /// gzip.
    Gzip,
    /// In a way that is not read.
    Other,
}

const GZIP: [&str; 1] = [".gz"];
const OTHER: [&str; 7] = [".xz", ".zst", ".bz2", ".lz4", ".lzma", ".zip", ".Z"];

/// The name without the ending of a compression, and which that is.
pub(super) fn unpacked_name(name: &str) -> (&str, Packing) {
    let strip = |endings: &[&str]| endings.iter().find_map(|ending| name.strip_suffix(ending));
    match (strip(&GZIP), strip(&OTHER)) {
        (Some(bare), _) if !bare.is_empty() => (bare, Packing::Gzip),
        (_, Some(bare)) if !bare.is_empty() => (bare, Packing::Other),
        _ => (name, Packing::Plain),
    }
}

/// How the file at `path` is packed.
pub(super) fn packing(path: &Path) -> Packing {
    path.file_name().map_or(Packing::Plain, |name| unpacked_name(&name.to_string_lossy()).1)
}

/// A gzip file as the stream that was packed into it.
pub(super) struct Unpacker {
    decoder: MultiGzDecoder<BufReader<File>>,
    /// Bytes given.
    pub(super) position: u64,
}

impl Unpacker {
    pub(super) fn new(file: File) -> Unpacker {
        Unpacker { decoder: MultiGzDecoder::new(BufReader::with_capacity(32 * 1024, file)), position: 0 }
    }

    /// Reads on; 0 is the end of the stream.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.decoder.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(read) => {
                    self.position += read as u64;
                    return Ok(read);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The first bytes of the stream, at most [`HEAD`]; as many as a file still being written gives.
    pub(super) fn head(file: File) -> io::Result<Vec<u8>> {
        let mut unpacker = Unpacker::new(file);
        let mut head = vec![0; HEAD];
        let mut filled = 0;
        while filled < HEAD {
            match unpacker.read(&mut head[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error),
            }
        }
        head.truncate(filled);
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_is_told_by_the_name() {
        assert_eq!(unpacked_name("x.log.1.gz"), ("x.log.1", Packing::Gzip));
        assert_eq!(unpacked_name("x.log.zst"), ("x.log", Packing::Other));
        assert_eq!(unpacked_name("x.log.1"), ("x.log.1", Packing::Plain));
        assert_eq!(unpacked_name(".gz"), (".gz", Packing::Plain));
        assert_eq!(packing(Path::new("/var/log/x.log-20261122.gz")), Packing::Gzip);
    }
}
