//! A SIF is refused, or whatever the parser says of it lies inside the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sreg_model::SifImage;
use sreg_model::image::sniff;

fuzz_target!(|file: &[u8]| {
    let size = file.len() as u64;
    let _ = sniff(file, size);
    let Ok(image) = SifImage::from_bytes(file) else {
        return;
    };
    let data = image.header().data();
    assert!(data.end <= size && image.header().table().end <= size);
    let mut ends: Vec<_> = image
        .objects()
        .iter()
        .filter(|object| object.size() > 0)
        .collect();
    ends.sort_by_key(|object| object.offset());
    for object in image.objects() {
        assert!(data.start <= object.offset() && object.range().end <= data.end);
        assert_eq!(image.object(object.id()), Some(object));
    }
    for pair in ends.windows(2) {
        assert!(pair[0].range().end <= pair[1].offset());
    }
    if let Some(primary) = image.primary_partition() {
        assert!(primary.size() > 0);
    }
});
