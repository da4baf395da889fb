//! The first rows of a table.

use cairn_store::Table;
use maud::{Markup, html};

use crate::http::pages::words;

const ROWS: usize = 200;
const COLUMNS: usize = 50;
/// The longest text of a cell, in characters.
const CELL: usize = 200;

/// Renders separated values, of which the first row has the names; `None` if they are none.
pub(super) fn render(text: &str, is_cut: bool) -> Option<Markup> {
    let Table { mut rows, columns } = Table::of(text, is_cut, ROWS + 2, COLUMNS);
    let more_rows = rows.len() > ROWS + 1;
    rows.truncate(ROWS + 1);
    let (head, body) = rows.split_first()?;
    let shown = columns.min(COLUMNS);
    Some(html! {
        div class="table" tabindex="0" {
            table {
                thead { tr { @for cell in head { th scope="col" { (short(cell)) } } } }
                tbody {
                    @for row in body {
                        tr { @for i in 0..shown { td { (short(row.get(i).map_or("", String::as_str))) } } }
                    }
                }
            }
        }
        @if more_rows || columns > COLUMNS {
            p class="cut" {
                "These are the first " (body.len()) " rows"
                @if columns > COLUMNS { " and " (COLUMNS) " of " (columns) " columns" }
                "."
            }
        }
    })
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(CELL).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    words::name(&short.replace(['\n', '\t'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_its_rows_and_no_half_ones() {
        let shown = |text, is_cut| {
            let markup = render(text, is_cut).expect("a table");
            markup.into_string()
        };
        let whole = shown("a;b\n1;<b>\n\"x;y\";\"2\n3\"\n", false);
        assert!(whole.contains("<th scope=\"col\">a</th>"), "{whole}");
        for cell in ["&lt;b&gt;", "x;y", "2 3"] {
            assert!(whole.contains(&format!("<td>{cell}</td>")), "{whole}");
        }
        let cut = shown("a,b\n1,2\n3,", true);
        assert!(
            cut.contains("<td>2</td>") && !cut.contains("<td>3"),
            "{cut}"
        );
    }

    #[test]
    fn a_hostile_table_stays_small() {
        let wide = ",".repeat(100_000);
        let text = format!("{wide}\n{}", "x\n".repeat(10_000));
        let markup = render(&text, true).expect("a table");
        let markup = markup.into_string();
        assert!(
            markup.contains("50 of 100001 columns"),
            "{}",
            &markup[markup.len() - 200..]
        );
        assert!(markup.len() < 256 << 10);
    }
}
