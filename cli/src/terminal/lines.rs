//! Lines of texts, with their numbers.

use std::{borrow::Cow, fmt::Write as _};

use cairn_proto::json::{BytesRead, FoundFile, FoundLine, TextLine};

use super::printable::printable;

/// How the text of a line is shown.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// Safe to look at in a terminal.
    Printable,
    /// As it is, for a program.
    Raw,
}

impl Form {
    fn of(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Printable => printable(text).into(),
            Self::Raw => text.into(),
        }
    }
}

fn line(text: &mut String, line: &TextLine, mark: char, form: Form) {
    let _ = write!(text, "{}{mark}{}", line.number, form.of(&line.text));
    if line.cut_bytes > 0 {
        let _ = write!(text, " […{} bytes more]", line.cut_bytes);
    }
    text.push('\n');
}

/// Lines as `cat -n` has them.
pub(crate) fn of_text(lines: &[TextLine]) -> String {
    text_in(Form::Printable, lines)
}

/// As `of_text`, with the text as it is.
pub(crate) fn raw_text(lines: &[TextLine]) -> String {
    text_in(Form::Raw, lines)
}

fn text_in(form: Form, lines: &[TextLine]) -> String {
    let mut text = String::new();
    for one in lines {
        line(&mut text, one, '\t', form);
    }
    text
}

/// Lines as `grep -n` has them: a colon behind the number of a match, and two hyphens where lines are missing.
pub(crate) fn of_search(lines: &[FoundLine]) -> String {
    search_in(Form::Printable, lines)
}

/// As `of_search`, with the text as it is.
pub(crate) fn raw_search(lines: &[FoundLine]) -> String {
    search_in(Form::Raw, lines)
}

fn search_in(form: Form, lines: &[FoundLine]) -> String {
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
            form,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_lines_keep_their_tabs() {
        let one = TextLine {
            number: 1,
            text: "a\tb".to_owned(),
            cut_bytes: 0,
        };
        assert_eq!(raw_text(std::slice::from_ref(&one)), "1\ta\tb\n");
        assert_eq!(of_text(&[one]), "1\ta\\u{9}b\n");
    }
}
