//! Bodies that do not end, are not as long as is said, or grow when they are unpacked.

use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use sreg_tests::proxy::{Fault, Length};

use super::odd::Odd;
use super::scene::{Part, Scene, put};

#[test]
fn endless_data_an_endless_document_is_refused() {
    let scene = Scene::signed();
    let id = scene.id();
    for part in [Part::Head, Part::Trust, Part::Node, Part::Statement] {
        scene.at(part, Fault::Endless);
        let word = match part {
            Part::Node => "node-mismatch",
            _ => "document-too-large",
        };
        scene.refuses(6, word, &["--trust", &id]);
        // So much was read, and not much more: what lies in buffers on the way.
        let (_, down) = scene.proxy.bytes();
        assert!(down < 64 << 20, "{part:?}: {down} bytes");
        scene.proxy.reset_counters();
    }
}

#[test]
fn endless_data_an_endless_sidecar_or_image_ends_where_it_should() {
    let scene = Scene::unsigned();
    for part in [Part::Sidecar, Part::Image] {
        scene.at(part, Fault::Endless);
        let ran = scene.succeeds(&scene.proxy.url(), &[]);
        assert_eq!(ran.stderr.contains("chain"), part == Part::Sidecar);
    }
}

#[test]
fn endless_data_an_overlong_image_is_not_taken_at_its_word() {
    let scene = Scene::unsigned();
    for length in [Length::Unchanged, Length::Absent, Length::Matching] {
        let bytes = 10 << 20;
        scene.at(Part::Image, Fault::Extend { bytes, length });
        scene.succeeds(&scene.proxy.url(), &[]);
    }
    // Where its digest alone is known, all that comes is what it is.
    let mut longer = scene.image.clone();
    longer.push(0);
    put(&scene.bench.public(), "longer.sif", &longer);
    let url = format!("{}/longer.sif@{}", scene.nginx.url(), scene.digest());
    scene.refuses_reference(&url, 6, "blob-mismatch", &[]);
}

#[test]
fn endless_data_a_false_length_is_no_length() {
    let scene = Scene::unsigned();
    for part in [
        Part::Head,
        Part::Node,
        Part::Statement,
        Part::Sidecar,
        Part::Image,
    ] {
        // Too long: the rest never comes. Too short: the rest is not read.
        for length in [1 << 40, 100] {
            scene.at(part, Fault::ContentLength(length));
            match (part, length) {
                (Part::Sidecar, _) => {
                    let ran = scene.succeeds(&scene.proxy.url(), &[]);
                    assert!(ran.stderr.contains("chain"), "{}", ran.stderr);
                }
                // All that is asked for has come.
                (Part::Image, 0x100_0000_0000) => {
                    scene.succeeds(&scene.proxy.url(), &[]);
                }
                // Its Content-Range names more: that is the network, and no other image.
                (Part::Image, _) => {
                    scene.refuses(5, "unreachable", &[]);
                }
                (_, 100) => {
                    let word = match part {
                        Part::Node => "node-mismatch",
                        _ => "document-no-line",
                    };
                    scene.refuses(6, word, &[]);
                }
                _ => {
                    scene.refuses(5, "unreachable", &[]);
                }
            }
        }
    }
}

#[test]
fn endless_data_a_gzip_bomb_is_never_inflated() {
    let scene = Scene::unsigned();
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![b' '; 64 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    let sidecar = scene.sidecar();
    for path in ["head".to_owned(), sidecar, scene.blob()] {
        let (root, nginx) = scene.mirror("bomb");
        drop(nginx);
        put(&root, &path, &bomb);
        let compressed = format!("/{path}");
        let odd = Odd::folder(root, move |asked| match asked == compressed {
            true => vec!["Content-Encoding: gzip".to_owned()],
            false => Vec::new(),
        });
        match path.as_str() {
            "head" => {
                scene.refuses_from(&odd.url, 6, "document-too-large", &[]);
            }
            path if path == scene.blob() => {
                scene.refuses_from(&odd.url, 6, "blob-size", &[]);
            }
            // Its own bytes are other than those of the sidecar.
            _ => {
                scene.succeeds(&odd.url, &[]);
            }
        }
    }
    // What would be right if it were inflated.
    let (root, nginx) = scene.mirror("packed");
    drop(nginx);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed
        .write_all(&fs::read(root.join("head")).unwrap())
        .unwrap();
    let packed = packed.finish().unwrap();
    put(&root, "head", &packed);
    // A compressed byte may be an LF.
    let word = match packed.contains(&b'\n') {
        true => "json-string",
        false => "document-no-line",
    };
    let odd = Odd::folder(root, |asked| match asked {
        "/head" => vec!["Content-Encoding: gzip".to_owned()],
        _ => Vec::new(),
    });
    scene.refuses_from(&odd.url, 6, word, &[]);
}
