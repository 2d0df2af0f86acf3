//! The exact bytes of the views.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use sreg_model::settings::Settings;
use sreg_model::statement::{Claim, Image, Statement, Subject};
use sreg_model::{Arch, Digest, ImageFormat, Repository, Tag};
use sreg_site::{View, repository_views, tag_views};

fn statement(arch: Arch, present: bool) -> Statement {
    let image = Image {
        digest: Digest::of(arch.as_str().as_bytes()),
        size: 1000,
        chain: Digest::of(b"chain"),
        format: ImageFormat::Sif,
        frozen: false,
        urls: vec![],
    };
    Statement {
        subject: Subject {
            repository: repository(),
            tag: tag("1.0"),
            arch,
        },
        registry: None,
        epoch: 0,
        seq: 2,
        previous: Some(Digest::of(b"previous")),
        issued: 0,
        expires: None,
        claim: if present {
            Claim::Present(image)
        } else {
            Claim::Removed {
                reason: "gone".to_owned(),
            }
        },
    }
}

fn repository() -> Repository {
    "Lab/Tool".parse().unwrap()
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

fn at<'a>(views: &'a [View], path: &str) -> &'a str {
    let view = views
        .iter()
        .find(|view| view.place.to_string() == path)
        .unwrap();
    std::str::from_utf8(&view.bytes).unwrap()
}

#[test]
fn the_list_of_tags_is_sorted_json() {
    let views = repository_views(&repository(), &[tag("b"), tag("1.0"), tag("B")]);
    assert_eq!(
        at(&views, "Lab/Tool/tags/index.html"),
        "{\"name\":\"Lab/Tool\",\"tags\":[\"1.0\",\"B\",\"b\"]}\n"
    );
    let config =
        "v2/lab/tool/blobs/sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!(at(&views, config), "{}");
    assert!(repository_views(&repository(), &[]).is_empty());
}

#[test]
fn the_manifest_has_a_true_size_and_a_digest_of_its_own_for_the_config() {
    let views = tag_views(&Settings::default(), &[statement(Arch::Amd64, true)]);
    let digest = Digest::of(b"amd64");
    assert_eq!(
        at(&views, "Lab/Tool/manifests/1.0/index.html"),
        format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.singularity.distribution.manifest.v2+json\",\"config\":{{\"mediaType\":\"application/vnd.singularity.container.image.v1+json\",\"size\":2,\"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"}},\"layers\":[{{\"mediaType\":\"application/vnd.singularity.image.squashfs\",\"size\":1000,\"digest\":\"{digest}\",\"urls\":[\"/v2/lab/tool/blobs/{digest}\"]}}]}}\n"
        )
    );
}

#[test]
fn of_several_architectures_amd64_is_shown_else_the_first() {
    let shown = |statements: &[Statement]| {
        let views = tag_views(&Settings::default(), statements);
        let text = at(&views, "Lab/Tool/manifests/1.0/index.html").to_owned();
        let of = |arch: &Arch| text.contains(&Digest::of(arch.as_str().as_bytes()).hex());
        (views.len(), Arch::ALL.iter().copied().find(of).unwrap())
    };
    let (arm, s390x, amd) = (
        statement(Arch::Arm64, true),
        statement(Arch::S390x, true),
        statement(Arch::Amd64, true),
    );
    assert_eq!(shown(&[arm.clone(), amd.clone()]), (3, Arch::Amd64));
    assert_eq!(shown(&[s390x.clone(), arm.clone()]), (3, Arch::Arm64));
    assert_eq!(
        shown(&[statement(Arch::Amd64, false), s390x]),
        (2, Arch::S390x)
    );
    assert!(tag_views(&Settings::default(), &[statement(Arch::Amd64, false)]).is_empty());
}
