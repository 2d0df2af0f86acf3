//! What `sreg inspect` shows, and images that tools have written in odd ways.

use sreg_model::Arch;
use sreg_tests::sif::{SifBuilder, descriptor_at, patch};
use sreg_tests::squashfs::Registry;

use crate::support::Bench;

fn partition() -> Vec<u8> {
    Registry::new(1)
        .container("{\"a\":\"b\"}", "recipe", "run", "own")
        .file(".singularity.d/runscript.help", 0o644, "how to use it")
        .file(".singularity.d/env/99-base.sh", 0o755, "of every image")
        .file("scif/apps/one/scif/runscript", 0o755, "run one")
        .build(backhand::compression::Compressor::Gzip)
}

// spec: CLI-56
#[test]
fn scripts_apps_and_links_are_shown_as_apptainer_shows_them() {
    let bench = Bench::new();
    let image = SifBuilder::new("x").partition(1, 2, Arch::Amd64, &partition());
    let mut image = image.build();
    patch(
        &mut image,
        descriptor_at(0) + sreg_tests::sif::descriptor::LINK,
        &1u32.to_le_bytes(),
    );
    bench.write("object.sif", &image);
    patch(
        &mut image,
        descriptor_at(0) + 13,
        &0xf000_0001u32.to_le_bytes(),
    );
    bench.write("group.sif", &image);
    for (name, is_group, text) in [
        ("object", false, ", linked to object 1\n"),
        ("group", true, ", linked to group 1\n"),
    ] {
        let path = format!("images/{name}.sif");
        let report = bench.ok(&["inspect", &path, "--format", "json"]).json();
        let object = &report["sif"]["objects"][0];
        assert_eq!(
            (&object["link"], &object["link_to_group"]),
            (&1.into(), &is_group.into())
        );
        assert_eq!(report["help"], "how to use it");
        assert_eq!(report["apps"]["one"]["runscript"], "run one");
        let environment = report["environment"].as_object().unwrap();
        let scripts: Vec<&String> = environment.keys().collect();
        assert_eq!(scripts, ["/.singularity.d/env/90-environment.sh"]);
        let shown = bench.ok(&["inspect", &path]).stdout;
        for says in [
            text,
            "\n--- help\nhow to use it\n",
            "\n--- runscript of the app one\nrun one\n",
            "app        one\n",
        ] {
            assert!(shown.contains(says), "{says}: {shown}");
        }
    }
}

#[test]
fn an_image_of_an_old_setprim_is_published_with_a_note() {
    let bench = Bench::new();
    let image = SifBuilder::new("x").partition(1, 2, Arch::Amd64, &partition());
    let mut image = image.build();
    let arch = descriptor_at(0) + sreg_tests::sif::descriptor::EXTRA + 8;
    assert_eq!(&image[arch..arch + 3], b"02\0");
    patch(&mut image, arch, b"amd");
    bench.write("tool_1.sif", &image);
    let says = "the primary partition does not state its architecture as a code";
    let ran = bench.ok(&["index", "images", "--out", "public"]);
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
    assert_eq!(bench.ls(), ["library/tool:1 amd64"]);
    let report = bench
        .ok(&["inspect", "images/tool_1.sif", "--format", "json"])
        .json();
    assert_eq!(report["arch"], "amd64");
    assert!(report["notes"][0].as_str().unwrap().contains(says));
    bench.is_whole();
    // Of another architecture than the header's it is refused, as before.
    patch(&mut image, arch, b"s39");
    bench.write("tool_1.sif", &image);
    bench.index_fails(6, "sif-arch", &[]);
}
