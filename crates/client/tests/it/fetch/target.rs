//! What stands where the image is to go.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use sreg_client::fetch::{FetchError, Fetched, Options, fetch};

use super::stores::*;

fn get(bytes: &[u8], target: &Path) -> Result<Fetched, FetchError> {
    let source = Faulty::good(bytes).source();
    fetch(
        &wanted(bytes),
        &[source],
        target,
        &options(),
        &Until::the_end(),
    )
}

#[test]
fn a_link_is_replaced_and_never_followed() {
    let bytes = image(MIB + 1);
    let folder = tempfile::tempdir().unwrap();
    let (target, other) = (folder.path().join("a.sif"), folder.path().join("other"));
    fs::write(&other, "mine").unwrap();
    symlink(&other, &target).unwrap();
    get(&bytes, &target).unwrap();
    assert!(fs::symlink_metadata(&target).unwrap().is_file());
    assert_eq!(fs::read(&other).unwrap(), b"mine");
    assert_eq!(fs::read(&target).unwrap(), bytes);
    // A file is replaced too.
    fs::write(&target, "old").unwrap();
    get(&bytes, &target).unwrap();
    assert_eq!(fs::read(&target).unwrap(), bytes);
}

#[test]
fn a_partial_file_that_is_none_is_refused() {
    let bytes = image(MIB + 1);
    let folder = tempfile::tempdir().unwrap();
    let (target, other) = (folder.path().join("a.sif"), folder.path().join("other"));
    let part = folder.path().join("a.sif.part");
    fs::write(&other, "mine").unwrap();
    let refused = |what: &str| {
        let error = get(&bytes, &target).unwrap_err();
        assert_eq!(error.code(), "unwritable", "{what}");
        assert!(error.to_string().contains("a.sif.part"), "{error}");
        assert_eq!(fs::read(&other).unwrap(), b"mine");
        assert!(!target.exists());
    };
    symlink(&other, &part).unwrap();
    refused("a link");
    fs::remove_file(&part).unwrap();
    fs::hard_link(&other, &part).unwrap();
    refused("another name of a file");
    fs::remove_file(&part).unwrap();
    fs::create_dir(&part).unwrap();
    refused("a folder");
    fs::remove_dir(&part).unwrap();
    let node = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &part, node, 0o600.into(), 0).unwrap();
    refused("a pipe");
}

#[test]
fn a_journal_that_is_a_link_is_not_followed() {
    let bytes = image(MIB + 1);
    let folder = tempfile::tempdir().unwrap();
    let (target, other) = (folder.path().join("a.sif"), folder.path().join("other"));
    fs::write(&other, "mine").unwrap();
    symlink(&other, folder.path().join("a.sif.part.journal")).unwrap();
    symlink(&other, folder.path().join("a.sif.part.journal.new")).unwrap();
    get(&bytes, &target).unwrap();
    assert_eq!(fs::read(&other).unwrap(), b"mine");
}

#[test]
fn a_folder_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.sif");
    fs::create_dir(&target).unwrap();
    let error = get(&image(9), &target).unwrap_err();
    assert_eq!(error.code(), "unwritable");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    // So is a folder that is not there, and one that takes no files.
    let error = get(&image(9), &folder.path().join("none/a.sif")).unwrap_err();
    assert_eq!(error.code(), "unwritable");
}

#[test]
fn a_name_without_a_folder_is_one_in_this_folder() {
    // The package's own folder takes no files in tests: the empty name is none anywhere.
    let error = get(&image(9), &PathBuf::new()).unwrap_err();
    assert_eq!(error.code(), "unwritable");
}

#[test]
fn modes() {
    let bytes = image(100);
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    // What the umask of this process lets through.
    let plain = folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    let masked = mode(&plain) & 0o644;
    let target = folder.path().join("a.sif");
    get(&bytes, &target).unwrap();
    assert_eq!(mode(&target), masked);
    fs::set_permissions(&target, Permissions::from_mode(0o600)).unwrap();
    let options = Options {
        executable: true,
        ..options()
    };
    let source = Faulty::good(&bytes).source();
    fetch(
        &wanted(&bytes),
        &[source],
        &target,
        &options,
        &Until::the_end(),
    )
    .unwrap();
    assert_eq!(mode(&target), masked | (masked & 0o444) >> 2);
}
