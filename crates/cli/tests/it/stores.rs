//! What commands do against a bucket that answers as it is told: how often they ask, what they say, that
//! a signal ends them, and where they are not led.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sreg_model::Arch;
use sreg_tests::images;
use sreg_tests::mock::{Mock, Objects, Response, S3Mock};
use sreg_tests::process::wait_until;

use crate::support::{Bench, Ran, snapshot};

const ROOT: &str = "s3://registry/reg";
const TARGET: &str = "s3://registry/reg//lab/tool:1.0";

/// A registry with a key in a bucket, where there is `lab/tool:1.0`.
struct Bucket {
    bench: Bench,
    server: S3Mock,
    /// What is there.
    objects: Objects,
    /// What is known of it.
    known: Vec<(String, Vec<u8>)>,
}

impl Bucket {
    fn new() -> Self {
        let (bench, server) = (Bench::new(), S3Mock::start());
        let key = bench.key(1);
        bench.key(2);
        bench.sif("one.sif");
        std::fs::write(bench.path("file.txt"), "a file").unwrap();
        bench.write("two.sif", &images::sif("two", Arch::Amd64, 100));
        let bucket = Self {
            bench,
            server,
            objects: Objects::new(),
            known: Vec::new(),
        };
        for args in [
            &["init", ROOT, "--key", &key][..],
            &["push", "images/one.sif", TARGET, "--key", &key],
        ] {
            let ran = bucket.run(args, &[]);
            assert_eq!(ran.code, 0, "{args:?}: {}", ran.stderr);
        }
        Self {
            objects: bucket.server.objects(),
            known: snapshot(&bucket.bench.path("state")),
            ..bucket
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bench.command(args);
        command.envs(self.server.options());
        command
    }

    fn run(&self, args: &[&str], more: &[&str]) -> Ran {
        let args = [args, more].concat();
        Ran::of(&self.command(&args).output().unwrap())
    }

    /// Puts back what was there at first, and what was known of it.
    fn restore(&self) {
        self.server.calm();
        self.server.set(self.objects.clone());
        self.server.forget();
        let state = self.bench.path("state");
        std::fs::remove_dir_all(&state).unwrap();
        for (name, bytes) in &self.known {
            let path = state.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }

    /// How often each object was written, or tried to be.
    fn puts(&self) -> BTreeMap<String, usize> {
        let mut puts = BTreeMap::new();
        for request in self.server.requests() {
            if request.method == "PUT" {
                *puts.entry(request.path).or_default() += 1;
            }
        }
        puts
    }
}

/// Each command that writes, with arguments that make it write.
fn commands() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![
        (
            "push",
            vec![
                "push",
                "images/two.sif",
                "s3://registry/reg//lab/tool:2.0",
                "--key",
                "key-1",
            ],
        ),
        (
            "attach",
            vec![
                "attach",
                "file.txt",
                TARGET,
                "--type",
                "text/plain",
                "--key",
                "key-1",
            ],
        ),
        ("refresh", vec!["refresh", ROOT, "--key", "key-1"]),
        (
            "trust",
            vec![
                "trust",
                "add-key",
                ROOT,
                "key-2.pub",
                "--role",
                "head",
                "--key",
                "key-1",
                "--yes",
            ],
        ),
        (
            "rm",
            vec!["rm", TARGET, "--reason", "old", "--key", "key-1"],
        ),
        ("repair", vec!["repair", ROOT]),
        ("mirror", vec!["mirror", ROOT, "s3://registry/copy"]),
        ("init", vec!["init", "s3://registry/new", "--key", "key-2"]),
    ]
}

/// What kind of object a path is of.
fn kind(path: &str) -> String {
    let path = path.trim_start_matches("/registry/");
    let path = path.split_once('/').map_or(path, |(_, rest)| rest);
    let first = path.split('/').next().unwrap();
    match path.contains("/blobs/") {
        true => "blobs".to_owned(),
        false => first.to_owned(),
    }
}

// spec: CLI-60
#[test]
fn a_write_that_fails_is_sent_as_often_as_it_may_be_and_no_oftener() {
    let bucket = Bucket::new();
    for (name, args) in commands() {
        bucket.restore();
        if name == "repair" {
            bucket.server.remove("reg/lab/tool/tags/index.html");
        }
        let ran = bucket.run(&args, &[]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
        let written = bucket.puts();
        let mut kinds: Vec<String> = written.keys().map(|path| kind(path)).collect();
        kinds.sort();
        kinds.dedup();
        assert!(kinds.len() >= 2, "{name} writes {kinds:?}");
        // Early, late, and between: whatever the kind, it is written by one code.
        let picked = [0, kinds.len() / 2, kinds.len() - 1];
        for (number, broken) in picked.map(|at| &kinds[at]).into_iter().enumerate() {
            let permanent = [
                (400, "InvalidArgument", 1, 5),
                (403, "AccessDenied", 1, 3),
                (501, "NotImplemented", 1, 2),
            ];
            // Each kind of object is refused for one of these, too.
            let permanent = permanent[(number + name.len()) % 3];
            for (status, code, attempts, exit) in [(503, "SlowDown", 2, 5), permanent] {
                bucket.restore();
                if name == "repair" {
                    bucket.server.remove("reg/lab/tool/tags/index.html");
                }
                let refused = broken.clone();
                bucket.server.fail(move |request| {
                    let is_refused = request.method == "PUT" && kind(&request.path) == refused;
                    is_refused.then(|| Response::error(status, code))
                });
                let ran = bucket.run(&args, &["--retries", "1"]);
                let what = format!("{name}, {status} for {broken}: {}", ran.stderr);
                let puts = bucket.puts();
                let most = puts
                    .iter()
                    .filter(|(path, _)| kind(path) == *broken)
                    .map(|(_, count)| *count)
                    .max();
                // A probe, and what is known to be refused, may be written without a condition, too.
                assert_eq!(most, Some(attempts), "{what}: {puts:?}");
                let exits = match status {
                    501 => vec![exit, 5],
                    _ => vec![exit],
                };
                assert!(exits.contains(&ran.code), "{}: {what}", ran.code);
            }
        }
    }
}

/// `trust/N` that cannot be read is no registry without keys, and is not asked for 1,024 times.
// spec: CLI-61
#[test]
fn trust_that_cannot_be_read_ends_a_command_at_its_first_answer() {
    let bucket = Bucket::new();
    let plain = Mock::start({
        let objects = bucket.objects.clone();
        move |request| match request.path.as_str() {
            path if path.contains("/trust/2") => Response::new(500, "no"),
            path => match objects.get(path.trim_start_matches('/')) {
                Some((bytes, _)) => Response::new(200, bytes.clone()),
                None => Response::new(404, "no"),
            },
        }
    });
    let commands: Vec<Vec<&str>> = vec![
        vec!["verify", "ROOT"],
        vec!["verify", "ROOT//lab/tool:1.0"],
        vec!["pull", "ROOT//lab/tool:1.0", "-o", "got.sif"],
        vec!["ls", "ROOT"],
        vec!["log", "ROOT"],
        vec!["trust", "show", "ROOT"],
        vec!["mirror", "ROOT", "copied"],
    ];
    for (status, code, exit) in [
        (400, "InvalidArgument", 5),
        (401, "Unauthorized", 3),
        (403, "InvalidAccessKeyId", 3),
        (500, "InternalError", 5),
        (429, "TooManyRequests", 5),
        (0, "", 5),
    ] {
        for version in ["1", "2"] {
            for args in &commands {
                bucket.restore();
                let path = format!("/registry/reg/trust/{version}");
                bucket.server.fail(move |request| {
                    (request.path == path).then(|| match status {
                        0 => Response::lost(),
                        _ => Response::error(status, code),
                    })
                });
                let args: Vec<String> = args.iter().map(|arg| arg.replace("ROOT", ROOT)).collect();
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                let ran = bucket.run(&args, &["--retries", "0"]);
                let asked = bucket
                    .server
                    .count(|request| request.path.contains("/reg/trust/"));
                let what = format!("{args:?}, {status} for trust/{version}: {}", ran.stderr);
                assert_eq!(ran.code, exit, "{what}");
                assert!(asked <= 8, "{asked} requests for trust: {what}");
            }
        }
    }
    let root = format!("{}/reg", plain.url());
    let ran = bucket.bench.run(&["verify", &root, "--retries", "1"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert_eq!(plain.count(|request| request.path.ends_with("/trust/2")), 2);
}

/// Signals a command once the server was asked: it ends as one that was told to stop, whatever it waits for.
fn ends_at_one_signal(command: &mut Command, is_asked: impl Fn() -> bool) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert!(wait_until(&mut child, is_asked), "it has ended");
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{command:?}: {stderr}");
}

/// Without the signal these would wait for an hour.
// spec: CLI-60
#[test]
fn one_signal_ends_every_command() {
    let bucket = Bucket::new();
    let mut all: Vec<Vec<&str>> = commands().into_iter().map(|(_, args)| args).collect();
    for args in [
        &["ls", ROOT][..],
        &["log", ROOT],
        &["diff", ROOT, ROOT],
        &["verify", ROOT],
        &["doctor", ROOT],
        &["pull", TARGET, "-o", "got.sif"],
        &["trust", "show", ROOT],
        &["trust", "export", ROOT],
        &["sign", ROOT, "--key", "key-1"],
    ] {
        all.push(args.to_vec());
    }
    for args in all {
        for is_silent in [true, false] {
            bucket.restore();
            bucket.server.fail(move |_| match is_silent {
                true => loop {
                    std::thread::sleep(Duration::from_hours(1));
                },
                false => Some(Response::error(503, "SlowDown")),
            });
            let args = [&args[..], &["--retries", "100", "--timeout", "3600"]].concat();
            let mut command = bucket.command(&args);
            // The mock notes a request once it is answered.
            let asked = bucket.server.received();
            ends_at_one_signal(&mut command, || bucket.server.received() > asked);
        }
    }
}

/// A proxy that answers as `example.org`, which is at no address of a private network.
fn example_org(handler: impl Fn(&str) -> Response + Send + Sync + 'static) -> Mock {
    Mock::start(
        move |request| match request.path.strip_prefix("http://example.org") {
            Some(path) => handler(path),
            None => Response::new(502, "no"),
        },
    )
}

// spec: CLI-64
#[test]
fn a_redirect_to_a_private_network_is_followed_only_if_allowed() {
    let inside = Mock::start(|_| Response::new(404, "no"));
    let address = inside.url();
    let port = address.rsplit_once(':').unwrap().1.to_owned();
    for target in [
        address.clone(),
        format!("http://localhost:{port}"),
        format!("http://[::ffff:127.0.0.1]:{port}"),
        format!("http://2130706433:{port}"),
    ] {
        let to = target.clone();
        let proxy =
            example_org(move |path| Response::new(302, "").with("location", format!("{to}{path}")));
        let bench = Bench::new();
        let run = |more: &[&str]| {
            let args = [&["ls", "http://example.org/reg", "--retries", "0"], more].concat();
            let mut command = bench.command(&args);
            let command = command.env("http_proxy", proxy.url());
            let command = command.env(
                "no_proxy",
                "localhost,127.0.0.1,::ffff:127.0.0.1,[::ffff:127.0.0.1],::ffff:7f00:1",
            );
            Ran::of(&command.output().unwrap())
        };
        let ran = run(&[]);
        assert_eq!(ran.code, 2, "{target}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("error[private-address]"),
            "{}",
            ran.stderr
        );
        assert_eq!(inside.requests().len(), 0, "{target}");
        let ran = run(&["--allow-private"]);
        assert!(!ran.stderr.contains("private-address"), "{}", ran.stderr);
        inside.forget();
    }
}

/// A registry in a folder is at no address, whoever made the folder.
// spec: CLI-64
#[test]
fn a_blob_url_into_a_private_network_is_followed_only_if_allowed() {
    let bench = Bench::new();
    let image = bench.sif("lab/tool/1.0.sif");
    let bytes = std::fs::read(&image).unwrap();
    let inside = Mock::start(move |_| Response::new(200, bytes.clone()));
    let url = format!("{}/{{digest}}", inside.url());
    bench.index_with(&["--blob-url", &url]);
    let pull = [
        "pull",
        "public//lab/tool:1.0",
        "-o",
        "got.sif",
        "--retries",
        "0",
    ];
    let ran = bench.run(&pull);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("error[private-address]"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("--allow-private"), "{}", ran.stderr);
    assert_eq!(inside.requests().len(), 0);
    bench.ok(&[&pull[..], &["--allow-private"]].concat());
}

/// A dead proxy is named, without its password; one of SOCKS is spoken to.
#[test]
fn a_proxy_that_is_dead_is_named() {
    let bench = Bench::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    for scheme in ["http", "socks5", "socks5h"] {
        let args = ["ls", "http://example.org/reg", "--retries", "0"];
        let mut command = bench.command(&args);
        command.env("http_proxy", format!("{scheme}://user:hunter2@{address}"));
        let ran = Ran::of(&command.output().unwrap());
        assert_eq!(ran.code, 5, "{scheme}: {}", ran.stderr);
        let named = format!("{scheme}://{address}");
        assert!(ran.stderr.contains(&named), "{scheme}: {}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
    // A SOCKS proxy is greeted as one.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let greeted = std::thread::spawn(move || {
        use std::io::Read as _;
        let (mut stream, _) = listener.accept().unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).unwrap();
        first[0]
    });
    let args = ["ls", "http://example.org/reg", "--retries", "0"];
    let mut command = bench.command(&args);
    command.env("http_proxy", format!("socks5h://{address}"));
    let ran = Ran::of(&command.output().unwrap());
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert_eq!(greeted.join().unwrap(), 5, "the version of SOCKS");
}

#[test]
fn a_reader_gets_a_reader_s_report() {
    let bucket = Bucket::new();
    bucket.restore();
    let ran = bucket.run(&["doctor", ROOT], &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("verified by CRC64NVME"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("If-None-Match"), "{}", ran.stdout);
    bucket.server.fail(|request| {
        let is_read = ["GET", "HEAD"].contains(&request.method.as_str());
        (!is_read).then(|| Response::error(403, "AccessDenied"))
    });
    let ran = bucket.run(&["doctor", ROOT], &["--format", "json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let rows = ran.json();
    let rows = rows.as_array().unwrap();
    assert!(rows.iter().all(|row| row["ok"] == true), "{}", ran.stdout);
    let writing = rows.iter().find(|row| row["check"] == "writing").unwrap();
    assert!(writing["found"].as_str().unwrap().contains("read-only"));
    // No parts: the one thing that is wrong.
    bucket.server.fail(|request| {
        let is_part = request.query.contains("upload");
        is_part.then(|| Response::error(501, "NotImplemented"))
    });
    let ran = bucket.run(&["doctor", ROOT], &[]);
    assert_eq!(ran.code, 5, "{}{}", ran.stdout, ran.stderr);
    // Nobody who may not read gets such a report.
    bucket
        .server
        .fail(|_| Some(Response::error(403, "AccessDenied")));
    let ran = bucket.run(&["doctor", ROOT], &[]);
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
}

/// `-v` shows what libraries do about failures, and no secret with it.
#[test]
fn retries_are_shown_to_who_asks() {
    let bucket = Bucket::new();
    bucket.restore();
    let failed = std::sync::atomic::AtomicBool::new(false);
    bucket.server.fail(move |_| {
        let is_first = !failed.swap(true, std::sync::atomic::Ordering::SeqCst);
        is_first.then(|| Response::error(503, "SlowDown\u{1b}[31m"))
    });
    let ran = bucket.run(&["ls", ROOT], &["-v"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("debug: retrying "), "{}", ran.stderr);
    assert!(ran.stderr.contains("SlowDown\\u{1b}[31m"), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
    assert!(!ran.stderr.contains("something"), "{}", ran.stderr);
    bucket.server.fail(|_| None);
    let ran = bucket.run(&["ls", ROOT], &[]);
    assert!(!ran.stderr.contains("debug:"), "{}", ran.stderr);
}

/// What one push asks, and how often it reads.
fn asked_by_a_push(bucket: &Bucket, target: &str) -> (Vec<String>, usize) {
    bucket.server.forget();
    let ran = bucket.run(&["push", "images/two.sif", target, "--key", "key-1"], &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for (path, times) in bucket.puts() {
        assert_eq!(times, 1, "{path}");
    }
    let requests = bucket.server.requests();
    let asked = requests.iter();
    let asked = asked.map(|request| format!("{} {}", request.method, request.path));
    let reads = requests.iter().filter(|request| request.method != "PUT");
    (asked.collect(), reads.count())
}

/// One push of one new tag reads little, and writes each object once: settings, journal, trust and that there is
/// no later one, the head in its two places and that none follows, two nodes, the image as it has arrived; and
/// at the end, whether another publisher was faster. Lists that are there are read as well.
#[test]
fn one_push_of_a_new_tag_makes_few_requests() {
    let bucket = Bucket::new();
    for args in [
        &["index", "images", "--out", "public", "--key", "key-1"][..],
        &["mirror", "public", "s3://registry/whole"],
    ] {
        let ran = bucket.run(args, &[]);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.stderr);
    }
    let (asked, reads) = asked_by_a_push(&bucket, "s3://registry/whole//library/other:1.0");
    assert!(reads <= 12, "{}", asked.join("\n"));
    let (asked, reads) = asked_by_a_push(&bucket, "s3://registry/whole//library/one:2.0");
    assert!(reads <= 21, "{}", asked.join("\n"));
}

/// Images whose last MiB is whole, has one byte, or lacks one: in each way from a file to a bucket, to a copy, and
/// back. Large ones are read back in parts.
#[test]
fn images_that_end_with_a_mebibyte_or_beside_it() {
    const MIB: usize = 1 << 20;
    let bucket = Bucket::new();
    let ok = |args: &[&str]| {
        let ran = bucket.run(args, &[]);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.stderr);
    };
    for size in [MIB - 1, MIB, MIB + 1, 9 * MIB - 1, 9 * MIB, 9 * MIB + 1] {
        let mut image = images::sif(&size.to_string(), Arch::Amd64, 100);
        image.resize(size, 0);
        bucket.bench.write("image.sif", &image);
        let target = format!("{ROOT}//lab/sized:{size}");
        let file = "images/image.sif";
        // The second finds the bytes of the first.
        ok(&["push", file, &target, "--key", "key-1"]);
        ok(&["push", file, &format!("{target}-again"), "--key", "key-1"]);
        ok(&[
            "attach",
            file,
            &target,
            "--type",
            "text/plain",
            "--name",
            "copy",
            "--key",
            "key-1",
        ]);
        ok(&["pull", &target, "-o", "pulled", "--force"]);
        assert!(
            std::fs::read(bucket.bench.path("pulled")).unwrap() == image,
            "{size}"
        );
    }
    ok(&["mirror", ROOT, "s3://registry/copy"]);
    ok(&["mirror", "s3://registry/copy", "folder"]);
    for place in [ROOT, "s3://registry/copy", "folder"] {
        ok(&["verify", place, "--blobs", "full"]);
    }
}

/// A run that moved a tag was killed before it copied the image to its place for library clients.
#[test]
fn a_copy_of_the_image_of_an_older_version_is_stale() {
    let bucket = Bucket::new();
    let copy = "reg2/library/v1/imagefile/lab/moved:1";
    let ok = |args: &[&str]| {
        let ran = bucket.run(args, &[]);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.stderr);
    };
    bucket.bench.sif("lab/other_1.sif");
    let index = [
        "index", "images", "--out", "public", "--host", "s3", "--key", "key-1",
    ];
    ok(&index);
    ok(&["mirror", "public", "s3://registry/reg2"]);
    let moved = "s3://registry/reg2//lab/moved:1";
    ok(&["push", "images/one.sif", moved, "--key", "key-1"]);
    let old = bucket.server.objects();
    bucket
        .bench
        .write("larger.sif", &images::sif("larger", Arch::Amd64, 9000));
    ok(&["push", "images/larger.sif", moved, "--key", "key-1"]);
    ok(&["verify", "s3://registry/reg2"]);
    let mut objects = bucket.server.objects();
    let key = objects
        .keys()
        .find(|key| key.ends_with(copy))
        .unwrap()
        .clone();
    assert_ne!(objects[&key].0, old[&key].0);
    objects.insert(key.clone(), old[&key].clone());
    bucket.server.set(objects.clone());
    for blobs in ["full", "head"] {
        let ran = bucket.run(&["verify", "s3://registry/reg2", "--blobs", blobs], &[]);
        assert_eq!(ran.code, 9, "{}", ran.stderr);
        assert!(ran.stderr.contains("error[stale-view]"), "{}", ran.stderr);
    }
    // Bytes that no version names are no older version.
    objects.get_mut(&key).unwrap().0[0] ^= 1;
    bucket.server.set(objects);
    let ran = bucket.run(&["verify", "s3://registry/reg2", "--blobs", "full"], &[]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    ok(&["repair", "s3://registry/reg2"]);
    ok(&["verify", "s3://registry/reg2", "--blobs", "full"]);
}
