//! The table of `docs/hosts.md` is the one that the code has.

use sreg_model::Host;
use sreg_model::settings::Settings;
use sreg_views::host::{clients, clients_of};

#[test]
fn the_page_says_what_the_command_says() {
    let page = include_str!("../../../../docs/hosts.md");
    let words = Host::ALL.map(|host| format!("`{host}`"));
    let mut expected = vec![format!("| | {} |", words.join(" | "))];
    expected.push(format!("|{}", "---|".repeat(Host::ALL.len() + 1)));
    for (row, (client, _)) in clients(Host::Nginx).enumerate() {
        let cells = Host::ALL.map(|host| clients(host).nth(row).unwrap().1.to_string());
        expected.push(format!("| {client} | {} |", cells.join(" | ")));
    }
    let table: Vec<&str> = page
        .lines()
        .skip_while(|line| !line.starts_with("| | `nginx`"))
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert_eq!(
        table,
        expected,
        "docs/hosts.md is to be:\n{}",
        expected.join("\n")
    );
}

#[test]
fn a_registry_that_is_elsewhere_or_below_serves_fewer() {
    let who = |settings: &Settings| -> Vec<bool> {
        clients_of(settings)
            .map(|(_, answer)| answer.pulls)
            .collect()
    };
    let mut at_the_root = Settings::default();
    at_the_root.host = Some(Host::Nginx);
    at_the_root.base_url = Some("https://example.org".parse().unwrap());
    assert_eq!(who(&at_the_root), [true; 11]);
    let mut below = at_the_root.clone();
    below.base_url = Some("https://example.org/registry".parse().unwrap());
    let oci = [1, 2, 3, 4];
    let expected =
        |nos: &[usize]| -> Vec<bool> { (0..11).map(|row| !nos.contains(&row)).collect() };
    assert_eq!(who(&below), expected(&oci));
    let mut elsewhere = at_the_root.clone();
    elsewhere.blob_url = Some("https://example.org/{hex}".parse().unwrap());
    assert_eq!(who(&elsewhere), expected(&[1, 2, 3, 4, 5, 6]));
    // A shub:// name holds no port, and not every host.
    let shub = 7;
    for (url, fits) in [
        ("https://example.org", true),
        ("https://example.org:8443", false),
        ("http://127.0.0.1:8080", false),
        ("https://[::1]", false),
        ("https://my_host.example.org", false),
    ] {
        let mut settings = at_the_root.clone();
        settings.base_url = Some(url.parse().unwrap());
        let nos: &[usize] = if fits { &[] } else { &[shub] };
        assert_eq!(who(&settings), expected(nos), "{url}");
    }
    let long = format!("https://example.org/{}", "x".repeat(64));
    let mut settings = at_the_root;
    settings.base_url = Some(long.parse().unwrap());
    assert_eq!(who(&settings), expected(&[1, 2, 3, 4, shub]));
}
