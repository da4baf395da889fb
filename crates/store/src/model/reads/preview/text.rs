//! The ends of a text, and its headings.

use std::fmt::Write as _;

/// The longest line of a preview, in bytes.
pub(super) const LONGEST_LINE: usize = 400;
/// The most headings of an outline.
const MOST_HEADINGS: usize = 100;

/// The first lines that fit.
pub(super) fn cut(text: &str, room: usize) -> String {
    let mut fitting = String::new();
    for line in text.lines() {
        let shown = short(line);
        if fitting.len() + shown.len() + 1 > room {
            break;
        }
        fitting += &shown;
        fitting.push('\n');
    }
    fitting
}

/// A line, cut.
fn short(line: &str) -> String {
    let shown = line.floor_char_boundary(LONGEST_LINE);
    match line.len() - shown {
        0 => line.to_owned(),
        more => format!("{} [… {more} bytes more]", &line[..shown]),
    }
}

/// The first and the last lines of a text, of which there is a beginning and an end.
pub(super) fn ends(head: &str, tail: &str, size: u64, room: usize) -> String {
    let first = cut(head, room.saturating_sub(64) / 4 * 3);
    if first.lines().count() == head.lines().count() && head.len() as u64 >= size {
        return first;
    }
    let mut last = Vec::new();
    let mut left = room.saturating_sub(first.len() + 64);
    // The first line of the tail is the end of one.
    let lines: Vec<_> = tail.lines().skip(1).collect();
    let shown = first.lines().count();
    let most = match head.len() as u64 >= size {
        true => head.lines().count().saturating_sub(shown),
        false => usize::MAX,
    };
    for line in lines.iter().rev().take(most) {
        let line = short(line);
        if line.len() + 1 > left {
            break;
        }
        left -= line.len() + 1;
        last.push(line);
    }
    let mut text = first;
    let _ = writeln!(text, "[… of {size} bytes; ReadLines reads the rest …]");
    for line in last.iter().rev() {
        text += line;
        text.push('\n');
    }
    text
}

/// The headings of a Markdown text with the numbers of their lines.
pub(super) fn outline(text: &str) -> String {
    let mut outline = String::new();
    let (mut in_code, mut headings) = (false, 0);
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim_start();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            in_code = !in_code;
        }
        let level = trimmed.bytes().take_while(|byte| *byte == b'#').count();
        let is_heading = (1..=6).contains(&level) && trimmed[level..].starts_with(' ');
        if in_code || !is_heading {
            continue;
        }
        if headings == MOST_HEADINGS {
            outline += "…\n";
            break;
        }
        headings += 1;
        let _ = writeln!(outline, "{number}: {}", short(trimmed));
    }
    outline
}
