//! What a system call did to a file, as the PATH records of its event tell it.

use super::record::Fields;
use super::tell::Record;
use kuzet_event::Deed;

/// `openat` and its like take names from the working directory on when they are given this for a folder.
const HERE: &str = "ffffff9c";

/// What was done, to which path, and by which new name.
pub(super) struct Done {
    pub(super) deed: Deed,
    pub(super) path: String,
    pub(super) to: Option<String>,
    pub(super) folder: bool,
}

/// What the system call `call` did; nothing where it does nothing to a file, or where no record says what its whole path is.
pub(super) fn done(call: &str, syscall: &Fields<'_>, records: &[Record<'_>], cwd: &str, writes: bool) -> Option<Done> {
    let paths = || records.iter().filter(|record| record.head.name == "PATH").map(|record| &record.fields);
    let of = |sort: &str| paths().find(|path| path.one("nametype") == sort);
    let one = || of("NORMAL").or_else(|| paths().find(|path| path.one("nametype") != "PARENT"));
    let folder = |path: &Fields<'_>| path.one("mode").starts_with("04");
    let here = |argument: &str| !call.contains("at") || call == "creat" || syscall.one(argument) == HERE;
    let whole = |path: &Fields<'_>, argument: &str| whole(path.one("name"), here(argument).then_some(cwd)?);
    let told = |deed, path: &Fields<'_>| Some(Done { deed, path: whole(path, "a0")?, to: None, folder: folder(path) });
    match call {
        "open" | "openat" | "openat2" | "creat" => match of("CREATE") {
            Some(made) => told(Deed::Create, made),
            None => told(if writes { Deed::Write } else { Deed::Read }, one()?),
        },
        "truncate" => told(Deed::Write, one()?),
        "mkdir" | "mkdirat" => told(Deed::Create, of("CREATE")?),
        "unlink" | "unlinkat" | "rmdir" => told(Deed::Delete, of("DELETE")?),
        "rename" | "renameat" | "renameat2" => {
            let (from, to) = (of("DELETE")?, of("CREATE")?);
            Some(Done { to: Some(whole(to, "a2")?), ..told(Deed::Rename, from)? })
        }
        "link" | "linkat" => Some(Done { to: Some(whole(of("CREATE")?, "a2")?), ..told(Deed::Link, of("NORMAL")?)? }),
        "chmod" | "fchmodat" | "fchmodat2" | "chown" | "lchown" | "fchownat" => told(Deed::Attributes, one()?),
        _ => None,
    }
}

/// A path from the root on; nothing where that cannot be said.
fn whole(name: &str, cwd: &str) -> Option<String> {
    if name.is_empty() || !name.starts_with('/') && !cwd.starts_with('/') {
        return None;
    }
    let joined = if name.starts_with('/') { name.to_owned() } else { format!("{cwd}/{name}") };
    let parts: Vec<&str> = joined.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    // Behind a link, `..` is elsewhere.
    (!parts.contains(&"..")).then(|| format!("/{}", parts.join("/")))
}
