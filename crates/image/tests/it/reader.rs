//! A reader that hangs, writes without end, dies or writes nonsense ends as a note, in time.

use std::hint::black_box;
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use sreg_image::{Content, Image, Limits};
use sreg_model::Arch;
use sreg_tests::images;
use sreg_tests::sif::SifBuilder;

/// A shell command that writes an answer.
const ANSWER: &str =
    r#"printf '{"labels":{"a":"b"},"recipe":null,"runscript":"r","environment":{},"notes":[]}'"#;

fn image(bytes: &[u8]) -> Image {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).expect("room for it");
    Image::from_file(file).expect("an image")
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// Reads an image through `reader` with a second to do so, which is held.
fn through(reader: Command) -> Content {
    let limits = Limits {
        time: Duration::from_secs(1),
        ..Limits::default()
    };
    let start = Instant::now();
    let content = image(&images::simg("a", 0)).content_through(reader, &limits);
    assert!(start.elapsed() < Duration::from_secs(5));
    content
}

#[test]
fn a_reader_that_fails_is_a_note() {
    for (script, note) in [
        ("sleep 5", "takes longer than 1s"),
        ("exec >&-; sleep 5", "takes longer than 1s"),
        ("sleep 5 & exit 0", "takes longer than 1s"),
        ("sleep 5 & sleep 5", "takes longer than 1s"),
        ("yes", "wrote more than 8388608 bytes"),
        ("head -c 8388609 /dev/zero", "wrote more than 8388608 bytes"),
        ("kill -ABRT $$", "more than 512 MiB of memory"),
        ("kill -SEGV $$", "more than 512 MiB of memory"),
        ("kill -XCPU $$", "more than 20 seconds of processor time"),
        ("kill -KILL $$", "signal 9 ended"),
        ("exit 101", "failed with exit code 101"),
        ("echo '{\"labels\":{'", "wrote malformed JSON"),
        ("true", "wrote malformed JSON"),
        ("exec missing-program", "failed with exit code 127"),
    ] {
        let notes = through(shell(script)).notes;
        assert_eq!(notes.len(), 1, "{script}: {notes:?}");
        let start = "the content could not be read: ";
        assert!(
            notes[0].starts_with(start) && notes[0].contains(note),
            "{script}: {notes:?}"
        );
    }
    let missing = through(Command::new("/missing/program"));
    assert!(missing.notes[0].contains("cannot start"));
}

#[test]
fn an_answer_counts_only_from_a_reader_that_ends_well() {
    let content = through(shell(ANSWER));
    assert_eq!(
        (content.labels["a"].as_str(), content.notes.len()),
        ("b", 0)
    );
    let content = through(shell(&format!("{ANSWER}; exit 3")));
    assert!(content.labels.is_empty() && content.notes[0].contains("exit code 3"));
}

#[test]
fn the_reader_finds_the_image_on_its_standard_input() {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&images::simg("a", 9000))
        .expect("room for it");
    let reader = shell(&format!("cmp - {} && {ANSWER}", file.path().display()));
    let content = Image::open(file.path())
        .expect("an image")
        .content_through(reader, &Limits::default());
    assert_eq!(content.notes, Vec::<String>::new());
    assert_eq!(content.labels["a"], "b");
}

#[test]
fn objects_of_a_sif_stand_in_for_a_reader_that_fails() {
    let sif = SifBuilder::new("objects")
        .recipe("from the object")
        .labels("{\"a\":\"b\"}")
        .primary(Arch::Amd64, &images::simg("a", 0))
        .build();
    let content = image(&sif).content_through(shell("exit 1"), &Limits::default());
    assert_eq!(content.recipe.as_deref(), Some("from the object"));
    assert_eq!(content.labels["a"], "b");
    assert_eq!(content.runscript, None);
    assert_eq!(content.notes.len(), 1);
}

#[test]
fn nothing_is_left_running() {
    // The shell has written its process id before it is killed, and is no zombie afterwards.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("pid");
    let script = format!("echo $$ > {}; while :; do sleep 0.1; done", file.display());
    through(shell(&script));
    let id = std::fs::read_to_string(&file).expect("an id");
    let alive = Command::new("kill").args(["-0", id.trim()]).output();
    assert!(!alive.expect("kill runs").status.success());
}

/// Runs this test again as the reader of itself: `part` says what it then does.
fn again(part: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    command.args(["--exact", "reader::a_bound_process_is_ended_by_the_system"]);
    command.env("SREG_TEST_READER", part);
    command
}

#[test]
fn a_bound_process_is_ended_by_the_system() {
    let limits = Limits {
        processor: 1,
        time: Duration::from_secs(20),
        ..Limits::default()
    };
    let bound = |then: fn()| {
        limits.bind_this_process().expect("limits may be lowered");
        then();
    };
    match std::env::var("SREG_TEST_READER").as_deref() {
        Ok("allocates") => return bound(|| drop(black_box(vec![1u8; 600 << 20]))),
        Ok("spins") => return bound(|| while black_box(true) {}),
        Ok("writes") => {
            return bound(|| {
                let file = tempfile::tempfile().expect("a temporary file");
                file.set_len(4 << 30).expect("as large as the limit");
                let _ = file.set_len((4 << 30) + 1);
            });
        }
        _ => {}
    }
    for (part, note) in [
        ("allocates", "more than 512 MiB of memory"),
        ("spins", "more than 1 seconds of processor time"),
        ("writes", "signal 25 ended"),
    ] {
        let content = image(&images::simg("a", 0)).content_through(again(part), &limits);
        assert!(
            content.notes[0].contains(note),
            "{part}: {:?}",
            content.notes
        );
    }
}
