//! What is told about a document: never a letter of a document.

use crate::state::State;

/// The format of a machine-readable zone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Identity card of the size of a bank card (TD1).
    Card,
    /// Larger card or sheet (TD2).
    Sheet,
    /// Data page of a passport (TD3).
    Passport,
    /// Visa sticker (MRV-A, MRV-B).
    Visa,
}

impl Kind {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Card => "identity_card",
            Kind::Sheet => "identity_sheet",
            Kind::Passport => "passport",
            Kind::Visa => "visa",
        }
    }

    /// The side that carries the zone.
    #[must_use]
    pub fn side(self) -> Side {
        match self {
            Kind::Card => Side::Back,
            Kind::Sheet | Kind::Visa => Side::Front,
            Kind::Passport => Side::DataPage,
        }
    }
}

/// Side of a document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// The one with the portrait.
    Front,
    /// The other.
    Back,
    /// The page of a booklet that tells whose it is.
    DataPage,
}

/// How sure it is that there is a document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Confidence {
    /// Two check digits hold, and state, dates and form are those of a document.
    Probable,
    /// Three check digits hold or more, with a known state and dates of the calendar.
    Certain,
}

/// The box around a machine-readable zone, in points of the picture.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Region {
    /// Upper edge.
    pub top: usize,
    /// Left edge.
    pub left: usize,
    /// Points to the right.
    pub width: usize,
    /// Points down.
    pub height: usize,
}

/// An identity document in a picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Document {
    /// What it is.
    pub kind: Kind,
    /// Who issued it.
    pub state: State,
    /// How sure.
    pub confidence: Confidence,
    /// Check digits that hold.
    pub checks: u8,
    /// Where.
    pub region: Region,
    /// Points of the picture to an inch of the document: its letters are a tenth of an inch apart.
    pub dpi: u32,
    /// Keyed hash of the person, made by the caller.
    pub holder: u128,
}
