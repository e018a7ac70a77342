//! File systems beside those of tests/live/files.rs: what the sensor sees of short commands on xfs and btrfs. Needs root.

use super::files::{LIMIT, Wanted, known, lines, means, mount, one_liner, open, watching};
use crate::support::{Scratch, run, until};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An image of a kind, mounted; goes with its end.
struct Image {
    at: PathBuf,
    _scratch: Scratch,
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}

/// `mebibytes` are the least that the kind takes.
fn image(kind: &str, mebibytes: u64) -> Image {
    let scratch = Scratch::new(&format!("image-{kind}"));
    std::fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o755)).expect("own folder");
    let (file, at) = (scratch.join("image"), scratch.join("mount"));
    std::fs::File::create(&file).and_then(|file| file.set_len(mebibytes << 20)).expect("own file");
    run(Command::new(format!("mkfs.{kind}")).arg("-q").arg(&file));
    mount(&["-o", "loop", &file.to_string_lossy()], &at);
    Image { at, _scratch: scratch }
}

/// What `nobody` does to files in a folder with short commands, and what is to be told of it by a mark on the file system or on the mount.
fn short_commands(folder: &Path, number: usize, by: &str, wanted: &mut Vec<Wanted>) {
    let path = |name: &str| folder.join(format!("{name}{number}"));
    let (a, b, c) = (path("a"), path("b"), path("c"));
    std::fs::write(&a, "a dossier").expect("own file");
    std::fs::set_permissions(&a, PermissionsExt::from_mode(0o666)).expect("own file");
    let (one, two, three) = (a.display(), b.display(), c.display());
    for script in
        [format!("cat {one} >/dev/null"), format!("cp {one} {two}"), format!("mv {two} {three}"), format!("rm {three}")]
    {
        one_liner("65534", &script);
    }
    wanted.push(("read", a, "cat", "nobody"));
    if by == "filesystem" {
        wanted.extend([
            ("create", b.clone(), "cp", "nobody"),
            ("rename", b, "mv", "nobody"),
            ("delete", c, "rm", "nobody"),
        ]);
    }
}

fn told(folder: &Path, by: &str) {
    const ROUNDS: usize = 12;
    open(folder);
    let scratch = Scratch::new("image-lines");
    let guard = watching(&scratch, &[folder], &[]);
    let is = (folder.to_string_lossy().into_owned(), by.to_owned(), "marker".to_owned());
    assert_eq!(means(&guard), [is], "{}", guard.output());
    let mut wanted = Vec::new();
    (0..ROUNDS).for_each(|number| short_commands(folder, number, by, &mut wanted));
    let needed = (wanted.len() * 95).div_ceil(100);
    until("everything is told", LIMIT, || (known(&lines(&guard, "file"), &wanted) >= needed).then_some(()));
    assert!(lines(&guard, "lost").is_empty(), "{:?}", lines(&guard, "lost"));
}

#[test]
fn xfs_tells_all_by_its_file_system() {
    let image = image("xfs", 320);
    told(&image.at.join("dossiers"), "filesystem");
}

#[test]
fn btrfs_tells_all_by_its_file_system_and_reads_in_its_subvolumes_by_their_mount() {
    let image = image("btrfs", 128);
    told(&image.at.join("dossiers"), "filesystem");
    let below = image.at.join("subvolume");
    run(Command::new("btrfs").args(["-q", "subvolume", "create"]).arg(&below));
    told(&below.join("dossiers"), "mount");
}
