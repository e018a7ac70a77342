//! What is used again from file to file: spaces to read into, states of the inflater, the text that waits to be handed on.

use std::cell::Cell;

use miniz_oxide::inflate::core::DecompressorOxide;

use crate::input::PIECE;

#[derive(Default)]
pub(crate) struct Pool {
    pieces: Cell<Vec<Vec<u8>>>,
    inflaters: Cell<Vec<Box<DecompressorOxide>>>,
    run: Cell<String>,
}

impl Pool {
    /// A space of [`PIECE`] bytes; what stands in it is of no meaning.
    pub(crate) fn piece(&self) -> Vec<u8> {
        pop(&self.pieces).unwrap_or_else(|| vec![0; PIECE])
    }

    pub(crate) fn keep(&self, piece: Vec<u8>) {
        push(&self.pieces, piece);
    }

    pub(crate) fn inflater(&self) -> Box<DecompressorOxide> {
        let mut inflater = pop(&self.inflaters).unwrap_or_default();
        inflater.init();
        inflater
    }

    pub(crate) fn keep_inflater(&self, inflater: Box<DecompressorOxide>) {
        push(&self.inflaters, inflater);
    }

    /// An empty text.
    pub(crate) fn run(&self) -> String {
        let mut run = self.run.take();
        run.clear();
        run
    }

    pub(crate) fn keep_run(&self, run: String) {
        self.run.set(run);
    }
}

fn pop<T>(stack: &Cell<Vec<T>>) -> Option<T> {
    let mut all = stack.take();
    let one = all.pop();
    stack.set(all);
    one
}

fn push<T>(stack: &Cell<Vec<T>>, one: T) {
    let mut all = stack.take();
    all.push(one);
    stack.set(all);
}
