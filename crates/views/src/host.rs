//! The capabilities and requirements of each kind of host (`spec/layout.md`, `docs/hosts.md`).

use std::fmt;

use sreg_model::Host;
use sreg_model::layout::Place;
use sreg_model::media_type::OCI_INDEX;
use sreg_model::settings::{BaseUrl, Settings};

use crate::{Content, View};

/// Whether a client can pull from a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Whether the client can pull.
    pub pulls: bool,
    /// How, or why not; may be empty.
    pub note: &'static str,
}

const YES: Answer = yes("");

const fn yes(note: &'static str) -> Answer {
    Answer { pulls: true, note }
}

const fn no(note: &'static str) -> Answer {
    Answer { pulls: false, note }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pulls, self.note) {
            (true, "") => f.write_str("yes"),
            (true, note) => write!(f, "yes, {note}"),
            (false, note) => write!(f, "no: {note}"),
        }
    }
}

/// The requirements of a client besides media types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// None: it follows URLs.
    Urls,
    /// It follows URLs, and needs one that fits in a `shub://` name.
    Shub,
    /// The images on the host itself.
    Images,
    /// The images on the host itself, and the registry at the host's root.
    Root,
    /// Room for large files on the host that stores the images.
    Size,
}

/// A kind of client, its requirements, and whether it can pull from the hosts of [`Host::ALL`], in that
/// order.
type Client = (&'static str, Needs, [Answer; 6]);

const CLIENTS: &[Client] = &[
    (
        "`sreg pull`",
        Needs::Urls,
        [YES, yes("also as `s3://`"), YES, YES, YES, YES],
    ),
    (
        "`apptainer pull oras://` (SIF only), `crane`, a tag of one architecture",
        Needs::Root,
        [YES; 6],
    ),
    (
        "`oras`, `skopeo`, `regctl`, a tag of one architecture",
        Needs::Root,
        [YES, YES, TYPES, no("no media types"), YES, YES],
    ),
    (
        "OCI clients, a tag of several architectures",
        Needs::Root,
        [
            YES,
            YES,
            TYPES,
            no("no media types"),
            no("media types go by path"),
            no("media types go by path"),
        ],
    ),
    ("`cosign verify`, an image", Needs::Root, [YES; 6]),
    (
        "`apptainer pull library://` (SIF, bare squashfs)",
        Needs::Images,
        [YES, YES, LINKS, LINKS, LINKS, LINKS],
    ),
    (
        "the same, for another architecture",
        Needs::Images,
        [yes("by `?arch=`"), BASE, BASE, BASE, BASE, BASE],
    ),
    ("`apptainer pull shub://`", Needs::Shub, [YES; 6]),
    ("`apptainer pull https://`", Needs::Urls, [YES; 6]),
    ("`curl` and `jq`", Needs::Urls, [YES; 6]),
    (
        "any client, an image of any size",
        Needs::Size,
        [
            YES,
            YES,
            YES,
            no("up to 100 MiB a file"),
            YES,
            no("up to 25 MiB a file"),
        ],
    ),
];

const TYPES: Answer = yes("with media types set");
const LINKS: Answer = yes("if links were followed");
const BASE: Answer = yes("at `…/library/arm64`");

/// Returns the clients, and whether each can pull from a host that stores images and serves the registry from
/// its root.
pub fn clients(host: Host) -> impl Iterator<Item = (&'static str, Answer)> {
    rows(host).map(|(client, _, answer)| (client, answer))
}

/// Returns the clients for a registry with these settings; none without a host.
pub fn clients_of(settings: &Settings) -> impl Iterator<Item = (&'static str, Answer)> {
    let rows = settings.host.into_iter().flat_map(rows);
    rows.map(|(client, needs, answer)| {
        let is_elsewhere = settings.blob_url.is_some();
        let is_below = settings.base_url.as_ref().is_some_and(BaseUrl::has_path);
        let answer = match needs {
            Needs::Root | Needs::Images if is_elsewhere => no("images are elsewhere"),
            Needs::Root if is_below => no("`/v2/` is not at the root of the host"),
            Needs::Size if is_elsewhere => YES,
            Needs::Shub => settings.base_url.as_ref().map_or(answer, shub),
            _ => answer,
        };
        (client, answer)
    })
}

/// Returns whether a `shub://` name can contain a URL: apptainer 1.5.3 accepts 1 to 64 of `-.a-zA-Z0-9/`
/// before the image's name.
fn shub(base: &BaseUrl) -> Answer {
    let url = base.to_string();
    let registry = url.split_once("://").map_or("", |(_, registry)| registry);
    let may_stand =
        |character: char| character.is_ascii_alphanumeric() || "-./".contains(character);
    let (host, _) = registry.split_once('/').unwrap_or((registry, ""));
    match host.contains(':') {
        true => no("its names take no port"),
        false if registry.len() > 64 || !registry.chars().all(may_stand) => {
            no("its names take up to 64 letters, digits, `.`, `-` and `/` for the host")
        }
        false => YES,
    }
}

fn rows(host: Host) -> impl Iterator<Item = (&'static str, Needs, Answer)> {
    let at = Host::ALL.iter().position(|other| *other == host);
    let rows = CLIENTS.iter();
    rows.filter_map(move |(client, needs, answers)| Some((*client, *needs, answers[at?])))
}

/// Returns the maximal size of a file on a host in bytes, if it has a limit.
#[must_use]
pub fn largest_file(host: Host) -> Option<u64> {
    match host {
        Host::Pages => Some(100 << 20),
        Host::Cloudflare => Some(25 << 20),
        Host::Nginx | Host::S3 | Host::Gcs | Host::Netlify => None,
    }
}

/// Returns whether a store without links has copies in their place.
#[must_use]
pub fn copies_links(host: Option<Host>) -> bool {
    matches!(host, Some(Host::S3 | Host::Gcs))
}

/// Returns the places of the files that tell hosts how to serve a registry.
#[must_use]
pub fn places() -> [Place; 2] {
    [Place::NginxConf, Place::Headers]
}

/// Returns the file that tells a host how to serve a registry, if it needs one.
#[must_use]
pub fn file(host: Host) -> Option<View> {
    let (place, text) = match host {
        Host::Nginx => (
            Place::NginxConf,
            include_str!("../../../spec/hosts/nginx.conf"),
        ),
        Host::Netlify | Host::Cloudflare => {
            (Place::Headers, include_str!("../../../spec/hosts/_headers"))
        }
        Host::S3 | Host::Gcs | Host::Pages => return None,
    };
    Some(View {
        content_type: place.kind().served.content_type,
        place,
        content: Content::Bytes(text.into()),
    })
}

/// Returns copies of the image indexes among `views`, for a host that cannot distinguish them from manifests
/// by path (`spec/hosts/nginx.conf`).
pub(crate) fn indexes(host: Option<Host>, views: &[View]) -> Vec<View> {
    if host != Some(Host::Nginx) {
        return Vec::new();
    }
    let copy = |view: &View| {
        let place = match &view.place {
            Place::Manifest(repository, digest) => Place::Index(repository.clone(), *digest),
            Place::TagManifest(repository, tag) => Place::TagIndex(repository.clone(), tag.clone()),
            _ => return None,
        };
        (view.content_type == OCI_INDEX).then(|| View {
            place,
            ..view.clone()
        })
    };
    views.iter().filter_map(copy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_no_has_a_reason() {
        for host in Host::ALL {
            for (client, answer) in clients(host) {
                assert!(answer.pulls || !answer.note.is_empty(), "{host}: {client}");
            }
        }
    }

    /// The list of `spec/hosts/nginx.conf` is the folders that there can be below `library/`.
    #[test]
    fn nginx_knows_every_architecture_that_has_a_folder() {
        let view = file(Host::Nginx).expect("there is one");
        let text = std::str::from_utf8(view.bytes().expect("it is no link")).expect("it is text");
        let mut words: Vec<&str> = sreg_model::Arch::ALL
            .iter()
            .filter(|arch| crate::library::has_base(**arch))
            .map(|arch| arch.as_str())
            .collect();
        words.sort_unstable();
        assert!(text.contains(&format!("\"^({})$\"", words.join("|"))));
    }
}
