//! Statement analysis: text of a statement → literal-free shape and the values it points at.
//!
//! ```text
//! text ─ hash of the whole text ─ known? ──────────────────────────────┐
//!          └ one pass: hash without literals, where they are ─ known? ─┤
//!                       └ tokens → facts, grammar, summary ─ kept ─────┴→ Statement + keyed hashes of the values
//! ```

mod calls;
mod class;
mod define;
mod facts;
mod frame;
mod head;
mod predicate;
mod role;
mod scan;
mod session;
mod set;
mod settings;
mod shape;
mod summary;
mod tree;
mod values;
mod view;
mod walk;
mod words;

pub(crate) use scan::{Scan, Seed};
pub(crate) use session::{Step, steps};
pub(crate) use set::changed;
pub use settings::audit_effect;
pub(crate) use values::{MOST, compared, person_found};

use crate::Parameters;
use kuzet_event::{Identifier, Statement, System};
use kuzet_personal::Key;
use lru::LruCache;
use scan::{Form, Literal};
use shape::Shape;
use smallvec::SmallVec;
use std::hash::{BuildHasherDefault, Hasher};
use std::num::NonZeroUsize;
use std::sync::Arc;
use values::Collector;

/// Shapes kept.
const SHAPES: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// Texts kept whose shape and places of values are known without a pass over them.
const TEXTS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
/// Longest such text, bytes.
const LONGEST_TEXT: usize = 4096;

/// The keys of the caches are keyed hashes already.
#[derive(Default)]
struct Passed(u64);

impl Hasher for Passed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

type Cache<T> = LruCache<u64, T, BuildHasherDefault<Passed>>;

/// A text without literals of its own: its shape, and which parameters it has.
struct Known {
    shape: Arc<Shape>,
    literals: Box<[Literal]>,
}

/// Analyses statements of one server dialect; keeps shapes in a bounded cache.
pub struct Analyzer {
    system: System,
    key: Key,
    seed: Seed,
    scan: Scan,
    shapes: Cache<Arc<Shape>>,
    texts: Cache<Known>,
    scratch: Vec<u8>,
}

impl Analyzer {
    /// An analyser for `system` that hashes identifiers with `key`.
    #[must_use]
    pub fn new(system: System, key: Key) -> Analyzer {
        // Secret: a client that knew it could make a statement that takes the place of a harmless one in the cache.
        let secret = key.pseudonym("statement cache", system.name().as_bytes());
        let seed = Seed(secret as u64, (secret >> 64) as u64 | 1);
        Analyzer {
            system,
            key,
            seed,
            scan: Scan::new(system, seed),
            shapes: LruCache::with_hasher(SHAPES, BuildHasherDefault::default()),
            texts: LruCache::with_hasher(TEXTS, BuildHasherDefault::default()),
            scratch: Vec::new(),
        }
    }

    /// The shape of `text`; values that its predicates compare columns with (literals and bound `parameters`) are
    /// appended to `identifiers`, which then holds at most 65,536. `truncated` says that the server cut the text. Never
    /// fails, never panics; costs a bounded time for hostile text.
    pub fn analyze(
        &mut self,
        text: &[u8],
        parameters: &Parameters,
        truncated: bool,
        identifiers: &mut SmallVec<[Identifier; 1]>,
    ) -> Arc<Statement> {
        // Offsets are 32 bits; no server logs a statement of that size in one record.
        let text = &text[..text.len().min(u32::MAX as usize - 1)];
        let short = text.len() <= LONGEST_TEXT;
        let text_hash = if short { scan::hash_text(text, self.seed) ^ u64::from(truncated) } else { 0 };
        if short && let Some(known) = self.texts.get(&text_hash) {
            let statement = &known.shape.statement;
            Collector {
                text,
                parameters,
                system: self.system,
                key: &self.key,
                columns: &known.shape.columns,
                scratch: &mut self.scratch,
            }
            .collect(&known.shape.bindings, &known.literals, identifiers);
            return Arc::clone(statement);
        }
        let hash = self.scan.run::<false>(text) ^ u64::from(truncated);
        let shape = match self.shapes.get(&hash) {
            Some(shape) => Arc::clone(shape),
            None => {
                self.scan.run::<true>(text);
                let shape = Arc::new(shape::shape(text, &self.scan, self.system, truncated));
                self.shapes.put(hash, Arc::clone(&shape));
                shape
            }
        };
        let statement = &shape.statement;
        Collector {
            text,
            parameters,
            system: self.system,
            key: &self.key,
            columns: &shape.columns,
            scratch: &mut self.scratch,
        }
        .collect(&shape.bindings, &self.scan.literals, identifiers);
        // A text whose values all come from outside is likely to come again as it is.
        let repeats = |literal: &Literal| matches!(literal.form, Form::Parameter(_) | Form::Word);
        let statement = Arc::clone(statement);
        if short && self.scan.literals.iter().all(repeats) {
            self.texts.put(text_hash, Known { shape, literals: self.scan.literals.as_slice().into() });
        }
        statement
    }
}
