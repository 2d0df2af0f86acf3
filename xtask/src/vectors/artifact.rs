//! What belongs to an image, spelt by hand: `spec/manifest.md`, MAN-11 to MAN-14.

use super::example::NO_REFERRERS;
use super::oracle;

const SBOM: &str = "application/spdx+json";

/// A file that is attached to an image.
#[derive(Clone)]
pub(super) struct Attached {
    pub(super) media: &'static str,
    pub(super) name: String,
    pub(super) content: String,
    /// Keys and values, in the order of the keys.
    pub(super) annotations: &'static [(&'static str, &'static str)],
}

/// The SBOM of the example.
pub(super) fn sbom() -> Attached {
    Attached {
        media: SBOM,
        name: "tool.spdx.json".to_owned(),
        content: "{\"spdxVersion\":\"SPDX-2.3\"}\n".to_owned(),
        annotations: &[],
    }
}

/// What another tool signed, with what it wants to be found by.
pub(super) fn bundle() -> Attached {
    Attached {
        media: "application/vnd.dev.sigstore.bundle.v0.3+json",
        name: "tool.sigstore.json".to_owned(),
        content: "{}".to_owned(),
        annotations: &[
            ("dev.sigstore.bundle.content", "dsse-envelope"),
            (
                "dev.sigstore.bundle.predicateType",
                "https://sigstore.dev/cosign/sign/v1",
            ),
        ],
    }
}

/// The file of a statement and its signatures.
pub(super) fn signatures(name_and_tag: &str, arch: &str, file: String) -> Attached {
    Attached {
        media: "application/vnd.sreg.statement.v1",
        name: format!("{name_and_tag}.{arch}.statement"),
        content: file,
        annotations: &[],
    }
}

impl Attached {
    pub(super) fn digest(&self) -> String {
        oracle::digest(&self.content)
    }

    /// As a manifest and a list have them, with a comma behind.
    fn annotations(&self) -> String {
        let pairs = self.annotations.iter();
        let members: Vec<String> = pairs
            .map(|(key, value)| format!(r#""{key}":"{value}""#))
            .collect();
        match members[..] {
            [] => String::new(),
            _ => format!(r#""annotations":{{{}}},"#, members.join(",")),
        }
    }

    /// Its element in a statement.
    pub(super) fn element(&self) -> String {
        let Self { media, name, .. } = self;
        let pairs = self.annotations.iter();
        let strings: Vec<String> = pairs
            .map(|(key, value)| format!(r#""{key}={value}""#))
            .collect();
        let annotations = match strings[..] {
            [] => String::new(),
            _ => format!(r#""annotations":[{}],"#, strings.join(",")),
        };
        format!(
            r#"{{{annotations}"digest":"{}","media":"{media}","name":"{name}","size":{}}}"#,
            self.digest(),
            self.content.len()
        )
    }

    /// Its manifest, which refers to that of the image.
    pub(super) fn manifest(&self, subject: &str) -> String {
        let Self { media, name, .. } = self;
        let annotations = self.annotations();
        [
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
            &format!(r#""artifactType":"{media}","#),
            r#""config":{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"#,
            r#""digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","#,
            r#""data":"e30="},"#,
            &format!(r#""layers":[{{"mediaType":"{media}","size":{},"#, self.content.len()),
            &format!(r#""digest":"{}","#, self.digest()),
            &format!(r#""annotations":{{"org.opencontainers.image.title":"{name}"}}}}],"#),
            &annotations,
            r#""subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
            &format!(r#""size":{},"digest":"{}"}}}}"#, subject.len(), oracle::digest(subject)),
        ]
        .concat()
    }

    /// How a list names it.
    fn listed(&self, subject: &str) -> String {
        let manifest = self.manifest(subject);
        let annotations = self.annotations();
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":{},"digest":"{}",{annotations}"artifactType":"{}"}}"#,
            manifest.len(),
            oracle::digest(&manifest),
            self.media
        )
    }
}

/// The files, by path, of what refers to a manifest in the repository `folded`: artifacts' manifests, and the
/// lists. A list of nothing is there, too.
pub(super) fn referrers(
    folded: &str,
    subject: &str,
    attached: &[Attached],
) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for one in attached {
        let manifest = one.manifest(subject);
        let digest = oracle::digest(&manifest);
        files.push((format!("v2/{folded}/manifests/{digest}"), manifest));
        let place = format!("v2/{folded}/referrers/{digest}");
        files.push((place, NO_REFERRERS.to_owned()));
    }
    let listed: Vec<String> = attached.iter().map(|one| one.listed(subject)).collect();
    let list = NO_REFERRERS.replace("[]", &format!("[{}]", listed.join(",")));
    let digest = oracle::digest(subject);
    if !attached.is_empty() {
        let tag = digest.replace(':', "-");
        files.push((format!("v2/{folded}/manifests/{tag}"), list.clone()));
    }
    files.push((format!("v2/{folded}/referrers/{digest}"), list));
    files
}
