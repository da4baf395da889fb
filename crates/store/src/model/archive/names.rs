//! Names of files in an archive, which no program that unpacks it can misuse.
//!
//! A filename of an artifact is relative and has no "..", no empty segment, no backslash and no control character. Beyond
//! that, a name here has no character or ending that Windows refuses or takes for something else, none that turns the
//! direction of the text, and differs from all others also where upper and lower case are the same.

use std::collections::{HashMap, HashSet};

/// The longest segment that file systems take, in bytes.
const MOST_SEGMENT_BYTES: usize = 255;

/// The names of files with these paths, in their order.
pub(crate) fn safe_names<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let names: Vec<String> = paths.map(safe).collect();
    // A file that has the name of another one's folder is renamed, not the folder.
    let mut taken: HashSet<String> = HashSet::new();
    for name in &names {
        let ends = name.match_indices('/').map(|(at, _)| at);
        taken.extend(ends.map(|at| name[..at].to_lowercase()));
    }
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let unique = |name: String| {
        let folded = name.to_lowercase();
        if taken.insert(folded.clone()) {
            return name;
        }
        let number = numbers.entry(folded).or_insert(1);
        loop {
            *number += 1;
            let numbered = numbered(&name, *number);
            if taken.insert(numbered.to_lowercase()) {
                return numbered;
            }
        }
    };
    names.into_iter().map(unique).collect()
}

fn safe(path: &str) -> String {
    let segments: Vec<_> = path.split('/').map(safe_segment).collect();
    segments.join("/")
}

fn safe_segment(segment: &str) -> String {
    let mut safe: String = segment
        .chars()
        .map(|c| if is_safe(c) { c } else { '_' })
        .collect();
    if safe.is_empty() {
        safe.push('_');
    }
    if safe.ends_with(['.', ' ']) {
        safe.pop();
        safe.push('_');
    }
    if is_device(&safe) {
        safe.insert(0, '_');
    }
    safe
}

fn is_safe(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !turns && !c.is_control() && !matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
}

/// Whether Windows takes it for a device, whatever its ending.
fn is_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or_default();
    let stem = stem.trim_end().to_ascii_uppercase();
    let is_numbered = |name: &str| {
        let mut rest = stem.strip_prefix(name).unwrap_or_default().chars();
        matches!(rest.next(), Some('0'..='9' | '¹' | '²' | '³')) && rest.next().is_none()
    };
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&&*stem)
        || is_numbered("COM")
        || is_numbered("LPT")
}

/// The name with a number before its ending.
fn numbered(name: &str, number: u32) -> String {
    let (folder, file) = name.rsplit_once('/').map_or(("", name), |(_, file)| {
        (&name[..name.len() - file.len()], file)
    });
    let (stem, ending) = match file.rfind('.') {
        Some(at) if at > 0 => file.split_at(at),
        _ => (file, ""),
    };
    let suffix = format!(" ({number})");
    let room = MOST_SEGMENT_BYTES.saturating_sub(suffix.len() + ending.len());
    let stem = &stem[..stem.floor_char_boundary(room)];
    format!("{folder}{stem}{suffix}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[&str]) -> Vec<String> {
        safe_names(paths.iter().copied())
    }

    #[test]
    fn names_are_safe_on_every_system() {
        for (path, name) in [
            ("src/main.rs", "src/main.rs"),
            ("Übersicht 一.md", "Übersicht 一.md"),
            ("C:/x", "C_/x"),
            ("a:b|c?.txt", "a_b_c_.txt"),
            ("..\\..\\evil", ".._.._evil"),
            ("nul", "_nul"),
            ("dir/COM1.txt", "dir/_COM1.txt"),
            ("Lpt².x", "_Lpt².x"),
            ("console.log", "console.log"),
            ("end. ", "end._"),
            ("x\u{202e}gpj.exe", "x_gpj.exe"),
            ("...", ".._"),
        ] {
            assert_eq!(names(&[path]), [name], "{path}");
        }
    }

    #[test]
    fn no_two_names_are_the_same_in_any_case() {
        let paths = [
            "a", "A", "a", "a (2)", "b.tar.gz", "B.tar.gz", "d", "D/x", ".env", ".ENV",
        ];
        let expected = [
            "a",
            "A (2)",
            "a (3)",
            "a (2) (2)",
            "b.tar.gz",
            "B.tar (2).gz",
            "d (2)",
            "D/x",
            ".env",
            ".ENV (2)",
        ];
        assert_eq!(names(&paths), expected);
    }

    #[test]
    fn a_numbered_name_is_not_too_long() {
        let long = "é".repeat(127);
        let both = names(&[&long, &long]);
        assert!(both[0] == long && both[1].ends_with("é (2)"), "{both:?}");
        assert!(both[1].len() <= MOST_SEGMENT_BYTES);
    }

    #[test]
    fn many_files_of_one_name_are_numbered_quickly() {
        let all = names(&["a"; 10_000]);
        assert_eq!(all[9_999], "a (10000)");
    }
}
