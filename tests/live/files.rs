//! The real kernel: what real users do with real programs to files on real file systems. Needs root, as the sensor does.

use crate::support::{Guard, Scratch, kuzet, run, until};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// A folder where everybody may write, on a file system of its own.
pub(super) struct Store {
    pub(super) folder: PathBuf,
    /// Where something is mounted, the last one first.
    mounted: Vec<PathBuf>,
    _scratch: Scratch,
}

impl Drop for Store {
    fn drop(&mut self) {
        for path in &self.mounted {
            let _ = Command::new("umount").arg("--lazy").arg(path).status();
        }
    }
}

pub(super) fn mount(arguments: &[&str], at: &Path) {
    std::fs::create_dir_all(at).expect("own folder");
    run(Command::new("mount").args(arguments).arg(at));
}

pub(super) fn open(path: &Path) {
    std::fs::create_dir_all(path).expect("own folder");
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o777)).expect("own folder");
}

/// A file system of a kind.
fn store(kind: &str) -> Store {
    store_for(kind, 1_000)
}

/// The same with room for so many small files.
pub(super) fn store_for(kind: &str, files: u64) -> Store {
    let scratch = Scratch::new(&format!("files-{kind}"));
    std::fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o755)).expect("own folder");
    let at = scratch.join("mount");
    let mut mounted = vec![at.clone()];
    match kind {
        "ext4" => {
            let image = scratch.join("image");
            std::fs::File::create(&image)
                .and_then(|file| file.set_len((64 << 20) + files * (6 << 10)))
                .expect("own file");
            run(Command::new("mkfs.ext4").args(["-q", "-F", "-N", &(files + 1_000).to_string()]).arg(&image));
            mount(&["-o", "loop", &image.to_string_lossy()], &at);
        }
        "overlay" => {
            // Its upper folder needs a file system that is no overlay.
            let upper = scratch.join("upper");
            mount(&["-t", "tmpfs", "tmpfs"], &upper);
            for name in ["files", "work"] {
                std::fs::create_dir(upper.join(name)).expect("own folder");
            }
            let lower = scratch.join("lower");
            std::fs::create_dir(&lower).expect("own folder");
            let options = format!(
                "lowerdir={},upperdir={}/files,workdir={}/work",
                lower.display(),
                upper.display(),
                upper.display()
            );
            mount(&["-t", "overlay", "overlay", "-o", &options], &at);
            mounted.push(upper);
        }
        _ => mount(&["-t", "tmpfs", "tmpfs"], &at),
    }
    let folder = at.join("dossiers");
    open(&folder);
    Store { folder, mounted, _scratch: scratch }
}

/// A sensor that watches folders, ready.
pub(super) fn watching(scratch: &Scratch, folders: &[&Path], options: &[&str]) -> Guard {
    let log = scratch.join("lines");
    let mut command = Command::new(kuzet());
    command.arg("sensor").args(options);
    for folder in folders {
        command.arg("--folder").arg(folder);
    }
    let mut guard = Guard::spawn("kuzet sensor --folder", &mut command, &log, Signal::TERM);
    let sight = |text: String| text.starts_with("{\"sensor\":\"sight\"") && text.contains('\n');
    guard.ready(LIMIT, || std::fs::read_to_string(&log).is_ok_and(sight));
    guard
}

/// Lines of a kind whose end is there.
pub(super) fn lines(guard: &Guard, kind: &str) -> Vec<Value> {
    let text = guard.output();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let begin = format!("{{\"sensor\":\"{kind}\"");
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    whole.lines().filter(|line| line.starts_with(&begin)).map(read).collect()
}

pub(super) fn means(guard: &Guard) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let sight = &lines(guard, "sight")[0];
    let spots = sight["files"].as_array().expect("a list");
    spots.iter().map(|spot| (text(&spot["folder"]), text(&spot["means"]), text(&spot["proven"]))).collect()
}

fn is(line: &Value, deed: &str, path: &Path) -> bool {
    line["do"] == deed && line["path"] == path.to_string_lossy().as_ref()
}

/// What `nobody` or `root` does with a shell, a command each.
pub(super) fn one_liner(user: &str, script: &str) {
    run(Command::new("setpriv").args(["--reuid", user, "--clear-groups", "sh", "-c", script]).stdin(Stdio::null()));
}

/// What is to be told of a deed: what, which file, by which program, as whom.
pub(super) type Wanted = (&'static str, PathBuf, &'static str, &'static str);

pub(super) fn known(told: &[Value], wanted: &[Wanted]) -> usize {
    let mut by_file: HashMap<&str, Vec<&Value>> = HashMap::new();
    for line in told {
        by_file.entry(line["path"].as_str().unwrap_or_default()).or_default().push(line);
    }
    let right = |(deed, path, program, user): &&Wanted| {
        let lines = by_file.get(path.to_string_lossy().as_ref()).map_or(&[][..], Vec::as_slice);
        lines.iter().any(|line| {
            let process = &line["process"];
            // python3 is a link to the one of some version.
            let runs = process["path"]
                .as_str()
                .and_then(|path| path.rsplit('/').next())
                .is_some_and(|name| name.starts_with(program));
            line["do"] == *deed && process["user"] == *user && runs
        })
    };
    wanted.iter().filter(right).count()
}

/// Of the deeds in `folder`, so many of a hundred are told with the right user and program; says how many were.
fn attributed(guard: &Guard, what: &str, folder: &Path, wanted: &[Wanted], percent: usize) {
    // Behind what was done so far.
    let mark = folder.join("mark");
    std::fs::write(&mark, "x").expect("own file");
    let told = until("what was done last is told", LIMIT, || {
        let told = lines(guard, "file");
        told.iter().any(|line| line["path"] == mark.to_string_lossy().as_ref()).then_some(told)
    });
    let missing: Vec<&Wanted> = wanted.iter().filter(|one| known(&told, std::slice::from_ref(one)) == 0).collect();
    let found = wanted.len() - missing.len();
    eprintln!("{what}: {found} of {} deeds with their user and program", wanted.len());
    assert!(found * 100 >= wanted.len() * percent, "{what}: {missing:?}");
    assert!(lines(guard, "lost").is_empty(), "{what}: {:?}", lines(guard, "lost"));
}

/// Kinds of file systems, and how each is watched.
const KINDS: [(&str, &str); 3] = [("ext4", "filesystem"), ("tmpfs", "filesystem"), ("overlay", "mount")];
/// Accounts of this host.
pub(super) const USERS: [(&str, &str); 3] = [("0", "root"), ("65534", "nobody"), ("33", "www-data")];

#[test]
fn short_commands_are_told_with_their_users_and_programs() {
    const ROUNDS: usize = 15;
    for (kind, by) in KINDS {
        let store = store(kind);
        let scratch = Scratch::new("files-short");
        let guard = watching(&scratch, &[&store.folder], &[]);
        let folder = store.folder.to_string_lossy().into_owned();
        assert_eq!(means(&guard), [(folder.clone(), by.to_owned(), "marker".to_owned())], "{kind}");
        let mut wanted: Vec<Wanted> = Vec::new();
        for (number, (id, user)) in (0..ROUNDS).zip(USERS.iter().cycle()) {
            let path = |name: &str| store.folder.join(format!("{name}{number}"));
            let (a, b, c, d) = (path("a"), path("b"), path("c"), path("d"));
            std::fs::write(&a, "a dossier").expect("own file");
            std::fs::set_permissions(&a, PermissionsExt::from_mode(0o666)).expect("own file");
            let told = |path: &Path| path.to_string_lossy().into_owned();
            let (one, two, three, four) = (told(&a), told(&b), told(&c), told(&d));
            one_liner(id, &format!("cat {one} >/dev/null"));
            one_liner(id, &format!("cp {one} {two}"));
            one_liner(id, &format!("chmod 600 {two}"));
            one_liner(id, &format!("ln {two} {three}"));
            one_liner(id, &format!("mv {two} {four}"));
            one_liner(id, &format!("rm {four} {three}"));
            wanted.push(("read", a.clone(), "cat", user));
            match by {
                "filesystem" => wanted.extend([
                    ("create", b.clone(), "cp", *user),
                    ("attributes", b.clone(), "chmod", user),
                    ("link", c, "ln", user),
                    ("rename", b, "mv", user),
                    ("delete", d, "rm", user),
                ]),
                _ => wanted.push(("write", b, "cp", user)),
            }
            wanted.push(("read", a, "cp", user));
        }
        attributed(&guard, &format!("{kind}, shell one-liners"), &store.folder, &wanted, 95);
    }
}

/// Reads its file, lives for a twentieth of a second, and ends.
const READER: &str = "import sys, time\nopen(sys.argv[1]).read()\ntime.sleep(0.05)";
/// The same by memory.
const MAPPER: &str = "import sys, time, mmap\nf = open(sys.argv[1])\n\
                      m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)\nm[:]\ntime.sleep(0.05)";
/// Gives file to file without looking at it.
const SENDER: &str = "import sys, time, os\nf = open(sys.argv[1])\no = open('/dev/null', 'w')\n\
                      os.sendfile(o.fileno(), f.fileno(), 0, 9)\ntime.sleep(0.05)";

#[test]
fn whoever_lives_for_a_twentieth_of_a_second_is_known() {
    const PROCESSES: usize = 200;
    for (kind, _) in KINDS {
        let store = store(kind);
        let scratch = Scratch::new("files-long");
        let guard = watching(&scratch, &[&store.folder], &[]);
        let mut wanted: Vec<Wanted> = Vec::new();
        let mut running = Vec::new();
        for (number, (id, user)) in (0..PROCESSES).zip(USERS.iter().cycle()) {
            let path = store.folder.join(format!("f{number}"));
            std::fs::write(&path, "a dossier").expect("own file");
            let script = [READER, MAPPER, SENDER][number / USERS.len() % 3];
            let mut command = Command::new("setpriv");
            command.args(["--reuid", id, "--clear-groups", "/usr/bin/python3", "-I", "-S", "-c", script]).arg(&path);
            running.push(command.stdin(Stdio::null()).spawn().expect("it runs"));
            if running.len() == 8 {
                running.drain(..).for_each(|mut child| assert!(child.wait().expect("own child").success()));
            }
            wanted.push(("read", path, "python3", user));
        }
        running.drain(..).for_each(|mut child| assert!(child.wait().expect("own child").success()));
        attributed(&guard, &format!("{kind}, processes of 50 ms"), &store.folder, &wanted, 99);
    }
}

#[test]
fn children_that_start_no_program_are_known_by_that_of_their_parents() {
    const CHILDREN: usize = 100;
    let store = store("tmpfs");
    let scratch = Scratch::new("files-forks");
    let paths: Vec<PathBuf> = (0..CHILDREN).map(|number| store.folder.join(format!("f{number}"))).collect();
    paths.iter().for_each(|path| std::fs::write(path, "a dossier").expect("own file"));
    let guard = watching(&scratch, &[&store.folder], &[]);
    // Each child is gone before anybody could look at it.
    let script = format!("for file in {}/f*; do (read line <$file); done; true", store.folder.display());
    run(Command::new("setpriv")
        .args(["--reuid", "65534", "--clear-groups", "bash", "-c", &script])
        .stdin(Stdio::null()));
    let wanted: Vec<Wanted> = paths.into_iter().map(|path| ("read", path, "bash", "nobody")).collect();
    until("everything is told", LIMIT, || {
        (known(&lines(&guard, "file"), &wanted) >= CHILDREN * 95 / 100).then_some(())
    });
}

#[test]
fn what_is_done_is_told_as_it_is_and_looking_is_nothing() {
    let store = store("ext4");
    let scratch = Scratch::new("files-deeds");
    let elsewhere = store.folder.parent().expect("the mount").join("elsewhere");
    open(&elsewhere);
    let guard = watching(&scratch, &[&store.folder], &[]);
    let folder = store.folder.to_string_lossy().into_owned();
    let here = |name: &str| store.folder.join(name);
    // A file that is long open, without a word from the kernel until it is closed.
    std::fs::write(here("seen"), "a dossier").expect("own file");
    until("it is told", LIMIT, || lines(&guard, "file").into_iter().find(|line| is(line, "create", &here("seen"))));
    let before = lines(&guard, "file").len();
    one_liner(
        "0",
        &format!(
            "ls -l {folder} >/dev/null; stat {folder}/seen >/dev/null; find {folder} >/dev/null; test -r {folder}/seen"
        ),
    );
    let held = std::fs::File::open(here("seen")).expect("own file");
    let reads = until("who reads is told while he does", LIMIT, || {
        let told = lines(&guard, "file");
        (told.len() > before).then_some(told[before..].to_vec())
    });
    assert_eq!(reads.len(), 1, "a look is no reading: {reads:?}");
    assert!(is(&reads[0], "read", &here("seen")) && reads[0]["process"]["pid"] == std::process::id(), "{reads:?}");
    drop(held);

    // Folders that are gone, or have another name, before anybody could ask for theirs.
    one_liner(
        "0",
        &format!(
            "cd {folder}; mkdir -p x/y; echo 1 >x/y/f; mv x z; echo 2 >z/y/g; rm -r z; mkdir {folder}/t; echo 3 >t/h; rm -r t; \
         echo 4 >{}/in; mv {}/in {folder}/in; mv {folder}/in {}/out; touch {}/nothing",
            elsewhere.display(),
            elsewhere.display(),
            elsewhere.display(),
            elsewhere.display()
        ),
    );
    let wanted = [
        ("create", here("x/y")),
        ("rename", here("x")),
        ("delete", here("z/y/g")),
        ("delete", here("z")),
        ("delete", here("t/h")),
        ("delete", here("t")),
        ("rename", elsewhere.join("in")),
        ("rename", here("in")),
    ];
    let told = until("everything is told", LIMIT, || {
        let told = lines(&guard, "file");
        wanted.iter().all(|(deed, path)| told.iter().any(|line| is(line, deed, path))).then_some(told)
    });
    let at = |deed: &str, path: &Path| told.iter().position(|line| is(line, deed, path)).expect("it is told");
    assert!(at("rename", &here("x")) < at("delete", &here("z/y/g")), "in their order");
    assert!(at("delete", &here("z/y/g")) < at("delete", &here("z")), "in their order");
    assert!(
        told.iter().any(|line| is(line, "rename", &here("x")) && line["to"] == here("z").to_string_lossy().as_ref())
    );
    assert!(!told.iter().any(|line| line["path"].as_str().is_some_and(|path| path.ends_with("nothing"))), "outside");
    assert!(lines(&guard, "lost").is_empty(), "{:?}", lines(&guard, "lost"));
}

#[test]
fn a_burst_is_seen_or_told_as_lost() {
    const FILES: usize = 200_000;
    let store = store("tmpfs");
    let scratch = Scratch::new("files-burst");
    let guard = watching(&scratch, &[&store.folder], &[]);
    let script = format!(
        "import os\nos.chdir({:?})\nfor n in range({FILES}): os.close(os.open(str(n), os.O_CREAT))",
        store.folder
    );
    let mut burst = Command::new("/usr/bin/python3").args(["-I", "-S", "-c", &script]).spawn().expect("it runs");
    // Whoever does not come to read finds that the kernel has kept less than there was.
    guard.signal(Signal::STOP);
    assert!(burst.wait().expect("own child").success());
    guard.signal(Signal::CONT);
    let folder = store.folder.to_string_lossy().into_owned();
    until("the loss is told", LIMIT, || {
        lines(&guard, "lost").into_iter().find(|line| line["of"] == "files" && line["records"].as_u64() > Some(0))
    });
    until("the folder is to be looked through", LIMIT, || {
        lines(&guard, "rescan").into_iter().find(|line| line["path"] == folder)
    });
    // And goes on.
    std::fs::write(store.folder.join("later"), "x").expect("own file");
    until("what came later is told", LIMIT, || {
        lines(&guard, "file").into_iter().find(|line| is(line, "create", &store.folder.join("later")))
    });
}

#[test]
fn what_is_mounted_in_a_folder_is_told_and_watched() {
    let store = store("tmpfs");
    let scratch = Scratch::new("files-mounts");
    let late = store.folder.join("not there yet");
    let guard = watching(&scratch, &[&store.folder, &late.join("x")], &[]);
    let inside = store.folder.join("a disk");
    mount(&["-t", "tmpfs", "tmpfs"], &inside);
    let told =
        until("the mount is told", LIMIT, || lines(&guard, "file").into_iter().find(|line| is(line, "mount", &inside)));
    assert!(told["process"].is_null() && told["folder"] == true, "{told}");
    until("it is watched", LIMIT, || {
        std::fs::write(inside.join("new"), "x").expect("own file");
        lines(&guard, "file").into_iter().find(|line| line["path"] == inside.join("new").to_string_lossy().as_ref())
    });
    let sights = lines(&guard, "sight");
    let spots = sights.last().expect("a sight")["files"].as_array().expect("a list").clone();
    let spot = |path: &Path| spots.iter().find(|spot| spot["folder"] == path.to_string_lossy().as_ref()).cloned();
    assert_eq!(spot(&inside).expect("a folder")["means"], "filesystem");
    assert!(spot(&late.join("x")).expect("a folder")["means"].is_null(), "it is not there: {spots:?}");
    run(Command::new("umount").arg(&inside));
}

#[test]
fn without_rights_changes_are_told_of_nobody() {
    let store = store("tmpfs");
    let scratch = Scratch::new("files-rights");
    std::fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o755)).expect("own folder");
    let program = scratch.join("kuzet");
    std::fs::copy(kuzet(), &program).expect("own binary");
    let log = scratch.join("lines");
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]).arg(&program).arg("sensor");
    let mut guard = Guard::spawn("kuzet sensor", command.arg("--folder").arg(&store.folder), &log, Signal::TERM);
    guard.ready(LIMIT, || std::fs::read_to_string(&log).is_ok_and(|text| text.contains('\n')));
    let spots = means(&guard);
    assert_eq!((spots[0].1.as_str(), spots[0].2.as_str()), ("inotify", "marker"));
    let sight = lines(&guard, "sight")[0]["files"][0].to_string();
    assert!(sight.contains("who did it") && sight.contains("CAP_SYS_ADMIN"), "{sight}");
    let path = store.folder.join("a");
    std::fs::write(&path, "x").expect("own file");
    std::fs::rename(&path, store.folder.join("b")).expect("own file");
    let told = until("both are told", LIMIT, || {
        let told = lines(&guard, "file");
        told.iter().any(|line| is(line, "rename", &path)).then_some(told)
    });
    assert!(told.iter().any(|line| is(line, "create", &path)), "{told:?}");
    assert!(told.iter().all(|line| line["process"].is_null()), "{told:?}");
    assert!(!told.iter().any(|line| line.to_string().contains("marker")), "{told:?}");
}

#[test]
fn a_service_with_a_view_of_its_own_watches_the_folders_of_the_host() {
    let (shared, plain) = (store("overlay"), store("tmpfs"));
    let scratch = Scratch::new("files-view");
    let (log, fifo) = (scratch.join("lines"), scratch.join("fifo"));
    run(Command::new("mkfifo").arg(&fifo));
    for store in [&shared, &plain] {
        std::fs::write(store.folder.join("a"), "a dossier").expect("own file");
    }
    // As systemd restricts a service: other mounts, an empty folder where the files are. The first process is one of ours.
    let hide = |store: &Store| format!("mount -t tmpfs tmpfs {}", store.folder.parent().expect("a mount").display());
    let reads =
        |store: &Store| format!("setpriv --reuid 65534 --clear-groups cat {}/a >/dev/null", store.folder.display());
    let script = format!(
        "unshare --mount sh -c '{} && {} && exec \"$@\"' sh \"$@\" & read x <{fifo}; {}; {}; read x <{fifo}; kill $!",
        hide(&shared),
        hide(&plain),
        reads(&shared),
        reads(&plain),
        fifo = fifo.display()
    );
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "sh", "-c", &script, "sh"]);
    command.arg(kuzet()).arg("sensor").arg("--folder").arg(&shared.folder).arg("--folder").arg(&plain.folder);
    let mut guard = Guard::spawn("a restricted sensor", &mut command, &log, Signal::TERM);
    guard.ready(LIMIT, || std::fs::read_to_string(&log).is_ok_and(|text| text.contains('\n')));
    let mut by: Vec<String> = means(&guard).into_iter().map(|(_, means, _)| means).collect();
    by.sort_unstable();
    assert_eq!(by, ["filesystem", "mount"], "{}", guard.output());
    std::fs::write(&fifo, "go\n").expect("it is read");
    for store in [&shared, &plain] {
        let told = until("the reader is told", LIMIT, || {
            lines(&guard, "file").into_iter().find(|line| is(line, "read", &store.folder.join("a")))
        });
        assert_eq!(told["bytes"], 9, "{told}");
    }
    std::fs::write(&fifo, "end\n").expect("it is read");
}
