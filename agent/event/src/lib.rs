//! The normalised event: what one log record says, in one shape for every server and format.
//!
//! Data only, and free of raw personal data by construction: a decoder is the last place that sees the bytes of a
//! record. Values of predicates leave it as keyed hashes ([`PersonKey`]), statements as literal-free shapes
//! ([`Statement`]). What rules must see word for word (a URL, a command line) is in [`Raw`], which cannot be printed, copied
//! or stored. Role, client, program, database, schema and table names stay in clear (they are what an on-call
//! engineer acts on); decoders mask identifiers inside them before they reach this crate.

mod actor;
mod count;
mod event;
mod file;
mod flow;
mod identifier;
mod raw;
mod statement;
mod time;

pub use actor::{Actor, Client, System, UNTOLD};
pub use count::Count;
pub use event::{Action, Code, Event, FileId, Outcome, Place, SessionId, SourceId, Trust, Witness};
pub use file::{Deed, FileAct, FilePath, Holding, IdentityDocument};
pub use flow::{Application, Direction, Flow, Naming, Payload, Phase, Process, Query, Transport};
pub use identifier::{Identifier, IdentifierKind, PersonKey};
pub use raw::{Raw, RawField, Topic};
pub use statement::{Access, Export, Flag, Flags, Relation, RoleChange, RoleVerb, Setting, Statement, Verb};
pub use time::Timestamp;
