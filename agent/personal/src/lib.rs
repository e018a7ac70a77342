//! Personal-data classifier for Kazakhstan: finds personal data in bytes, says why, masks and pseudonymises it.
//!
//! Stands alone: it knows nothing of logs, events or incidents, and never gives back a value, only where it is, what it
//! is, how sure, why, a mask and a keyed hash.
//!
//! ```
//! use kuzet_personal::{Classifier, Key, Kind};
//!
//! let text = "ИИН 110101193346, договор № 7".as_bytes();
//! let mut found = Vec::new();
//! Classifier::new().scan(text, &mut found);
//! assert_eq!(found[0].kind, Kind::Iin);
//! assert_eq!(found[0].mask(text), "110101******");
//! assert_eq!(found[0].reason.to_string(), "check digit holds and a context word announces it");
//! let key = Key::new([7; 32]); // 32 random bytes, kept in a file of mode 0600
//! assert_eq!(found[0].pseudonym(text, &key), key.pseudonym("iin", b"110101193346"));
//! ```

mod category;
mod classifier;
mod column;
mod context;
mod date;
mod encoding;
mod finding;
mod fold;
mod identify;
mod judge;
mod kernel;
mod key;
mod kinds;
mod lexicon;
mod mask;
mod normalise;
mod scanner;
mod sight;
mod summary;
mod text;
mod value;
mod vote;

pub use category::Category;
pub use classifier::Classifier;
pub use column::{ColumnHint, column_category, table_hint};
pub use date::Date;
pub use encoding::{Encoding, decode, decode_text, detect};
pub use finding::{Finding, Reason, mask_value};
pub use identify::identify;
pub use judge::{ColumnJudge, Evidence, Holding};
pub use key::Key;
pub use kinds::Kind;
pub use mask::{mask_identifiers, mask_people, names_person, unseen};
pub use normalise::{SmallBuf, normalise};
pub use scanner::Scanner;
pub use summary::{Summary, Sureness, summarise};
pub use vote::{ColumnVote, Verdict};
