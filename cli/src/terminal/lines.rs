//! Lines of texts, with their numbers.

use std::fmt::Write as _;

use cairn_proto::json::{BytesRead, FoundFile, FoundLine, TextLine};

use super::printable::printable;

fn line(text: &mut String, line: &TextLine, mark: char) {
    let _ = write!(text, "{}{mark}{}", line.number, printable(&line.text));
    if line.cut_bytes > 0 {
        let _ = write!(text, " […{} bytes more]", line.cut_bytes);
    }
    text.push('\n');
}

/// Lines as `cat -n` has them.
pub(crate) fn of_text(lines: &[TextLine]) -> String {
    let mut text = String::new();
    for one in lines {
        line(&mut text, one, '\t');
    }
    text
}

/// Lines as `grep -n` has them: a colon behind the number of a match, and two hyphens where lines are missing.
pub(crate) fn of_search(lines: &[FoundLine]) -> String {
    let mut text = String::new();
    let has_context = lines.iter().any(|line| !line.is_match);
    let mut last = None;
    for found in lines {
        let number = found.line.number;
        if has_context && last.is_some_and(|last| number > last + 1) {
            text.push_str("--\n");
        }
        line(
            &mut text,
            &found.line,
            if found.is_match { ':' } else { '-' },
        );
        last = Some(number);
    }
    text
}

/// Bytes: their text, or base64.
pub(crate) fn of_bytes(read: &BytesRead) -> String {
    match (&read.text, &read.base64) {
        (Some(text), _) => printable_lines(text),
        (None, base64) => base64.clone().unwrap_or_default() + "\n",
    }
}

/// A text of several lines, each safe to look at.
pub(crate) fn printable_lines(text: &str) -> String {
    text.lines().map(|line| printable(line) + "\n").collect()
}

/// The matches of several files, each below the name of its file; or how many each has.
pub(crate) fn of_files(files: &[FoundFile], is_count: bool) -> String {
    let mut text = String::new();
    for file in files {
        let name = printable(&file.filename);
        match is_count {
            true => text += &format!("{name}:{}\n", file.match_count),
            false => text += &format!("{name}\n{}", of_search(&file.lines)),
        }
    }
    text
}
