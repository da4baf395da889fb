//! A Jupyter notebook, cell by cell.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::{markdown, plain};

/// The most cells that are shown.
const CELLS: usize = 200;
/// The most outputs of a cell that are shown.
const OUTPUTS: usize = 20;

/// What is read of nbformat 4.
#[derive(Deserialize)]
struct Notebook {
    cells: Vec<Cell>,
}

#[derive(Deserialize)]
struct Cell {
    cell_type: String,
    source: Lines,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Deserialize)]
struct Output {
    text: Option<Lines>,
    data: Option<serde_json::Map<String, Value>>,
    traceback: Option<Vec<String>>,
}

/// Text, whole or line by line.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    Whole(String),
    Each(Vec<String>),
}

impl Lines {
    fn text(&self) -> String {
        match self {
            Self::Whole(text) => text.clone(),
            Self::Each(lines) => lines.concat(),
        }
    }
}

/// Renders a notebook; `None` if it is none.
pub(super) fn render(text: &str) -> Option<Markup> {
    let notebook: Notebook = serde_json::from_str(text).ok()?;
    let more = notebook.cells.len().saturating_sub(CELLS);
    Some(html! {
        @for cell in notebook.cells.iter().take(CELLS) {
            section class="cell" {
                @if cell.cell_type == "markdown" { (markdown::render(&cell.source.text())) }
                @else { (plain::render(&cell.source.text())) }
                @for output in cell.outputs.iter().take(OUTPUTS) {
                    @if let Some(text) = printed(output) { div class="output" { (plain::render(&text)) } }
                }
            }
        }
        @if more > 0 { p class="cut" { (more) " more cells" } }
    })
}

/// The text of an output. Its pictures and its HTML are left to the program that made them.
fn printed(output: &Output) -> Option<String> {
    if let Some(text) = &output.text {
        return Some(text.text());
    }
    if let Some(lines) = &output.traceback {
        return Some(without_colours(&lines.join("\n")));
    }
    let data = output.data.as_ref()?;
    if let Some(text) = data.get("text/plain") {
        let text = Lines::deserialize(text).ok()?;
        return Some(text.text());
    }
    data.keys().next().map(|kind| format!("({kind})"))
}

/// Text without the escape sequences of a terminal (ECMA-48, control sequences).
fn without_colours(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        shown.push_str(before);
        let end = after.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c));
        rest = end.map_or("", |end| &after[end + 1..]);
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notebook_shows_its_cells_and_what_they_printed() {
        let text = r##"{"nbformat": 4, "cells": [
            {"cell_type": "markdown", "source": ["# Plan\n", "<b>"]},
            {"cell_type": "code", "source": "print(1 < 2)", "outputs": [
                {"output_type": "stream", "text": ["True\n"]},
                {"output_type": "error", "traceback": ["\u001b[0;31mNameError\u001b[0m: x"]},
                {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": ["<Figure>"]}}]}]}"##;
        let markup = render(text).expect("a notebook").into_string();
        for wanted in [
            "<h2>Plan</h2>",
            "&lt;b&gt;",
            "print(1 &lt; 2)",
            "True",
            "NameError: x",
            "&lt;Figure&gt;",
        ] {
            assert!(markup.contains(wanted), "{wanted}: {markup}");
        }
        assert!(render("{}").is_none());
    }
}
