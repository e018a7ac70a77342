//! What is told about a document: never a letter of a document.

use crate::state::State;

/// What a document is: the format of its machine-readable zone, or the name it bears.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Identity card of the size of a bank card (TD1, or by its name).
    Card,
    /// Larger card or sheet (TD2).
    Sheet,
    /// Data page of a passport (TD3).
    Passport,
    /// Visa sticker (MRV-A, MRV-B).
    Visa,
    /// Driving licence, by its name.
    Licence,
    /// Residence permit or card of a stateless person, by its name.
    Permit,
    /// Certificate of birth, by its name.
    Birth,
    /// Certificate of marriage, by its name.
    Marriage,
    /// Certificate of divorce, by its name.
    Divorce,
    /// Certificate of death, by its name.
    Death,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 10] = [
        Kind::Card,
        Kind::Sheet,
        Kind::Passport,
        Kind::Visa,
        Kind::Licence,
        Kind::Permit,
        Kind::Birth,
        Kind::Marriage,
        Kind::Divorce,
        Kind::Death,
    ];

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Card => "identity_card",
            Kind::Sheet => "identity_sheet",
            Kind::Passport => "passport",
            Kind::Visa => "visa",
            Kind::Licence => "driving_licence",
            Kind::Permit => "residence_permit",
            Kind::Birth => "birth_certificate",
            Kind::Marriage => "marriage_certificate",
            Kind::Divorce => "divorce_certificate",
            Kind::Death => "death_certificate",
        }
    }

    /// Whether it is a sheet of the registry office, not a card.
    #[must_use]
    pub fn is_certificate(self) -> bool {
        matches!(self, Kind::Birth | Kind::Marriage | Kind::Divorce | Kind::Death)
    }
}

/// Side of a document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// The one with the portrait.
    Front,
    /// The other.
    Back,
    /// The page of a booklet that tells whose it is, or a sheet.
    DataPage,
}

impl Side {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Side::Front => "front",
            Side::Back => "back",
            Side::DataPage => "data_page",
        }
    }
}

/// How sure it is that there is a document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Confidence {
    /// Two check digits hold, and state, dates and form are those of a document; or its name stands above a label or two.
    Probable,
    /// Three check digits hold or more, with a known state and dates of the calendar; or its name in two languages stands
    /// above many labels.
    Certain,
}

/// The box around a machine-readable zone, or name and labels, in points of the picture.
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
    /// The side that is seen.
    pub side: Side,
    /// Who issued it.
    pub state: State,
    /// How sure.
    pub confidence: Confidence,
    /// Check digits that hold; none without a zone.
    pub checks: u8,
    /// Where.
    pub region: Region,
    /// Points of the picture to an inch of the document, where there is a zone: its letters are a tenth of an inch apart.
    pub dpi: Option<u32>,
    /// Keyed hash of the person, made by the caller, where a number tells who it is.
    pub holder: Option<u128>,
}
