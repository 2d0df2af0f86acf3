//! The images of the trees, and what is published of each.

use super::Files;
use crate::vectors::example::{self, SIF, Statement, quote, tag_line};
use crate::vectors::oracle::{self, Line};

const CONFIG: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/// An image of the example, a line of text instead of a SIF: verification looks at digests only.
#[derive(Clone, Copy)]
pub(super) struct Image {
    pub(super) repository: &'static str,
    pub(super) tag: &'static str,
    pub(super) content: &'static str,
}

impl Image {
    pub(super) fn digest(&self) -> String {
        oracle::digest(self.content)
    }

    pub(super) fn size(&self) -> u64 {
        self.content.len() as u64
    }

    pub(super) fn sidecar(&self) -> Vec<u8> {
        oracle::chain(self.content.as_bytes()).concat()
    }

    pub(super) fn folded(&self) -> String {
        self.repository.to_lowercase()
    }

    pub(super) fn namespace(&self) -> &str {
        self.repository.split('/').next().unwrap_or_default()
    }

    pub(super) fn key(&self) -> String {
        let name = self.repository.split('/').nth(1).unwrap_or_default();
        format!("{name}:{}", self.tag)
    }

    pub(super) fn manifest(&self) -> String {
        let title = format!("{}.sif", self.key().replace(':', "_"));
        example::manifest_of(SIF, self.size(), &self.digest(), &title)
    }

    pub(super) fn statement(&self) -> Statement {
        Statement::present()
            .with("name", &quote(self.repository))
            .with("tag", &quote(self.tag))
            .with("digest", &quote(&self.digest()))
            .with("size", &self.size().to_string())
            .with("chain", &quote(&oracle::digest(self.sidecar())))
            .with("manifest", &quote(&oracle::digest(self.manifest())))
    }

    pub(super) fn line(&self, statement: &Statement) -> Line {
        self.line_of(&oracle::digest(statement.line()))
    }

    /// The line that names a statement by its id.
    pub(super) fn line_of(&self, id: &str) -> Line {
        tag_line(
            &self.key(),
            "amd64",
            Some((&self.digest(), self.size())),
            id,
        )
    }

    pub(super) fn blob(&self) -> String {
        format!("v2/{}/blobs/{}", self.folded(), self.digest())
    }

    pub(super) fn chain_blob(&self) -> String {
        format!(
            "v2/{}/blobs/{}",
            self.folded(),
            oracle::digest(self.sidecar())
        )
    }

    pub(super) fn seed_manifest(&self) -> String {
        format!("{}/manifests/{}/index.html", self.repository, self.tag)
    }

    /// Image, sidecar, config and views, but the list of tags.
    pub(super) fn publish(&self, files: &mut Files) {
        files.insert(self.blob(), self.content.into());
        files.insert(self.chain_blob(), self.sidecar());
        files.insert(
            format!("v2/{}/blobs/{CONFIG}", self.folded()),
            b"{}".to_vec(),
        );
        let manifest = self.manifest();
        let place = format!(
            "v2/{}/manifests/{}",
            self.folded(),
            oracle::digest(&manifest)
        );
        files.insert(place, manifest.into());
        let seed = [
            r#"{"schemaVersion":2,"mediaType":"application/vnd.singularity.distribution.manifest.v2+json","#,
            r#""config":{"mediaType":"application/vnd.singularity.container.image.v1+json","size":2,"#,
            &format!(
                r#""digest":"{CONFIG}"}},"layers":[{{"mediaType":"{}","#,
                example::SQUASHFS
            ),
            &format!(
                r#""size":{},"digest":"{}","urls":["/{}"]}}]}}"#,
                self.size(),
                self.digest(),
                self.blob()
            ),
            "\n",
        ];
        files.insert(self.seed_manifest(), seed.concat().into());
        put_oci(files, &self.folded(), self.tag, &self.manifest());
        self.publish_told(files);
    }

    /// What other clients are told of the image, and its link.
    fn publish_told(&self, files: &mut Files) {
        let library = example::library_image(self.content.as_bytes(), self.size(), "amd64");
        let folded = format!("{}:{}", self.folded(), self.tag.to_lowercase());
        files.insert(format!("library/v1/images/{folded}"), library.into());
        let target = format!("../../../../{}", self.blob());
        files.insert(format!("library/v1/imagefile/{folded}"), target.into());
        let url = format!("/{}", self.blob());
        let shub = example::shub(&url, self.repository, self.tag, self.content.as_bytes());
        let place = format!("api/container/{}:{}", self.repository, self.tag);
        files.insert(place, shub.into());
    }
}

pub(super) const FIRST: Image = Image {
    repository: "lab/tool",
    tag: "1.0",
    content: "the first image",
};
pub(super) const SECOND: Image = Image {
    repository: "lab/tool",
    tag: "1.0",
    content: "the second image",
};

/// The manifest under its tag, and what is attached to it: nothing.
fn put_oci(files: &mut Files, folded: &str, tag: &str, manifest: &str) {
    files.insert(format!("v2/{folded}/manifests/{tag}"), manifest.into());
    let place = format!("v2/{folded}/referrers/{}", oracle::digest(manifest));
    files.insert(place, example::NO_REFERRERS.into());
}

/// What every registry has: settings, and views.
pub(super) fn put_constants(files: &mut Files) {
    let settings = "{\"format\":1,\"type\":\"sreg-registry\"}\n";
    files.insert("sreg.json".to_owned(), settings.into());
    files.insert(".nojekyll".to_owned(), Vec::new());
    files.insert("v2/index.html".to_owned(), b"{}\n".to_vec());
}

pub(super) fn put_list(files: &mut Files, repository: &str, tags: &str) {
    let text = format!("{{\"name\":\"{repository}\",\"tags\":[{tags}]}}\n");
    files.insert(format!("{repository}/tags/index.html"), text.into());
    let folded = repository.to_lowercase();
    let text = format!("{{\"name\":\"{folded}\",\"tags\":[{tags}]}}\n");
    files.insert(format!("v2/{folded}/tags/list"), text.into());
}
