//! What is in a file: the text and the pictures of documents, mails, archives, databases and dumps, within explicit limits.
//!
//! [`open`] is given bytes, recognises what they are by their content, and hands what it finds to a [`Sink`]: text in
//! UTF-8, pictures as they lie in the file, remarks (encrypted, holds macros). What is inside is opened in turn. The
//! answer is a [`Verdict`], which never says "clean": either all of it was inspected, or nothing, or a part, and then
//! every reason is counted. Names of members may be personal data, so a [`Place`] is made of numbers.
//!
//! The crate is pure and total: any bytes give an answer, in bounded memory ([`Limits::held`] and some buffers) and
//! bounded work ([`Limits::work`], counted in steps, so that the same bytes always give the same answer). It belongs into a
//! process of its own all the same.
//!
//! ```
//! use kuzet_document::{Input, Limits, Picture, Place, Remark, Sink, Verdict, open};
//!
//! #[derive(Default)]
//! struct Text(String);
//! impl Sink for Text {
//!     fn text(&mut self, _: &Place, run: &str) {
//!         self.0.push_str(run);
//!     }
//!     fn picture(&mut self, _: &Place, _: Picture, _: &[u8]) {}
//!     fn remark(&mut self, _: &Place, _: Remark) {}
//! }
//!
//! let mut text = Text::default();
//! let verdict = open(Input::Whole(b"<p>&#1048;&#1048;&#1053; 110101193346"), "", &Limits::default(), &mut text);
//! assert_eq!((verdict, text.0.trim()), (Verdict::Inspected, "ИИН 110101193346"));
//! ```
#![forbid(unsafe_code)]

mod bytes;
mod bzip2;
mod compound;
mod desk;
mod format;
mod inflate;
mod input;
mod limits;
mod mail;
mod markup;
mod office;
mod pdf;
mod pgdump;
mod picture;
mod place;
mod pool;
mod rtf;
mod sevenz;
mod sheet;
mod sqlite;
mod squeezed;
mod tar;
mod text;
mod verdict;
mod xz;
mod zip;
mod zstd;

pub use desk::{Remark, Sink};
pub use format::Format;
pub use input::Input;
pub use limits::Limits;
pub use picture::Picture;
pub use place::Place;
pub use verdict::{Reasons, Verdict, Why};

/// Opens files one after the other and keeps what it needs for that: small files cost no large allocation.
#[derive(Default)]
pub struct Opener {
    limits: Limits,
    pool: pool::Pool,
}

impl Opener {
    /// Opens files within `limits`, which count for each file anew.
    #[must_use]
    pub fn new(limits: Limits) -> Opener {
        Opener { limits, pool: pool::Pool::default() }
    }

    /// Hands what is in `input` to `sink`. `name` is what the file is called; it is asked only where the content leaves a choice.
    pub fn open(&mut self, input: Input<'_>, name: &str, sink: &mut dyn Sink) -> Verdict {
        let budget = limits::Budget::new(&self.limits, &self.pool);
        let mut desk = desk::Desk::new(&budget, sink);
        match input {
            Input::Whole(bytes) => desk.look(input::Source::Whole(bytes), name),
            Input::Stream(stream) => desk.look(input::Source::Stream(&mut input::Buffered::new(stream, &budget)), name),
        }
        desk.verdict()
    }
}

/// Opens one file, as [`Opener::open`] does.
pub fn open(input: Input<'_>, name: &str, limits: &Limits, sink: &mut dyn Sink) -> Verdict {
    Opener::new(limits.clone()).open(input, name, sink)
}
