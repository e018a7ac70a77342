//! Reads given files once from begin to end: `replay` and `classify`.

use super::archive::{Packing, Unpacker, packing};
use super::buffer::Buffer;
use super::follow::{Follow, Hand, Reader, Turn, open};
use super::group::file_id;
use super::identity::{self, Node, Window};
use super::{FileInfo, Progress, Sink, TailOptions};
use kuzet_event::{SourceId, Timestamp};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How far [`DirectRead::file`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectProgress {
    /// Bytes given to the sink, unpacked.
    pub read: u64,
    /// Bytes of the file; nothing for a packed one.
    pub total: Option<u64>,
}

/// Reads files once, plain or gzip, through the same [`Sink`] as a [`Tailer`](super::Tailer).
pub struct DirectRead {
    buffer: Buffer,
    options: TailOptions,
}

impl DirectRead {
    /// `buffer`, `max_record` and `turn` of `options` count.
    #[must_use]
    pub fn new(options: TailOptions) -> DirectRead {
        DirectRead { buffer: Buffer::new(options.buffer, options.max_record), options }
    }

    /// Reads one file from its first byte to its end. Its [`FileId`](kuzet_event::FileId) depends on its first bytes
    /// alone, so that a recording gives the same evidence on every machine. `report` is called after every turn.
    ///
    /// # Errors
    /// The file cannot be opened, is not a regular file, cannot be read to its end, or becomes shorter meanwhile;
    /// what came before was given to the sink.
    pub fn file(
        &mut self,
        source: SourceId,
        path: &Path,
        sink: &mut dyn Sink,
        report: &mut dyn FnMut(DirectProgress),
    ) -> io::Result<Progress> {
        let file = open(path)?;
        let size = file.metadata()?.len();
        let (head, reader, total) = match packing(path) {
            Packing::Plain => (identity::head(&file)?, Reader::Plain(file), Some(size)),
            Packing::Gzip => (Unpacker::head(open(path)?)?, Reader::Gzip(Box::new(Unpacker::new(file))), None),
            Packing::Other => {
                return Err(io::Error::new(io::ErrorKind::Unsupported, "compressed in a format other than gzip"));
            }
        };
        let node = Node { device: 0, inode: 0 };
        let info = FileInfo { source, file: file_id(node, &head), path: Arc::from(path), decoder: Arc::from([]) };
        let mut follow = Follow::new(info, node, reader, head, 0, Window::new(&[]));
        let mut progress = Progress::default();
        let mut hand = Hand {
            buffer: &mut self.buffer,
            sink,
            progress: &mut progress,
            turn: self.options.turn,
            step: self.options.buffer,
            now: Duration::ZERO,
            wall: Timestamp::default(),
        };
        loop {
            let turn = follow.turn(&mut hand);
            report(DirectProgress { read: follow.read, total });
            match turn {
                Turn::More => {}
                Turn::End | Turn::Over => break,
                Turn::Shorter | Turn::Rewritten => {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file was changed while it was read"));
                }
                Turn::Failed(error) => return Err(error),
            }
        }
        follow.end(&mut hand);
        Ok(progress)
    }
}
