//! Leaves the tables for unwinding out of the release binary: it ends when it panics (`panic = "abort"` in Cargo.toml).

fn main() {
    println!("cargo::rerun-if-changed=packaging/release.ld");
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    // Tests of any profile unwind, and so does what is built for debugging.
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/packaging/release.ld");
    }
}
