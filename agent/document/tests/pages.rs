//! How the text of a page reads, whatever the order and the pieces in which a program shows it.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic)] // tests read their fixtures

mod support;

use kuzet_document::{Limits, Verdict};
use support::Found;

/// A page that shows `content`, with Helvetica as `/F`, whose glyphs are half as wide as high, and a form as `/X`.
fn page(content: &str) -> String {
    let form = "BT /F 10 Tf 0 0 Td (form) Tj ET";
    let pdf = format!(
        "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]>>\nendobj\n\
         3 0 obj\n<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>/XObject<</X 6 0 R>>>>>>\nendobj\n\
         4 0 obj\n<</Length {}>>\nstream\n{content}\nendstream\nendobj\n\
         5 0 obj\n<</Type/Font/Subtype/Type1/BaseFont/Helvetica/FirstChar 0/Widths[{}]>>\nendobj\n\
         6 0 obj\n<</Subtype/Form/Matrix[1 0 0 1 0 100]/Length {}/Resources<</Font<</F 5 0 R>>>>>>\nstream\n{form}\nendstream\nendobj\n%%EOF",
        content.len(),
        "500 ".repeat(256),
        form.len(),
    );
    let found = Found::within(pdf.as_bytes(), &Limits::default());
    assert_eq!(found.verdict, Verdict::Inspected);
    found.text.trim().to_owned()
}

#[test]
fn a_number_in_pieces_is_one_number() {
    // Kerned, and drawn digit by digit; a gap as wide as a blank is one.
    assert_eq!(page("BT /F 10 Tf 50 700 Td [(IIN) -300 (1101) 20 (0119) -15 (3346)] TJ ET"), "IIN 110101193346");
    let digits: String =
        "110101193346".chars().zip(0..).map(|(c, at)| format!("1 0 0 1 {} 700 Tm ({c}) Tj ", 50 + 5 * at)).collect();
    assert_eq!(page(&format!("BT /F 10 Tf {digits}ET")), "110101193346");
}

#[test]
fn lines_are_read_from_top_to_bottom_and_from_left_to_right() {
    let shuffled =
        "BT /F 10 Tf 1 0 0 1 50 650 Tm (below) Tj 1 0 0 1 150 700 Tm (right) Tj 1 0 0 1 50 700 Tm (left) Tj ET";
    assert_eq!(page(shuffled), "left\tright\nbelow");
    // The space of the page turned over, as browsers print.
    assert_eq!(
        page("q 1 0 0 -1 0 800 cm BT /F 10 Tf 1 0 0 -1 50 100 Tm (a) Tj 1 0 0 -1 50 150 Tm (b) Tj ET Q"),
        "a\nb"
    );
    // A page on its side.
    assert_eq!(page("BT /F 10 Tf 0 1 -1 0 100 50 Tm (one) Tj 0 1 -1 0 120 50 Tm (two) Tj ET"), "one\ntwo");
}

#[test]
fn a_parted_word_is_one_word() {
    assert_eq!(page("BT /F 10 Tf 12 TL 50 700 Td (his pass-) Tj T* (port number) Tj ET"), "his passport number");
    assert_eq!(page("BT /F 10 Tf 12 TL 50 700 Td (2026-) Tj T* (11-23 is kept) Tj ET"), "2026-\n11-23 is kept");
}

#[test]
fn what_is_shown_twice_to_be_bold_is_read_once() {
    assert_eq!(
        page("BT /F 10 Tf 50 700 Td (110101193346) Tj ET BT /F 10 Tf 50.3 700 Td (110101193346) Tj ET"),
        "110101193346"
    );
}

#[test]
fn a_form_stands_where_it_is_put() {
    assert_eq!(
        page("BT /F 10 Tf 50 90 Td (below) Tj ET /X Do BT /F 10 Tf 50 110 Td (above) Tj ET"),
        "above\nform\nbelow"
    );
}
