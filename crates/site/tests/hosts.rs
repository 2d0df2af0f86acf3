//! The table of `docs/hosts.md` is the one that the code has.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use sreg_model::Host;
use sreg_site::host::clients;

#[test]
fn the_page_says_what_the_command_says() {
    let page = include_str!("../../../docs/hosts.md");
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
