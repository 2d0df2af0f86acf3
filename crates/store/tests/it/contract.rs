//! The contract of stores, on those that need no server.

use sreg_store::{Local, Memory, contract};

#[test]
fn objects_in_memory_keep_the_contract() {
    contract::check(&Memory::default());
}

#[test]
fn files_keep_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract::check(&Local::new(folder.path()));
}
