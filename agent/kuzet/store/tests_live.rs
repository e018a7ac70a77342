//! The store on a file system that is really full or really read-only: a tmpfs, mounted by the test (as root).

use super::*;

struct Mount(Dir);

impl Mount {
    fn new(name: &str) -> Mount {
        let dir = Dir::new(name);
        std::fs::create_dir_all(&dir.0).unwrap();
        mount(&["-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs"], &dir.0);
        Mount(dir)
    }

    fn path(&self) -> &Path {
        &self.0.0
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

fn mount(options: &[&str], dir: &Path) {
    let done = Command::new("mount").args(options).arg(dir).status().unwrap();
    assert!(done.success(), "this test mounts a tmpfs and must run as root");
}

/// Writes until nothing more fits.
fn fill(path: &Path) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    for size in [65_536, 4096, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
}

fn batch(folder: &mut Folder, number: i64) -> Batch {
    folded(folder, &[detection(&format!("user{number}"), minute(number), 0..100)])
}

#[test]
fn a_full_disk_costs_the_reserve_first_and_nothing_recorded() {
    let mount = Mount::new("tmpfs-full");
    let mut store = open(mount.path());
    let mut folder = Folder::new(FoldConfig::default());
    assert!(store.reserve_held());
    store.record(&batch(&mut folder, 0)).unwrap();
    let filler = mount.path().join("filler");
    fill(&filler);
    let mut number = 1;
    while store.reserve_held() {
        store.record(&batch(&mut folder, number)).unwrap();
        number += 1;
    }
    fill(&filler);
    let mut waiting = Batch::default();
    let error = loop {
        let one = batch(&mut folder, number);
        match store.record(&one) {
            Ok(()) => number += 1,
            Err(error) => {
                waiting.absorb(one);
                break error;
            }
        }
    };
    assert_eq!(error.kind, StoreErrorKind::Full, "{error}");
    for more in 1..20 {
        waiting.absorb(batch(&mut folder, number + more));
        assert_eq!(store.record(&waiting).unwrap_err().kind, StoreErrorKind::Full);
    }
    assert_eq!(store.load().unwrap().stories.len() as i64, number);
    std::fs::remove_file(&filler).unwrap();
    store.record(&waiting).unwrap();
    assert_eq!(store.load().unwrap().stories.len() as i64, number + 20);
    for more in 0..300 {
        store.record(&Batch { checkpoints: vec![checkpoint(more)], ..Batch::default() }).unwrap();
    }
    assert!(store.reserve_held(), "the reserve is taken again");
}

#[test]
fn a_read_only_file_system_is_told_as_such() {
    let mount_point = Mount::new("tmpfs-ro");
    let mut folder = Folder::new(FoldConfig::default());
    let mut store = open(mount_point.path());
    store.record(&batch(&mut folder, 0)).unwrap();
    drop(store);
    mount(&["-o", "remount,ro"], mount_point.path());
    let error = Sqlite::open(mount_point.path(), &Options::default()).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::ReadOnly, "{error}");
    assert!(error.to_string().contains("KZ-STORE-READONLY"));
    mount(&["-o", "remount,rw"], mount_point.path());
    assert_eq!(open(mount_point.path()).load().unwrap().stories.len(), 1);
}
