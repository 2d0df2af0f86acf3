//! The digest chain in memory: making one, and verifying it on one core and on all.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sreg_index::chain::ChainBuilder;
use sreg_index::hasher::{IoMode, Unobserved, hash, verify};

const SIZE: usize = 64 << 20;

fn hashing(criterion: &mut Criterion) {
    let folder = std::env::temp_dir().join(format!("sreg-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let path = folder.join("image.sif");
    sreg_benches::write_image(&path, "hashing", SIZE).expect("a temporary file");
    let bytes = std::fs::read(&path).expect("a temporary file");

    let mut group = criterion.benchmark_group("hashing");
    group
        .throughput(Throughput::Bytes(SIZE as u64))
        .sample_size(10);
    group.bench_function("chain, in memory", |bencher| {
        bencher.iter(|| {
            let mut builder = ChainBuilder::default();
            builder.update(black_box(&bytes));
            builder.finish()
        });
    });
    let chain = hash(&path, IoMode::Auto, &Unobserved)
        .expect("a readable file")
        .chain;
    group.bench_function("links, in memory, one core", |bencher| {
        bencher.iter(|| {
            (0..chain.len()).all(|link| {
                let (offset, length) = chain.range(link);
                let start = usize::try_from(offset).expect("a small file");
                chain.holds(link, &bytes[start..start + length])
            })
        });
    });
    for (name, mode) in [("mmap", IoMode::Mmap), ("read", IoMode::Read)] {
        group.bench_function(format!("hash a file, {name}"), |bencher| {
            bencher.iter(|| hash(&path, mode, &Unobserved))
        });
        group.bench_function(format!("verify a file, {name}, all cores"), |bencher| {
            bencher.iter(|| verify(&path, &chain, mode, &Unobserved))
        });
    }
    group.finish();
    std::fs::remove_dir_all(&folder).expect("a temporary folder");
}

criterion_group!(benches, hashing);
criterion_main!(benches);
