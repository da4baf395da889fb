//! All output: data to standard output, messages to standard error.

use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    time::Duration,
};

use cairn_proto::json::{self, Violation};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use tokio::time::interval;

use crate::{
    error::{CliError, Fault},
    terminal::printable::{printable, printable_json},
};

/// How often to check for a reader.
const LOOK: Duration = Duration::from_secs(1);

/// How to print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Data as JSON.
    json: bool,
    /// Errors as JSON too; only on request, because people read logs.
    json_errors: bool,
    /// Whether a person looks at standard output.
    terminal: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            json: json || !terminal,
            json_errors: json,
            terminal,
        }
    }

    /// Prints data: as JSON, or as a person reads it.
    pub(crate) fn data(
        self,
        data: &impl Serialize,
        human: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        let text = match (self.json, self.terminal) {
            (false, _) => human(),
            (true, true) => json_text(serde_json::to_string_pretty(data))?,
            (true, false) => json_text(serde_json::to_string(data))?,
        };
        self.raw(text.as_bytes())
    }

    /// Prints one of many things that come one by one, on a line of its own, at once.
    pub(crate) fn line(
        self,
        data: &impl Serialize,
        human: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        let text = if self.json {
            json_text(serde_json::to_string(data))?
        } else {
            human()
        };
        self.raw(text.as_bytes())
    }

    /// Waits until standard output has no reader any more, as when the other end of a pipe is closed.
    pub(crate) async fn is_unread(self) {
        let mut tick = interval(LOOK);
        loop {
            tick.tick().await;
            let stdout = io::stdout();
            let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
            let looked = poll(&mut watched, Some(&Timespec::default()));
            let closed = PollFlags::ERR | PollFlags::HUP;
            if looked.is_ok() && watched[0].revents().intersects(closed) {
                return;
            }
        }
    }

    /// Prints bytes as they are.
    pub(crate) fn raw(self, bytes: &[u8]) -> Result<(), CliError> {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(bytes)
            .and_then(|()| stdout.flush())
            .map_err(CliError::Stdout)
    }

    /// Prints a message to a person, on standard error.
    pub(crate) fn note(self, words: &str) {
        complain(&printable(words));
    }

    /// Prints how to continue, unless a program reads that in the data.
    pub(crate) fn hint(self, words: &str) {
        if !self.json {
            self.note(words);
        }
    }

    /// Prints progress, unless a program reads the errors: it must find nothing else on standard error.
    pub(crate) fn progress(self, words: &str) {
        if !self.json_errors {
            self.note(words);
        }
    }

    /// Prints an error. `None` when the reader of the data has closed the pipe, as `head` does: that is no failure.
    pub(crate) fn fail(self, error: &CliError) -> Option<Fault> {
        match error {
            CliError::AlreadyReported(fault) => return Some(*fault),
            CliError::Stdout(error) if error.kind() == ErrorKind::BrokenPipe => return None,
            _ => {}
        }
        if self.json_errors {
            if let Ok(json) = json_text(serde_json::to_string(&error_json(error))) {
                complain(json.trim_end());
            }
        } else {
            complain(&format!("cairn: {}", printable(&error.to_string())));
            for Violation { field, description } in error.violations() {
                complain(&format!(
                    "  {}: {}",
                    printable(field),
                    printable(description)
                ));
            }
        }
        Some(error.fault())
    }
}

/// Rows in columns. Every cell is made safe to look at.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| printable(cell)).collect())
        .collect();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..rows.iter().map(Vec::len).max().unwrap_or(0))
        .map(width)
        .collect();
    let mut text = String::new();
    for row in &rows {
        let line: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Lines of "name: value". Every value is made safe to look at; those without a value are left out.
pub(crate) fn fields(fields: &[(&str, Option<String>)]) -> String {
    let rows: Vec<Vec<String>> = fields
        .iter()
        .filter_map(|(name, value)| Some(vec![format!("{name}:"), value.clone()?]))
        .collect();
    table(&rows)
}

/// An error in the shape of the HTTP API.
fn error_json(error: &CliError) -> json::Error {
    json::Error::new(error.code(), error.to_string())
        .with_status(error.http_status())
        .with_retry_after(error.retry_after().map(|pause| pause.as_secs()))
        .with_fields(error.violations().to_vec())
        .with_details(error.details().cloned().unwrap_or_default())
}

fn json_text(json: serde_json::Result<String>) -> Result<String, CliError> {
    match json {
        Ok(json) => Ok(printable_json(&json) + "\n"),
        Err(error) => Err(CliError::Usage(format!("cannot write as JSON: {error}"))),
    }
}

/// Warns a person of what is not an error, where there is no `Output` yet.
pub(crate) fn warn(words: &str) {
    complain(&printable(words));
}

/// One line on standard error. If that fails too, no place is left to report it.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::{fields, table};

    #[test]
    fn columns_are_aligned_and_safe_to_look_at() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        assert_eq!(
            table(&[row(["ID", "NAME", "X"]), row(["art_1", "a\x1b", ""])]),
            "ID     NAME     X\nart_1  a\\u{1b}\n"
        );
    }

    #[test]
    fn fields_without_a_value_are_left_out() {
        assert_eq!(
            fields(&[("id", Some("a".to_owned())), ("session", None)]),
            "id:  a\n"
        );
    }
}
