//! Tailing real files in scratch directories: every way in which logs are rotated, cut, packed and lost.

mod harness;
mod odd;
mod restart;
mod rotate;
mod script;
mod styles;
pub mod writer;
