//! Any text through the statement analyser, both dialects: no panic, bounds kept, the cache does not show.
#![no_main]

use kuzet_decode::{Analyzer, Parameters};
use kuzet_event::{Identifier, System};
use kuzet_personal::Key;
use libfuzzer_sys::fuzz_target;
use smallvec::SmallVec;

fuzz_target!(|text: &[u8]| {
    let mut parameters = Parameters::new();
    parameters.push(b"850830346939");
    for system in [System::Postgresql, System::Mariadb] {
        let mut analyzer = Analyzer::new(system, Key::new([1; 32]));
        let mut identifiers: SmallVec<[Identifier; 1]> = SmallVec::new();
        let first = analyzer.analyze(text, &parameters, false, &mut identifiers);
        assert!(first.summary.len() <= 512);
        assert!(first.relations.len() <= 64 && first.columns.len() <= 256 && identifiers.len() <= 65_536);
        let mut again: SmallVec<[Identifier; 1]> = SmallVec::new();
        assert_eq!(first, analyzer.analyze(text, &parameters, false, &mut again));
        assert_eq!(identifiers, again);
    }
});
