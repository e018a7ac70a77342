//! Signs that a picture was made from paper: the rules about copies of documents are about paper.

use crate::document::Document;
use crate::gray::Picture;

/// A sign that a picture was made from paper.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Sign {
    /// The picture is as large as a sheet of A4, measured by the letters of a document in it.
    Sheet,
    /// Only black and white, as from a fax or a copier.
    OneBit,
    /// Several documents in one picture.
    Several,
    /// The file names a scanner, a copier or a program for them.
    Machine,
}

impl Sign {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Sign::Sheet => "a4_sheet",
            Sign::OneBit => "black_and_white",
            Sign::Several => "several_documents",
            Sign::Machine => "scanner",
        }
    }
}

/// A4, millimetres, and how far a scan may be from it.
const A4: [f32; 2] = [210.0, 297.0];
const NEAR: f32 = 0.04;

/// The signs in a picture that holds `documents`.
pub(crate) fn of(picture: &Picture<'_>, documents: &[Document]) -> Vec<Sign> {
    if documents.is_empty() {
        return Vec::new();
    }
    let mut signs = Vec::new();
    let measured = documents.iter().find_map(|document| document.dpi);
    let is_sheet = |dpi: u32| {
        let millimetres = |points: usize| points as f32 * 25.4 / dpi.max(1) as f32;
        let sides = [picture.width.min(picture.height), picture.side()].map(millimetres);
        sides.iter().zip(A4).all(|(side, paper)| (side / paper - 1.0).abs() <= NEAR)
    };
    if measured.is_some_and(is_sheet) {
        signs.push(Sign::Sheet);
    }
    let between = picture.gray.iter().filter(|point| (32..224).contains(*point)).count();
    if between < picture.gray.len() / 100 {
        signs.push(Sign::OneBit);
    }
    if documents.len() > 1 {
        signs.push(Sign::Several);
    }
    signs
}
