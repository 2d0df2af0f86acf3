//! Removes secrets from text before it is printed, logged or stored (`spec/cli.md`, CLI-22 and CLI-51):
//! credentials in URLs, signatures and tokens in their queries, and private keys.

use std::borrow::Cow;

use url::form_urlencoded;

/// The text that replaces a private key.
const KEY: &str = "(private key)";
/// The text that replaces a value of a query.
const VALUE: &str = "***";

/// Returns `text` without the credentials of the URLs in it, without the values of the query
/// parameters that hold secrets, and without private keys.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let passes = [without_keys, without_credentials, without_bare_credentials];
    passes
        .into_iter()
        .fold(Cow::Borrowed(text), |text, pass| match text {
            Cow::Borrowed(text) => pass(text),
            Cow::Owned(text) => Cow::Owned(pass(&text).into_owned()),
        })
}

/// Returns whether `text` holds a private key, or a part of one: PEM, the body of an OpenSSH key
/// file, or either of them in base64.
#[must_use]
pub fn holds_private_key(text: &str) -> bool {
    key_start(text).is_some()
}

/// The beginnings of the body of an OpenSSH key file, and of PEM, in base64.
const BODIES: [&str; 2] = ["b3BlbnNzaC1rZXktdj", "LS0tLS1CRUdJTi"];

/// Returns the offset of the first private key.
fn key_start(text: &str) -> Option<usize> {
    let armored = text
        .match_indices("PRIVATE KEY")
        .filter_map(|(at, _)| text[..at].rfind("---"))
        .map(|dashes| text[..dashes].trim_end_matches('-').len())
        .next();
    let bodies = BODIES.iter().filter_map(|body| text.find(body));
    armored.into_iter().chain(bodies).min()
}

fn without_keys(text: &str) -> Cow<'_, str> {
    let Some(start) = key_start(text) else {
        return Cow::Borrowed(text);
    };
    // What follows the key is worth less than a part of it that stays.
    let rest = &text[start..];
    let last = "PRIVATE KEY-----";
    let end = rest.rfind("-----END").and_then(|from| {
        let at = rest[from..].find(last)?;
        Some(from + at + last.len())
    });
    let after = end.map_or("", |end| &rest[end..]);
    let after = if holds_private_key(after) { "" } else { after };
    Cow::Owned(format!("{}{KEY}{after}", &text[..start]))
}

fn without_credentials(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        rest = match has_scheme(before) {
            true => one_url(after, &mut shown),
            false => after,
        };
    }
    if shown.is_empty() {
        return Cow::Borrowed(text);
    }
    shown.push_str(rest);
    match shown == text {
        true => Cow::Borrowed(text),
        false => Cow::Owned(shown),
    }
}

/// Removes `user:password@` from words without `://`: a URL whose scheme is missing or malformed.
fn without_bare_credentials(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    for word in text.split_inclusive(is_outside) {
        let found = word.rmatch_indices('@').find_map(|(at, _)| {
            let (before, after) = (&word[..at], &word[at + 1..]);
            let start = before.rfind(['/', '\\']).map_or(0, |slash| slash + 1);
            // A reference, `name:tag@sha256:…`, has the same form.
            let is_digest = after.starts_with("sha");
            (before[start..].contains(':') && !is_digest).then_some((start, at))
        });
        match found.filter(|_| !word.contains("://")) {
            Some((start, at)) => shown.extend([&word[..start], &word[at + 1..]]),
            None => shown.push_str(word),
        }
    }
    match shown == text {
        true => Cow::Borrowed(text),
        false => Cow::Owned(shown),
    }
}

/// Returns whether `before` ends with a scheme (RFC 3986, 3.1), which precedes `://`.
fn has_scheme(before: &str) -> bool {
    let scheme = before.trim_end_matches("://");
    scheme.ends_with(|last: char| last.is_ascii_alphanumeric() || "+-.".contains(last))
}

/// Returns whether a character ends a URL in text.
fn is_outside(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '"' | '<' | '>' | '`')
}

/// Appends the URL whose authority starts at `after` without its secrets. Returns the text after it.
fn one_url<'a>(after: &'a str, shown: &mut String) -> &'a str {
    let url = &after[credentials(after)..];
    let (url, rest) = url.split_at(url.find(is_outside).unwrap_or(url.len()));
    let Some(at) = url.find(['?', '#', ';']) else {
        shown.push_str(url);
        return rest;
    };
    shown.push_str(&url[..at]);
    let mut pairs = &url[at..];
    let mut is_path = true;
    while !pairs.is_empty() {
        let (mark, pair) = pairs.split_at(1);
        is_path &= !matches!(mark, "?" | "#");
        // A segment of a path may have parameters (RFC 3986, 3.3).
        let is_end = |it: char| matches!(it, '&' | ';' | '#' | '?') || (is_path && it == '/');
        let end = pair.find(is_end).unwrap_or(pair.len());
        let (pair, next) = pair.split_at(end);
        shown.push_str(mark);
        match pair.split_once('=') {
            Some((name, value)) if !value.is_empty() && is_secret(name) => {
                shown.extend([name, "=", VALUE]);
            }
            _ => shown.push_str(pair),
        }
        pairs = next;
    }
    rest
}

/// Returns the length of the credentials and their `@` at the start of an authority, and perhaps after
/// it.
fn credentials(after: &str) -> usize {
    let end = |text: &str| {
        text.find(|character| matches!(character, '/' | '?' | '#' | '\\') || is_outside(character))
    };
    let authority = &after[..end(after).unwrap_or(after.len())];
    let line = &after[..after.find('\n').unwrap_or(after.len())];
    let word = &line[..line.find(is_outside).unwrap_or(line.len())];
    let is_digest = |at: usize| {
        ["sha256:", "sha512:"]
            .iter()
            .any(|algorithm| line[at + 1..].starts_with(algorithm))
    };
    // A password may have what a URL should have percent-encoded, such as `@` and slashes.
    let last = |text: &str| {
        let mut found = text.rmatch_indices('@').map(|(at, _)| at);
        found.find(|at| !is_digest(*at))
    };
    let has_user = authority.contains('@');
    let Some((_, port)) = authority.split_once(':') else {
        // A user that ends in the middle of a URL, as in `http://user?:pw@host`.
        let far = last(word).filter(|at| word[..*at].contains(':'));
        return far.or_else(|| last(authority)).map_or(0, |at| at + 1);
    };
    // Sentences go on after a URL: `http://host:80: not found`.
    let port = port.trim_end_matches([':', ',', ';', '.', ')', '\'']);
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) || authority.starts_with('[');
    match last(word).or_else(|| last(line).filter(|_| !is_port)) {
        Some(at) => at + 1,
        None if is_port || has_user => 0,
        None => word.len(),
    }
}

/// Returns whether a query parameter holds a secret, by its name: those of Amazon's, Google's and Azure's
/// signed URLs among them.
fn is_secret(name: &str) -> bool {
    const WORDS: [&str; 12] = [
        "sig", "token", "cred", "secret", "pass", "pwd", "auth", "key", "code", "session", "jwt",
        "policy",
    ];
    let decoded = form_urlencoded::parse(name.as_bytes());
    decoded.into_iter().any(|(name, _)| {
        let name = name.to_ascii_lowercase();
        WORDS.iter().any(|word| name.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn credentials_are_cut_out_of_urls() {
        for (text, shown) in [
            ("http://user:pw@host/reg", "http://host/reg"),
            ("http://127.0.0.1:8182: ok", "http://127.0.0.1:8182: ok"),
            ("(http://h:80), http://h:81.", "(http://h:80), http://h:81."),
            ("http://u:8182:x@h", "http://h"),
            ("user:pw@127.0.0.1/x: not found", "127.0.0.1/x: not found"),
            ("run `sreg ls //u:pw@h/x`", "run `sreg ls //h/x`"),
            ("http:u:pw@h/x", "h/x"),
            ("http:\\u:pw@h/x", "http:\\h/x"),
            ("s3:KEY:SECRET@bucket/reg", "bucket/reg"),
            ("u:pw@h:80", "h:80"),
            (
                "http://h/a;token=b/c;v=1/d?token=e/f",
                "http://h/a;token=***/c;v=1/d?token=***",
            ),
            ("http://h/a; b", "http://h/a; b"),
            ("http://u:8182:x", "http://"),
            ("http://user?:pw@host/x", "http://host/x"),
            ("http://user#:pw@host/x", "http://host/x"),
            ("http:///user:pw@host/x", "http://host/x"),
            ("https://h/ns/name@sha256:00", "https://h/ns/name@sha256:00"),
            ("http://user:p@w@host", "http://host"),
            ("https://token@host:80/x", "https://host:80/x"),
            ("s3://KEY:SE/CR+ET@bucket/reg", "s3://bucket/reg"),
            ("s3://KEY:SECRET", "s3://"),
            ("http://u:1/2@host/x", "http://host/x"),
            ("socks5h://u:p@proxy:1080", "socks5h://proxy:1080"),
            (
                "\"http://u:p w@host\" is no place, see http://v:q@other.",
                "\"http://other.",
            ),
            (
                "http://h/f.sif?a=1&X-Amz-Signature=abc&X%2DAmz%2DCredential=d&b",
                "http://h/f.sif?a=1&X-Amz-Signature=***&X%2DAmz%2DCredential=***&b",
            ),
            (
                "http://h/?sv=1;sig=a#access_token=b",
                "http://h/?sv=1;sig=***#access_token=***",
            ),
            (
                "(http://u:p@h/?token=x) (http://i)",
                "(http://h/?token=*** (http://i)",
            ),
        ] {
            assert_eq!(redact(text), shown);
            assert_eq!(redact(shown), shown, "once is enough");
        }
        for text in [
            "",
            "a@b://",
            "://user:pw@host",
            "https://host:8080//lab/tool:1.0@sha256:00",
            "https://[::1]:80/x",
            "https://host/{hex}.sif?arch=amd64",
            "https://h/x@sha256:00",
            "mail ada@example.org",
            "lab/tool:1.0",
            "lab/tool:1.0@sha256:00",
            "lab/tool:1.0@sha1:00 (a:b)",
            "SHA256:abc ada@example.org",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn private_keys_are_never_shown() {
        let (begin, end) = (
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "-----END OPENSSH PRIVATE KEY-----",
        );
        for (text, shown) in [
            (format!("x {begin}\nAAA\n{end}\n y"), "x (private key)\n y"),
            (format!("{begin} AAA {end}"), "(private key)"),
            (format!("'{begin}\\nAAA"), "'(private key)"),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII".to_owned(),
                "(private key)",
            ),
            (
                "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nMII".to_owned(),
                "(private key)",
            ),
            (format!("{begin}{end} {begin}A"), "(private key)"),
            (
                "a b3BlbnNzaC1rZXktdjEAAAAABG5vbmU b".to_owned(),
                "a (private key)",
            ),
            ("LS0tLS1CRUdJTiBPUEVOU1NI".to_owned(), "(private key)"),
        ] {
            assert_eq!(redact(&text), shown, "{text}");
            assert!(holds_private_key(&text), "{text}");
        }
        for text in [
            "its first line says PRIVATE KEY",
            "ssh-ed25519 AAAAC3 x",
            "~/.ssh/id",
        ] {
            assert_eq!(redact(text), text);
            assert!(!holds_private_key(text), "{text}");
        }
    }

    proptest! {
        // spec: CLI-51
        #[test]
        fn no_password_stays_whatever_it_is_made_of(
            before in "[ -~]{0,8}",
            scheme in "(http|https|s3|ftp|socks5)",
            user in "[a-zA-Z0-9%._-]{0,8}",
            // Also what a URL should have percent-encoded.
            middle in "[!-~ ]{0,12}",
            host in "[a-z]{1,6}(:[0-9]{1,4})?",
            path in "[a-z/]{0,6}",
        ) {
            // Where the URL ends cannot be told then.
            prop_assume!(!(middle.contains('@') && middle.contains(is_outside)));
            let password = format!("Qx7{middle}zW9");
            let text = format!("{before}{scheme}://{user}:{password}@{host}/{path}");
            let shown = redact(&text);
            prop_assert!(!shown.contains("Qx7") && !shown.contains("zW9"), "{}: {}", text, shown);
            let again = redact(&shown).into_owned();
            prop_assert_eq!(&again, &shown);
        }

        #[test]
        fn text_without_secrets_stays_as_it_was(text in "[a-z0-9 .,:()/]{0,40}") {
            prop_assume!(!text.contains("://"));
            let shown = redact(&text).into_owned();
            prop_assert_eq!(shown, text);
        }
    }
}
