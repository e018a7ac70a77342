//! Any bytes through the classifier: no panic, spans in bounds and apart, masks that hide, one result however it comes.
#![no_main]

use kuzet_personal::{
    Classifier, Finding, Key, Scanner, column_category, decode_text, identify, mask_identifiers, summarise,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let key = Key::new([1; 32]);
    for classifier in [Classifier::new(), Classifier::structured()] {
        let mut found = Vec::new();
        classifier.scan(bytes, &mut found);
        let mut end = 0;
        for finding in &found {
            assert!(end <= finding.span.start && finding.span.start < finding.span.end && finding.span.end <= bytes.len());
            end = finding.span.end;
            let shown = finding.mask(bytes).chars().filter(|c| c.is_alphanumeric()).count();
            assert!(shown <= 6);
            let _ = finding.pseudonym(bytes, &key);
        }
        let mut streamed = Vec::new();
        let mut take = |base: u64, part: &[Finding], _: &[u8]| {
            streamed.extend(part.iter().map(|finding| {
                let base = base as usize;
                Finding { span: base + finding.span.start..base + finding.span.end, ..finding.clone() }
            }));
        };
        let mut scanner = Scanner::new(&classifier);
        let cut = bytes.first().map_or(1, |first| usize::from(*first) + 1);
        for piece in bytes.chunks(cut) {
            scanner.push(piece, &mut take);
        }
        scanner.finish(&mut take);
        assert_eq!(streamed, found);
    }
    let (_, text) = decode_text(bytes);
    let name: String = text.chars().take(80).collect();
    let _ = mask_identifiers(&name);
    let _ = column_category(&name);
    let _ = identify(bytes, Some(&name));
    let _ = summarise(bytes);
});
