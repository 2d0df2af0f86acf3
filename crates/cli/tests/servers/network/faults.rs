//! What breaks while an image is pulled, at every request: from a web server, and from a bucket.

use std::fs;

use sreg_tests::proxy::{Fault, Proxy, Request};

use super::bucket::{Bucket, ROOT};
use super::scene::{BEFORE, Scene};
use crate::support::{Ran, snapshot};

/// A pull of an image through a proxy: `more` are arguments.
struct Puller<'a> {
    proxy: &'a Proxy,
    pull: &'a dyn Fn(&[&str]) -> Ran,
    scene: &'a Scene,
}

impl Puller<'_> {
    /// Breaks the k-th request, for every k: it is sent again, and all is well.
    fn break_one(&self, fault: &Fault) {
        let requests = self.requests();
        for number in 1..=requests {
            let fault = fault.clone();
            self.choose(move |request| match request.number == number {
                true => fault.clone(),
                false => Fault::Pass,
            });
            self.scene.remove_target();
            let ran = (self.pull)(&["--retries", "2", "--connections", "1"]);
            assert_eq!(ran.code, 0, "{number}: {}", ran.stderr);
            self.scene.has_image();
        }
    }

    /// Breaks all requests from the k-th on, for every k: nothing wrong is left, and the same again
    /// ends well.
    fn break_from(&self, fault: &Fault, code: i32, word: &str) {
        let requests = self.requests();
        for number in 1..=requests {
            let broken = fault.clone();
            self.choose(move |request| match request.number >= number {
                true => broken.clone(),
                false => Fault::Pass,
            });
            self.scene.remove_target();
            fs::write(self.scene.target(), BEFORE).unwrap();
            let memory = self.scene.memory();
            let args = ["--retries", "0", "--connections", "1", "--force"];
            let ran = (self.pull)(&args);
            assert_eq!(ran.code, code, "{fault:?} from {number} on: {}", ran.stderr);
            let said = ran.stderr.contains(&format!("error[{word}]"));
            assert!(said, "{fault:?} from {number} on: {}", ran.stderr);
            assert_eq!(fs::read(self.scene.target()).unwrap(), BEFORE);
            assert_eq!(self.scene.memory(), memory);
            self.proxy.clear();
            let ran = (self.pull)(&["--force"]);
            assert_eq!(ran.code, 0, "{number}: {}", ran.stderr);
            self.scene.has_image();
        }
    }

    /// How many requests a pull makes that nothing breaks.
    fn requests(&self) -> u64 {
        self.choose(|_| Fault::Pass);
        self.scene.remove_target();
        let ran = (self.pull)(&["--connections", "1"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let requests = self.proxy.requests().len();
        assert!(requests >= 5, "{requests}");
        requests as u64
    }

    fn choose(&self, choose: impl Fn(&Request) -> Fault + Send + Sync + 'static) {
        self.proxy.reset_counters();
        self.proxy.set(choose);
    }
}

fn from_nginx(test: impl Fn(&Puller<'_>)) {
    let scene = Scene::signed();
    let id = scene.id();
    let pull = |more: &[&str]| scene.pull(&[&["--trust", id.as_str()], more].concat());
    test(&Puller {
        proxy: &scene.proxy,
        pull: &pull,
        scene: &scene,
    });
}

/// The same registry, its files put into a bucket.
fn from_a_bucket(test: impl Fn(&Puller<'_>)) {
    let scene = Scene::signed();
    let bucket = Bucket::new();
    let root = bucket.server.objects().join("reg");
    fs::remove_dir_all(&root).unwrap();
    for (path, bytes) in snapshot(&scene.bench.public()) {
        super::scene::put(&root, &path, &bytes);
    }
    let id = scene.id();
    let pull = |more: &[&str]| {
        let more = [&["--trust", id.as_str()], more].concat();
        let mut command = scene.command(ROOT, &more);
        for (name, value) in bucket.command(&[]).get_envs() {
            if name.to_str().unwrap().starts_with("AWS_") {
                command.env(name, value.unwrap());
            }
        }
        Ran::of(&command.output().unwrap())
    };
    test(&Puller {
        proxy: &bucket.proxy,
        pull: &pull,
        scene: &scene,
    });
}

/// What may pass.
const PASSING: [Fault; 5] = [
    Fault::Reset,
    Fault::Status(500),
    Fault::Status(503),
    Fault::Truncate(100),
    Fault::ContentLength(1 << 40),
];

#[test]
fn faults_of_nginx_at_one_request_are_got_over() {
    from_nginx(|puller| PASSING.iter().for_each(|fault| puller.break_one(fault)));
}

#[test]
fn faults_of_a_bucket_at_one_request_are_got_over() {
    from_a_bucket(|puller| PASSING.iter().for_each(|fault| puller.break_one(fault)));
}

#[test]
fn faults_of_nginx_that_stay_leave_nothing_wrong() {
    from_nginx(|puller| {
        for fault in [Fault::Reset, Fault::Status(500)] {
            puller.break_from(&fault, 5, "unreachable");
        }
    });
}

#[test]
fn faults_of_a_bucket_that_stay_leave_nothing_wrong() {
    from_a_bucket(|puller| {
        for fault in [Fault::Reset, Fault::Status(503)] {
            puller.break_from(&fault, 5, "unreachable");
        }
    });
}

#[test]
fn credentials_that_are_refused_while_pulling_are_named() {
    from_nginx(|puller| puller.break_from(&Fault::Error(401, "Unauthorized"), 3, "access-denied"));
    from_a_bucket(|puller| {
        for status in [400, 403] {
            let fault = Fault::Error(status, "ExpiredToken");
            puller.break_from(&fault, 3, "access-denied");
        }
    });
}
