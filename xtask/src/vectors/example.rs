//! One small registry, spelt by hand, that the documents' vectors and the pages share: the
//! image `lab/tool:1.0`, of 1,048,577 bytes, in a registry without keys.

use super::oracle;

pub(super) const SIZE: u64 = 1_048_577;
pub(super) const ISSUED: u64 = 1_790_000_000;
pub(super) const SIF: &str = "application/vnd.sylabs.sif.layer.v1.sif";
pub(super) const SQUASHFS: &str = "application/vnd.singularity.image.squashfs";

pub(super) fn image_digest() -> String {
    oracle::digest(oracle::pattern(SIZE))
}

pub(super) fn sidecar() -> Vec<u8> {
    oracle::chain(&oracle::pattern(SIZE)).concat()
}

pub(super) fn chain_digest() -> String {
    oracle::digest(sidecar())
}

/// A manifest by its template: layer type, size, digest and title are all that varies.
pub(super) fn manifest_of(layer: &str, size: u64, digest: &str, title: &str) -> String {
    [
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
        r#""config":{"mediaType":"application/vnd.sylabs.sif.config.v1+json","size":2,"#,
        r#""digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","#,
        r#""data":"e30="},"#,
        &format!(r#""layers":[{{"mediaType":"{layer}","size":{size},"digest":"{digest}","#),
        &format!(r#""annotations":{{"org.opencontainers.image.title":"{title}"}}}}]}}"#),
    ]
    .concat()
}

/// The list of what is attached, where nothing is.
pub(super) const NO_REFERRERS: &str =
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

/// What library clients are told of an image.
pub(super) fn library_image(content: &[u8], size: u64, arch: &str) -> String {
    let hash = format!("sha256.{}", oracle::hex(content));
    format!(
        "{{\"data\":{{\"id\":\"{hash}\",\"hash\":\"{hash}\",\"size\":{size},\"uploaded\":true,\"arch\":\"{arch}\"}}}}\n"
    )
}

/// What clients of Singularity Hub are told of an image.
pub(super) fn shub(url: &str, repository: &str, tag: &str, content: &[u8]) -> String {
    let hex = oracle::hex(content);
    format!(
        "{{\"image\":\"{url}\",\"name\":\"{repository}\",\"tag\":\"{tag}\",\"version\":\"{hex}\",\"commit\":\"{hex}\"}}\n"
    )
}

pub(super) fn manifest() -> String {
    manifest_of(SIF, SIZE, &image_digest(), "tool_1.0.sif")
}

/// The fields of a statement, in order; an absent one is left out.
#[derive(Clone)]
pub(super) struct Statement(pub(super) Vec<(&'static str, String)>);

impl Statement {
    /// The statement that publishes the example.
    pub(super) fn present() -> Self {
        Self(vec![
            ("arch", quote("amd64")),
            ("chain", quote(&chain_digest())),
            ("digest", quote(&image_digest())),
            ("epoch", "0".to_owned()),
            ("issued", ISSUED.to_string()),
            ("manifest", quote(&oracle::digest(manifest()))),
            ("media", quote(SIF)),
            ("name", quote("lab/tool")),
            ("seq", "1".to_owned()),
            ("size", SIZE.to_string()),
            ("state", quote("present")),
            ("tag", quote("1.0")),
            ("type", quote("sreg-statement-v1")),
        ])
    }

    /// The one after it, which takes the tag away.
    pub(super) fn removed() -> Self {
        let previous = oracle::digest(Self::present().line());
        Self::present()
            .without("chain")
            .without("digest")
            .without("manifest")
            .without("media")
            .without("size")
            .with("previous", &quote(&previous))
            .with("reason", &quote("gone from the source"))
            .with("seq", "2")
            .with("state", &quote("removed"))
            .with("issued", &(ISSUED + 60).to_string())
    }

    /// The same with a field set; `value` is JSON.
    pub(super) fn with(mut self, key: &'static str, value: &str) -> Self {
        self.0.retain(|(name, _)| *name != key);
        self.0.push((key, value.to_owned()));
        self.0.sort();
        self
    }

    pub(super) fn without(mut self, key: &str) -> Self {
        self.0.retain(|(name, _)| *name != key);
        self
    }

    /// The line with its LF.
    pub(super) fn line(&self) -> String {
        let fields: Vec<String> = self
            .0
            .iter()
            .map(|(key, value)| format!("\"{key}\":{value}"))
            .collect();
        format!("{{{}}}\n", fields.join(","))
    }
}

pub(super) fn quote(text: &str) -> String {
    format!("\"{text}\"")
}

/// A line of a map of tags.
pub(super) fn tag_line(
    key: &str,
    arch: &str,
    image: Option<(&str, u64)>,
    id: &str,
) -> oracle::Line {
    let text = match image {
        Some((digest, size)) => format!(
            r#"{{"arch":"{arch}","digest":"{digest}","key":"{key}","size":{size},"statement":"{id}"}}"#
        ),
        None => format!(r#"{{"arch":"{arch}","key":"{key}","statement":"{id}"}}"#),
    };
    oracle::Line {
        key: key.to_owned(),
        arch: arch.to_owned(),
        text,
    }
}

/// A line of the map of namespaces.
pub(super) fn namespace_line(namespace: &str, root: &str, tags: u64) -> oracle::Line {
    oracle::Line {
        key: namespace.to_owned(),
        arch: String::new(),
        text: format!(r#"{{"digest":"sha256:{root}","key":"{namespace}","tags":{tags}}}"#),
    }
}
