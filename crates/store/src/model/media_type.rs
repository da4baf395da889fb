//! Guesses a content type from the first bytes and the name. The bytes take precedence: a name cannot contradict them.

use std::path::Path;

/// The type of unknown bytes.
const UNKNOWN: &str = "application/octet-stream";
const PLAIN: &str = "text/plain";

/// How many of the first bytes are inspected.
pub(crate) const SAMPLE: usize = 64 << 10;

/// Types of agents' files by extension, which take precedence over other meanings of these extensions. Source code
/// without a registered type is plain text.
const BY_EXTENSION: [(&str, &str); 38] = [
    ("arrow", "application/vnd.apache.arrow.file"),
    ("cts", PLAIN),
    ("diff", "text/x-diff"),
    ("env", PLAIN),
    ("feather", "application/vnd.apache.arrow.file"),
    ("geojson", "application/geo+json"),
    ("har", "application/json"),
    ("ipynb", "application/x-ipynb+json"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("json5", PLAIN),
    ("jsonc", PLAIN),
    ("jsonl", "application/jsonl"),
    ("jsx", PLAIN),
    ("key", PLAIN),
    ("lock", PLAIN),
    ("log", PLAIN),
    ("markdown", "text/markdown"),
    ("md", "text/markdown"),
    ("mdx", "text/markdown"),
    ("mjs", "text/javascript"),
    ("mts", PLAIN),
    ("ndjson", "application/jsonl"),
    ("parquet", "application/vnd.apache.parquet"),
    ("patch", "text/x-diff"),
    ("proto", PLAIN),
    ("rst", "text/x-rst"),
    ("sh", "text/x-shellscript"),
    ("sql", "application/sql"),
    ("svg", "image/svg+xml"),
    ("tex", "text/x-tex"),
    ("toml", "application/toml"),
    ("ts", PLAIN),
    ("tsv", "text/tab-separated-values"),
    ("tsx", PLAIN),
    ("xml", "application/xml"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
];

/// Text types that are not called `text/`, besides those that end in `+json` and `+xml`.
const TEXT: [&str; 6] = [
    "application/json",
    "application/jsonl",
    "application/sql",
    "application/toml",
    "application/xml",
    "application/yaml",
];

/// Formats that may be text from end to end, and what they begin with. A text that only quotes it is none of them.
const TEXTUAL_MAGIC: [(&[u8], &str); 3] = [
    (b"%PDF-", "application/pdf"),
    (b"%!PS", "application/postscript"),
    (b"{\\rtf", "application/rtf"),
];

/// Containers, for which a name may be more precise.
const CONTAINERS: [&str; 3] = [
    "application/gzip",
    "application/x-ole-storage",
    "application/zip",
];

/// Guesses a media type.
pub(crate) fn guess(filename: &str, first_bytes: &[u8]) -> &'static str {
    let named = by_name(filename);
    if first_bytes.is_empty() {
        return named.unwrap_or(UNKNOWN);
    }
    let (looked_at, more) = match first_bytes.split_at_checked(SAMPLE) {
        Some((looked_at, more)) => (looked_at, !more.is_empty()),
        None => (first_bytes, false),
    };
    // The last character may be cut off, by this limit or by the piece in which it arrived.
    let cut = more || first_bytes.len() >= SAMPLE;
    if is_text(looked_at, cut) {
        // No other magic number counts: many are letters, with which a text may begin.
        let begun = looked_at.trim_ascii_start();
        let magic = TEXTUAL_MAGIC
            .iter()
            .find(|(magic, _)| begun.starts_with(magic));
        return magic
            .map(|(_, kind)| *kind)
            .or(named.filter(|named| is_textual(named)))
            .unwrap_or(PLAIN);
    }
    let magic =
        infer::get(looked_at).filter(|kind| kind.matcher_type() != infer::MatcherType::Text);
    let magic = magic.map(|kind| kind.mime_type());
    let named_binary = named.filter(|named| !is_textual(named));
    match (magic, named_binary) {
        (Some(magic), Some(named)) if says_more(named, magic) => named,
        (Some(magic), _) => magic,
        (None, Some(named)) => named,
        (None, None) if is_transport_stream(looked_at) => "video/mp2t",
        // In another encoding of text.
        (None, None) if !looked_at.contains(&0) => named.unwrap_or(UNKNOWN),
        (None, None) => UNKNOWN,
    }
}

fn by_name(filename: &str) -> Option<&'static str> {
    let extension = Path::new(filename).extension()?.to_str()?;
    let ours = BY_EXTENSION
        .iter()
        .find(|(name, _)| extension.eq_ignore_ascii_case(name));
    ours.map(|(_, kind)| *kind)
        .or_else(|| mime_guess::from_ext(extension).first_raw())
}

/// UTF-8 without NUL.
fn is_text(bytes: &[u8], cut: bool) -> bool {
    let is_utf8 = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(e) => cut && e.error_len().is_none(),
    };
    is_utf8 && !bytes.contains(&0)
}

fn is_textual(kind: &str) -> bool {
    kind.starts_with("text/")
        || kind.starts_with("message/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || TEXT.contains(&kind)
}

/// Whether a name is more precise than the bytes, and does not contradict them.
fn says_more(named: &str, magic: &str) -> bool {
    let is_media = |kind: &str| kind.starts_with("audio/") || kind.starts_with("video/");
    if CONTAINERS.contains(&magic) {
        named.starts_with("application/")
    } else {
        is_media(magic) && is_media(named)
    }
}

/// MPEG-TS: packets of 188 bytes, each of which begins with a G.
fn is_transport_stream(bytes: &[u8]) -> bool {
    [0, 188, 376].iter().all(|&at| bytes.get(at) == Some(&b'G'))
}

#[cfg(test)]
mod tests {
    use super::{SAMPLE, guess};

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0a";
    const TEXT: &[u8] = "let naïve = 1;\n".as_bytes();

    #[test]
    fn what_agents_write_has_its_type() {
        for (name, bytes, expected) in [
            ("main.ts", TEXT, "text/plain"),
            ("App.tsx", TEXT, "text/plain"),
            ("Dockerfile", TEXT, "text/plain"),
            ("Makefile", TEXT, "text/plain"),
            ("LICENSE", TEXT, "text/plain"),
            (".gitignore", TEXT, "text/plain"),
            ("run.log", TEXT, "text/plain"),
            ("id.pub", TEXT, "text/plain"),
            ("graph.dot", TEXT, "text/plain"),
            ("notes", TEXT, "text/plain"),
            ("deploy.sh", TEXT, "text/x-shellscript"),
            ("Cargo.toml", TEXT, "application/toml"),
            ("ci.YML", TEXT, "application/yaml"),
            ("events.jsonl", TEXT, "application/jsonl"),
            ("plan.md", TEXT, "text/markdown"),
            ("a.json", TEXT, "application/json"),
            ("a.ipynb", TEXT, "application/x-ipynb+json"),
            ("a.csv", TEXT, "text/csv"),
            ("a.html", TEXT, "text/html"),
            ("a.svg", TEXT, "image/svg+xml"),
            ("a.py", TEXT, "text/plain"),
            ("a.rs", TEXT, "text/x-rust"),
            ("fix.patch", TEXT, "text/x-diff"),
            ("a.parquet", b"PAR1\x15\0", "application/vnd.apache.parquet"),
            (
                "a.docx",
                ZIP,
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            ),
            ("a.jar", ZIP, "application/java-archive"),
            ("model.npz", ZIP, "application/zip"),
            ("weights.bin", b"\0\x01\x02\xff", "application/octet-stream"),
        ] {
            assert_eq!(guess(name, bytes), expected, "{name}");
        }
    }

    #[test]
    fn the_bytes_go_before_the_name() {
        for (name, bytes, expected) in [
            ("a.json", PNG, "image/png"),
            ("a", PNG, "image/png"),
            ("a.png", TEXT, "text/plain"),
            ("a.ts", &transport_stream(), "video/mp2t"),
            ("a.txt", b"a\0b", "application/octet-stream"),
            ("a.png", ZIP, "application/zip"),
            ("a.html", ZIP, "application/zip"),
            ("a.csv", b"caf\xe9;1", "text/csv"),
            ("a", b"caf\xe9;1", "application/octet-stream"),
            ("a", b"%PDF-1.7\n1 0 obj", "application/pdf"),
            ("a.rs", b"const PDF: &str = \"%PDF-1.7\";", "text/x-rust"),
            ("car.txt", b"BMW and MZ and SQLite", "text/plain"),
            ("car", b"BMW", "text/plain"),
            ("page", b"<html><script>", "text/plain"),
        ] {
            assert_eq!(guess(name, bytes), expected, "{name} of {bytes:?}");
        }
    }

    #[test]
    fn of_an_empty_content_only_the_name_is_known() {
        assert_eq!(guess("__init__.py", b""), "text/plain");
        assert_eq!(guess("a.png", b""), "image/png");
        assert_eq!(guess("a", b""), "application/octet-stream");
    }

    #[test]
    fn a_character_that_is_cut_off_is_text() {
        let long = "é".repeat(SAMPLE);
        assert_eq!(guess("a", &long.as_bytes()[..SAMPLE + 1]), "text/plain");
        let odd = [b"a", long.as_bytes()].concat();
        assert_eq!(guess("a", &odd[..SAMPLE]), "text/plain");
        assert_eq!(guess("a", &odd[..4]), "application/octet-stream");
    }

    fn transport_stream() -> Vec<u8> {
        let packet = [b"G\x40\0\x10".as_slice(), &[0xff; 184]].concat();
        packet.repeat(3)
    }
}
