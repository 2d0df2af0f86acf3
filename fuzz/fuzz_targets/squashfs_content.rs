//! Looking into an image ends soon, with a result, whatever the image holds.
#![no_main]

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use rustix::fs::{MemfdFlags, memfd_create};
use sreg_image::{Image, Limits, Report};

fuzz_target!(|bytes: &[u8]| {
    let mut file = File::from(memfd_create("fuzz", MemfdFlags::CLOEXEC).expect("a file in memory"));
    file.write_all(bytes).expect("memory");
    let Ok(image) = Image::from_file(file) else {
        return;
    };
    let limits = Limits {
        read: 8 << 20,
        inflated: 1 << 20,
        time: Duration::from_secs(5),
        ..Limits::default()
    };
    let content = image.content(&limits);
    assert!(content.recipe.iter().all(|text| text.len() <= 3 << 20));
    let report = Report::new(&image, content);
    assert_eq!(report.size, bytes.len() as u64);
});
