//! The servers of the storage tests do what those tests rely on: above all, of many that write a
//! key under a condition, one wins.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use sreg_tests::proxy::{Fault, Proxy};
use sreg_tests::servers::{Nginx, S3Server};
use tempfile::TempDir;

/// How many write one key at once.
const RACERS: usize = 32;
/// How often they race.
const ROUNDS: usize = 24;

/// What a `curl` writes to standard output.
fn output(curl: &mut Command) -> String {
    let done = curl.output().unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap()
}

/// The status of the answer to a `curl`.
fn status(curl: &mut Command) -> String {
    output(curl.args(["--output", "/dev/null", "--write-out", "%{http_code}"]))
}

/// A `curl` that signs nothing.
fn plain() -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--disable", "--silent", "--show-error", "--noproxy", "*"]);
    curl
}

/// The bytes that a racer writes in a round: others in every round, for a condition on the stored
/// bytes holds again once they are back; and enough to need more than one packet.
fn entry(round: usize, racer: usize) -> String {
    format!("{round:04}-{racer:03}\n").repeat(8192)
}

/// All racers put their bytes at `key` at once; the statuses, by racer. One `curl` runs them: it has
/// all connections open before the first answer, which processes that start one by one have not.
fn race(
    server: &S3Server,
    folder: &Path,
    round: usize,
    key: &str,
    condition: &str,
) -> BTreeMap<usize, u16> {
    let mut config = format!("parallel\nparallel-immediate\nparallel-max = {RACERS}\n");
    for racer in 0..RACERS {
        let body = folder.join(racer.to_string());
        fs::write(&body, entry(round, racer)).unwrap();
        let separator = if racer == 0 { "" } else { "next\n" };
        write!(
            config,
            "{separator}{}url = \"{}\"\nupload-file = \"{}\"\noutput = \"{}\"\nheader = \"Expect:\"\n\
             header = \"{}\"\nwrite-out = \"{racer} %{{http_code}}\\n\"\n",
            server.curl_config(),
            server.url(key),
            body.display(),
            folder.join(format!("{racer}.answer")).display(),
            condition.replace('"', "\\\""),
        )
        .unwrap();
    }
    let path = folder.join("config");
    fs::write(&path, config).unwrap();
    output(
        Command::new("curl")
            .arg("--disable")
            .arg("--config")
            .arg(path),
    )
    .lines()
    .map(|line| {
        let (racer, status) = line.split_once(' ').unwrap();
        (racer.parse().unwrap(), status.parse().unwrap())
    })
    .collect()
}

/// Exactly one was told that it wrote; everybody else was told that the condition does not hold, and
/// the winner's bytes are what is stored.
fn assert_one_winner(server: &S3Server, round: usize, key: &str, statuses: &BTreeMap<usize, u16>) {
    assert_eq!(statuses.len(), RACERS, "{key}: {statuses:?}");
    let winners: Vec<usize> = statuses
        .iter()
        .filter(|(_, status)| **status == 200)
        .map(|(racer, _)| *racer)
        .collect();
    let [winner] = winners[..] else {
        panic!("{key} has {} winners: {statuses:?}", winners.len());
    };
    assert!(
        statuses
            .values()
            .all(|status| [200, 409, 412].contains(status)),
        "{key}: {statuses:?}"
    );
    let stored = output(server.curl().arg(server.url(key)));
    assert!(
        stored == entry(round, winner),
        "{key} holds {}, not what {winner} wrote",
        &stored[..8]
    );
    assert_eq!(
        fs::read_to_string(server.objects().join(key)).unwrap(),
        stored
    );
}

/// The entity tag of an object, with its quotes.
fn entity_tag(server: &S3Server, key: &str) -> String {
    let head = output(server.curl().args(["--head", &server.url(key)]));
    let line = head
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("etag:"))
        .unwrap();
    line["etag:".len()..].trim().to_owned()
}

#[test]
fn of_many_writers_of_a_new_key_one_wins() {
    let server = S3Server::start();
    let folder = TempDir::new().unwrap();
    for round in 0..ROUNDS {
        let key = format!("heads/{round}");
        let statuses = race(&server, folder.path(), round, &key, "If-None-Match: *");
        assert_one_winner(&server, round, &key, &statuses);
    }
}

#[test]
fn of_many_writers_that_replace_the_same_bytes_one_wins() {
    let server = S3Server::start();
    let folder = TempDir::new().unwrap();
    assert_eq!(
        status(
            server
                .curl()
                .args(["--request", "PUT", "--data", "first", &server.url("head")])
        ),
        "200"
    );
    for round in 0..ROUNDS {
        let condition = format!("If-Match: {}", entity_tag(&server, "head"));
        let statuses = race(&server, folder.path(), round, "head", &condition);
        assert_one_winner(&server, round, "head", &statuses);
    }
}

#[test]
fn s3_gives_back_what_was_put_with_ranges_and_refuses_strangers() {
    let server = S3Server::with_keys("somebody", "very secret");
    let url = server.url("a/b");
    assert_eq!(
        status(
            server
                .curl()
                .args(["--request", "PUT", "--data", "0123456789", &url])
        ),
        "200"
    );
    assert_eq!(output(server.curl().arg(&url)), "0123456789");
    assert_eq!(output(server.curl().args(["--range", "2-4", &url])), "234");
    assert_eq!(
        fs::read(server.objects().join("a/b")).unwrap(),
        b"0123456789"
    );
    assert_eq!(status(server.curl().arg(server.url("missing"))), "404");

    assert_eq!(status(plain().arg(&url)), "403");
    let forged = format!("{}:wrong", server.access_key());
    assert_eq!(status(server.curl().args(["--user", &forged, &url])), "403");
    assert_eq!(server.secret_key(), "very secret");

    server.create_bucket("another");
    let other = format!("{}/another/x", server.endpoint());
    assert_eq!(
        status(
            server
                .curl()
                .args(["--request", "PUT", "--data", "x", &other])
        ),
        "200"
    );
}

#[test]
fn public_read_is_not_public_listing_nor_writing() {
    let server = S3Server::start();
    let url = server.url("a");
    assert_eq!(
        status(
            server
                .curl()
                .args(["--request", "PUT", "--data", "0123456789", &url])
        ),
        "200"
    );
    server.allow_public_read();
    assert_eq!(output(plain().args(["--range", "2-4", &url])), "234");
    let listing = format!("{}/{}?list-type=2", server.endpoint(), S3Server::BUCKET);
    assert_eq!(status(plain().arg(listing)), "403");
    assert_eq!(
        status(plain().args(["--request", "PUT", "--data", "x", &url])),
        "403"
    );
}

#[test]
fn nginx_serves_a_folder_with_ranges() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("v2")).unwrap();
    fs::write(folder.path().join("v2/index.html"), "{}").unwrap();
    fs::write(folder.path().join("image.sif"), "0123456789").unwrap();
    let server = Nginx::start(folder.path());
    let url = format!("{}/image.sif", server.url());
    assert_eq!(output(plain().arg(&url)), "0123456789");
    assert_eq!(output(plain().args(["--range", "2-4", &url])), "234");
    assert_eq!(status(plain().args(["--range", "10-12", &url])), "416");
    assert_eq!(output(plain().arg(format!("{}/v2/", server.url()))), "{}");
    assert_eq!(
        status(plain().arg(format!("{}/missing", server.url()))),
        "404"
    );
    let head = output(plain().args(["--head", &url]));
    assert!(
        head.contains("Content-Type: application/octet-stream"),
        "{head}"
    );
}

#[test]
fn a_server_ends_when_it_is_dropped() {
    let folder = TempDir::new().unwrap();
    let (nginx, s3) = (Nginx::start(folder.path()), S3Server::start());
    let addresses = [nginx.address(), s3.address()];
    drop((nginx, s3));
    for address in addresses {
        assert!(
            std::net::TcpStream::connect(address).is_err(),
            "{address} still answers"
        );
    }
}

#[test]
fn a_signed_write_whose_answer_is_lost_is_done() {
    let server = S3Server::start();
    let proxy = Proxy::start(server.address());
    let url = format!("{}/{}/head", proxy.url(), S3Server::BUCKET);
    let new = ["--request", "PUT", "--header", "If-None-Match: *"];
    proxy.set(|request| match request.number {
        1 => Fault::ResetAfter,
        _ => Fault::Pass,
    });
    let lost = server
        .curl()
        .args(new)
        .args(["--data", "first", &url])
        .output()
        .unwrap();
    assert_eq!(lost.status.code(), Some(56), "{lost:?}");
    let again = status(server.curl().args(new).args(["--data", "again", &url]));
    assert_eq!(again, "412");
    assert_eq!(output(server.curl().arg(&url)), "first");

    let large = "x".repeat(3 << 20);
    let file = TempDir::new().unwrap();
    fs::write(file.path().join("large"), &large).unwrap();
    let upload = file.path().join("large");
    proxy.clear();
    proxy.reset_counters();
    assert_eq!(
        status(server.curl().arg("--upload-file").arg(upload).arg(&url)),
        "200"
    );
    assert_eq!(output(server.curl().arg(&url)), large);
    let (uploaded, downloaded) = proxy.bytes();
    assert!((3 << 20..(3 << 20) + 4096).contains(&uploaded));
    assert!((3 << 20..(3 << 20) + 4096).contains(&downloaded));
}
