//! The exact bytes of the views.

use sreg_model::attachment::Attachment;

use sreg_model::media_type::{OCI_INDEX, OCI_MANIFEST};
use sreg_model::settings::Settings;
use sreg_model::statement::{Claim, Image, Statement, Subject};
use sreg_model::{Arch, Digest, Document, Host, ImageFormat, Repository, Tag};
use sreg_views::{
    Content, View, registry_views, repository_places, repository_views, tag_places, tag_views,
};

fn statement(arch: Arch, present: bool) -> Document<Statement> {
    let image = Image {
        digest: Digest::of(arch.as_str().as_bytes()),
        size: 1000,
        chain: Digest::of(b"chain"),
        format: ImageFormat::Sif,
        frozen: false,
        urls: vec![],
        attached: vec![],
    };
    let statement = Statement {
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
    };
    Document::new(statement).unwrap()
}

/// Settings for a host.
fn on(host: Host) -> Settings {
    let mut settings = Settings::default();
    settings.host = Some(host);
    settings
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
    std::str::from_utf8(view.bytes().unwrap()).unwrap()
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
    let shown = |statements: &[Document<Statement>]| {
        let views = tag_views(&Settings::default(), statements);
        let of = |path: &str| {
            let text = at(&views, path);
            let is_of = |arch: &Arch| text.contains(&Digest::of(arch.as_str().as_bytes()).hex());
            Arch::ALL.iter().copied().find(is_of).unwrap()
        };
        let shown = of("Lab/Tool/manifests/1.0/index.html");
        assert_eq!(of("library/v1/images/lab/tool:1.0"), shown);
        assert_eq!(of("api/container/Lab/Tool:1.0"), shown);
        shown
    };
    let (arm, s390x, amd) = (
        statement(Arch::Arm64, true),
        statement(Arch::S390x, true),
        statement(Arch::Amd64, true),
    );
    assert_eq!(shown(&[arm.clone(), amd.clone()]), Arch::Amd64);
    assert_eq!(shown(&[s390x.clone(), arm.clone()]), Arch::Arm64);
    assert_eq!(shown(&[statement(Arch::Amd64, false), s390x]), Arch::S390x);
    assert!(tag_views(&Settings::default(), &[statement(Arch::Amd64, false)]).is_empty());
}

#[test]
fn a_tag_is_one_manifest_or_an_image_index() {
    let views = |statements: &[Document<Statement>]| tag_views(&Settings::default(), statements);
    let of_tag = |views: &[View]| {
        let is_tag = |view: &&View| view.place.to_string() == "v2/lab/tool/manifests/1.0";
        views.iter().find(is_tag).unwrap().clone()
    };
    let (arm, amd) = (statement(Arch::Arm64, true), statement(Arch::Amd64, true));
    let one = of_tag(&views(std::slice::from_ref(&arm)));
    assert_eq!(one.content_type, OCI_MANIFEST);
    assert_eq!(one.bytes(), Some(arm.body().manifest().unwrap().bytes()));

    let several = views(&[arm.clone(), amd.clone()]);
    let index = of_tag(&several);
    assert_eq!(index.content_type, OCI_INDEX);
    let text = std::str::from_utf8(index.bytes().unwrap()).unwrap();
    let of = |statement: &Document<Statement>| {
        text.find(&statement.body().manifest().unwrap().digest().to_string())
    };
    assert!(of(&amd).unwrap() < of(&arm).unwrap(), "{text}");
    // Each document is there by its digest, and so is the list of what is attached to it.
    let digests = [&amd, &arm].map(|statement| statement.body().manifest().unwrap().digest());
    for digest in digests.into_iter().chain([Digest::of(text.as_bytes())]) {
        for kind in ["manifests", "referrers"] {
            let path = format!("v2/lab/tool/{kind}/{digest}");
            let found = several.iter().find(|view| view.place.to_string() == path);
            let content_type = match (kind, digest == Digest::of(text.as_bytes())) {
                ("manifests", false) => OCI_MANIFEST,
                _ => OCI_INDEX,
            };
            assert_eq!(found.unwrap().content_type, content_type, "{path}");
        }
    }
}

#[test]
fn a_link_leads_from_the_library_to_the_image() {
    let views = tag_views(&Settings::default(), &[statement(Arch::Amd64, true)]);
    let links: Vec<(String, String)> = views
        .iter()
        .filter_map(|view| match &view.content {
            Content::Link { to, .. } => Some((view.place.to_string(), view.place.link_to(to))),
            Content::Bytes(_) => None,
        })
        .collect();
    let digest = Digest::of(b"amd64");
    assert_eq!(
        links,
        [(
            "library/v1/imagefile/lab/tool:1.0".to_owned(),
            format!("../../../../v2/lab/tool/blobs/{digest}")
        )]
    );
}

#[test]
fn every_view_of_a_tag_that_changes_is_at_one_of_its_places() {
    let statements = [statement(Arch::Arm64, true), statement(Arch::Amd64, true)];
    let views = tag_views(&on(Host::Nginx), &statements);
    let places = tag_places(
        &repository(),
        &tag("1.0"),
        &[Arch::Amd64, Arch::Arm64].into(),
    );
    let by_name: Vec<_> = views
        .iter()
        .map(|view| view.place.clone())
        .filter(|place| !place.kind().is_by_digest() && !place.is_referrers())
        .collect();
    assert_eq!(by_name, places);
    let lists: Vec<_> = repository_views(&repository(), &[tag("1.0")])
        .into_iter()
        .map(|view| view.place)
        .filter(|place| place.kind().is_view())
        .collect();
    assert_eq!(lists, repository_places(&repository()));
}

// spec: MAN-14
#[test]
fn what_is_attached_for_two_architectures_of_one_file_is_listed_once() {
    let attached = |arch: Arch, media: &str| {
        let mut body = statement(arch, true).body().clone();
        let Claim::Present(image) = &mut body.claim else {
            unreachable!("it is present")
        };
        image.digest = Digest::of(b"one file");
        image.attached = ["application/spdx+json", media]
            .map(|media| Attachment {
                annotations: None,
                digest: Digest::of(b"sbom"),
                media: media.to_owned(),
                name: "sbom".to_owned(),
                size: 4,
            })
            .to_vec();
        Document::new(body).unwrap()
    };
    let statements = [
        attached(Arch::Arm64, "text/plain"),
        attached(Arch::Amd64, "text/html"),
    ];
    let views = tag_views(&Settings::default(), &statements);
    let manifest = statements[0].body().manifest().unwrap().digest();
    let list = at(&views, &format!("v2/lab/tool/referrers/{manifest}"));
    let places: Vec<usize> = ["spdx+json", "text/html", "text/plain"]
        .iter()
        .map(|media| {
            let found: Vec<usize> = list.match_indices(media).map(|(at, _)| at).collect();
            assert_eq!(found.len(), 1, "{media}: {list}");
            found[0]
        })
        .collect();
    assert!(places.is_sorted(), "{list}");
    let tag = format!("v2/lab/tool/manifests/sha256-{}", manifest.hex());
    assert_eq!(at(&views, &tag), list);
}

#[test]
fn for_nginx_an_image_index_stands_a_second_time_by_tag_and_by_digest() {
    let (arm, amd) = (statement(Arch::Arm64, true), statement(Arch::Amd64, true));
    let copies = |host, statements: &[Document<Statement>]| {
        let views = tag_views(&on(host), statements);
        let copies = views.into_iter().filter(|view| {
            let path = view.place.to_string();
            path.contains("/indexes/")
        });
        copies.collect::<Vec<_>>()
    };
    let several = [arm.clone(), amd];
    let views = tag_views(&on(Host::Nginx), &several);
    let index = at(&views, "v2/lab/tool/manifests/1.0");
    let digest = Digest::of(index.as_bytes());
    let found = copies(Host::Nginx, &several);
    assert_eq!(found.len(), 2);
    for what in ["1.0".to_owned(), digest.to_string()] {
        assert_eq!(at(&found, &format!("v2/lab/tool/indexes/{what}")), index);
    }
    assert!(found.iter().all(|view| view.content_type == OCI_INDEX));
    assert_eq!(copies(Host::Nginx, &[arm]), []);
    assert_eq!(copies(Host::Pages, &several), []);
}

#[test]
fn a_host_that_is_told_how_to_serve_a_tree_has_a_file_for_it() {
    let files = |host: Option<Host>| {
        let mut settings = Settings::default();
        settings.host = host;
        let views = registry_views(&settings);
        let paths = views.iter().map(|view| view.place.to_string());
        paths.collect::<Vec<_>>()
    };
    let plain = ["v2/index.html", ".nojekyll"];
    assert_eq!(files(None), plain);
    for host in Host::ALL {
        let file = match host {
            Host::Nginx => vec!["nginx.conf"],
            Host::Netlify | Host::Cloudflare => vec!["_headers"],
            Host::S3 | Host::Gcs | Host::Pages => vec![],
        };
        assert_eq!(files(Some(host)), [&plain[..], &file].concat(), "{host}");
    }
}
