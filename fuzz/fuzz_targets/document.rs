#![no_main]
//! Any bytes are opened within the limits, whole and as a stream with the same outcome, whatever was opened before.
use std::cell::RefCell;

use kuzet_document::{Input, Limits, Opener, Picture, Place, Remark, Sink};
use libfuzzer_sys::fuzz_target;

#[derive(Default, PartialEq, Debug)]
struct Found {
    text: String,
    pictures: usize,
    remarks: usize,
}

impl Sink for Found {
    fn text(&mut self, _: &Place, run: &str) {
        self.text.push_str(run);
    }
    fn picture(&mut self, _: &Place, _: Picture, bytes: &[u8]) {
        self.pictures += bytes.len();
    }
    fn remark(&mut self, _: &Place, _: Remark) {
        self.remarks += 1;
    }
}

const OUTPUT: usize = 1 << 20;

thread_local! {
    static OPENER: RefCell<Opener> = RefCell::new(Opener::new(Limits {
        output: OUTPUT as u64,
        held: 4 << 20,
        work: 1 << 22,
        members: 200,
        pages: 20,
        ..Limits::default()
    }));
}

fuzz_target!(|bytes: &[u8]| {
    OPENER.with_borrow_mut(|opener| {
        let (mut whole, mut stream) = (Found::default(), Found::default());
        opener.open(Input::Whole(bytes), "", &mut whole);
        assert!(whole.text.len() + whole.pictures <= OUTPUT);
        opener.open(Input::Stream(&mut &bytes[..]), "", &mut stream);
        assert_eq!(whole, stream);
    });
});
