//! What can be said of a file afterwards: how much of it was inspected, and why not the rest.

/// Why something was not inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// It is encrypted.
    Encrypted,
    /// It breaks the rules of its format, or its end is missing.
    Damaged,
    /// Nothing that is known here.
    Unknown,
    /// A known format, or a variant of one, that is not read.
    Unsupported,
    /// Glyphs of a font that does not tell which characters they are.
    Glyphs,
    /// More bytes than may be held in memory.
    Size,
    /// More bytes came out than may come out of one file.
    Output,
    /// It grows too much when unpacked.
    Ratio,
    /// Too many files in files.
    Depth,
    /// Too many members.
    Members,
    /// Too many pages.
    Pages,
    /// A picture with too many pixels.
    Pixels,
    /// Too much work.
    Work,
}

impl Why {
    /// Every reason.
    pub const ALL: [Why; 13] = [
        Why::Encrypted,
        Why::Damaged,
        Why::Unknown,
        Why::Unsupported,
        Why::Glyphs,
        Why::Size,
        Why::Output,
        Why::Ratio,
        Why::Depth,
        Why::Members,
        Why::Pages,
        Why::Pixels,
        Why::Work,
    ];

    /// Its name in reports and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Why::Encrypted => "encrypted",
            Why::Damaged => "damaged",
            Why::Unknown => "unknown",
            Why::Unsupported => "unsupported",
            Why::Glyphs => "glyphs",
            Why::Size => "size",
            Why::Output => "output",
            Why::Ratio => "ratio",
            Why::Depth => "depth",
            Why::Members => "members",
            Why::Pages => "pages",
            Why::Pixels => "pixels",
            Why::Work => "work",
        }
    }
}

/// How often each reason was met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasons([u32; Why::ALL.len()]);

impl Reasons {
    pub(crate) fn count(&mut self, why: Why) {
        let slot = &mut self.0[why as usize];
        *slot = slot.saturating_add(1);
    }

    /// How often `why` was met.
    #[must_use]
    pub fn of(&self, why: Why) -> u32 {
        self.0[why as usize]
    }

    /// The reasons that were met, with their counts.
    pub fn each(&self) -> impl Iterator<Item = (Why, u32)> + '_ {
        Why::ALL.into_iter().map(|why| (why, self.of(why))).filter(|(_, count)| *count > 0)
    }
}

/// How much of a file was inspected. None of the answers says that there is nothing in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All that this crate knows of.
    Inspected,
    /// Some text or picture was found, and some was left out.
    Partly(Reasons),
    /// Nothing.
    NotInspected(Reasons),
}

impl Verdict {
    /// What was left out, if anything.
    #[must_use]
    pub fn reasons(&self) -> Option<&Reasons> {
        match self {
            Verdict::Inspected => None,
            Verdict::Partly(reasons) | Verdict::NotInspected(reasons) => Some(reasons),
        }
    }
}
