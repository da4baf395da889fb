//! The cells of a Jupyter notebook.

use std::fmt::Write as _;

use serde::Deserialize;

/// The most lines of a cell that are shown.
const MOST_LINES: usize = 5;

#[derive(Deserialize)]
struct Notebook {
    cells: Vec<Cell>,
}

#[derive(Deserialize)]
struct Cell {
    cell_type: String,
    #[serde(default)]
    source: Source,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Source {
    Lines(Vec<String>),
    Text(String),
}

impl Default for Source {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

/// The first lines of each cell; `None` for what is not a notebook.
pub(super) fn cells(content: &[u8]) -> Option<String> {
    let notebook: Notebook = serde_json::from_slice(content).ok()?;
    let mut text = String::new();
    for (number, cell) in (1..).zip(notebook.cells) {
        let source = match cell.source {
            Source::Lines(lines) => lines.concat(),
            Source::Text(text) => text,
        };
        let kind = &cell.cell_type[..cell.cell_type.floor_char_boundary(20)];
        let _ = writeln!(text, "[{number}] {kind}");
        for line in source.lines().take(MOST_LINES) {
            let _ = writeln!(text, "    {line}");
        }
        if source.lines().nth(MOST_LINES).is_some() {
            text += "    …\n";
        }
    }
    Some(text)
}
