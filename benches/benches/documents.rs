//! Documents and maps: parsing, building, changing, proving.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sreg_index::map::{Changes, MapRoot, MemoryNodes, look_up, update};
use sreg_index::proof::Proof;
use sreg_model::node::{MapName, Node, Position, TagEntry};
use sreg_model::sif::SifImage;
use sreg_model::{Arch, canonical};

const TAGS: u64 = 100_000;

fn changes(from: u64, to: u64) -> Changes<TagEntry> {
    (from..to)
        .map(|number| {
            let entry = sreg_benches::entry(number);
            (entry.key.as_str().to_owned(), vec![entry])
        })
        .collect()
}

fn map(criterion: &mut Criterion) {
    let name = MapName::Tags("lab".parse().expect("a well formed name"));
    let nodes = MemoryNodes::default();
    let build = || -> MapRoot {
        update(&nodes, &nodes, &name, None, changes(0, TAGS)).expect("a sound map")
    };
    let root = build();
    let mut group = criterion.benchmark_group("map of 100,000 tags");
    group.sample_size(10);
    group.bench_function("build", |bencher| bencher.iter(build));
    group.bench_function("add one tag", |bencher| {
        bencher.iter(|| update(&nodes, &nodes, &name, Some(root), changes(TAGS, TAGS + 1)));
    });
    group.bench_function("look up", |bencher| {
        bencher.iter(|| look_up::<TagEntry>(&nodes, &name, root, black_box("tool77:1.3")))
    });
    let proof = Proof::of::<TagEntry>(&nodes, &name, root, "tool77:1.3").expect("a sound map");
    group.bench_function("verify a proof", |bencher| {
        bencher.iter(|| proof.verify::<TagEntry>(&name, root, "tool77:1.3"))
    });
    group.finish();
}

fn parsing(criterion: &mut Criterion) {
    let entry = canonical::to_vec(&sreg_benches::entry(1));
    let position = Position::root(MapName::Tags("lab".parse().expect("a well formed name")));
    let mut entries: Vec<TagEntry> = (0..32).map(sreg_benches::entry).collect();
    entries.sort_by(|left, right| left.key.cmp(&right.key));
    let leaf = Node::Leaf(entries).encode(&position);
    let sif = sreg_tests::images::sif("parsing", Arch::Amd64, 100);
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Bytes(entry.len() as u64));
    group.bench_function("canonical JSON", |bencher| {
        bencher.iter(|| canonical::check(black_box(&entry)))
    });
    group.throughput(Throughput::Bytes(leaf.len() as u64));
    group.bench_function("a full leaf", |bencher| {
        bencher.iter(|| Node::<TagEntry>::parse(black_box(&leaf), &position))
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("a SIF's headers", |bencher| {
        bencher.iter(|| SifImage::from_bytes(black_box(&sif)))
    });
    group.finish();
}

criterion_group!(benches, map, parsing);
criterion_main!(benches);
