//! Names of files fit to be shown: people name files after people.

use kuzet_personal::{mask_people, unseen};
use std::path::Path;

/// `path` with identifiers and names of people masked, and what would change how the rest is shown replaced.
#[must_use]
pub fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain: String = text.chars().map(|c| if unseen(c) { char::REPLACEMENT_CHARACTER } else { c }).collect();
    mask_people(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_file_shows_nobody() {
        assert_eq!(shown(Path::new("/srv/a/договор 7.docx")), "/srv/a/договор 7.docx");
        assert_eq!(shown(Path::new("/srv/110101193346.pdf")), "/srv/110101******.pdf");
        let shown = shown(Path::new("/srv/Ахметов Нурлан Серикович\u{202e}fdp.exe"));
        assert!(!shown.contains("Нурлан") && !shown.contains('\u{202e}'), "{shown}");
    }
}
