//! Separated values: their first rows, and what their columns are.

use std::fmt::Write as _;

use csv_core::{ReadFieldResult, ReaderBuilder};

/// The rows that decide what a column has.
const ROWS: usize = 200;
/// The rows that are shown.
const SHOWN: usize = 5;
/// The most columns.
const COLUMNS: usize = 200;
/// The most of a cell that is kept, in bytes.
const LONGEST: usize = 1_024;
/// The longest cell that is shown, in bytes.
const LONGEST_CELL: usize = 60;

/// The first rows of separated values, each with its first cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The rows; the first has the names.
    pub rows: Vec<Vec<String>>,
    /// How many cells the longest of them has.
    pub columns: usize,
}

impl Table {
    /// At most so many rows and columns of a text. Of a text that is cut, it leaves out the last row.
    #[must_use]
    pub fn of(text: &str, is_cut: bool, most_rows: usize, most_columns: usize) -> Self {
        let mut reader = ReaderBuilder::new().delimiter(delimiter(text)).build();
        let (mut table, mut row, mut columns) = (Self::EMPTY, Vec::new(), 0);
        let (mut input, mut cell, mut length) = (text.as_bytes(), [0; LONGEST], 0);
        // What has no room in a cell.
        let mut rest = [0; LONGEST];
        while table.rows.len() < most_rows {
            // A call without input would end the row.
            if is_cut && input.is_empty() {
                break;
            }
            let output = match length < LONGEST {
                true => &mut cell[length..],
                false => &mut rest[..],
            };
            let (result, read, written) = reader.read_field(input, output);
            input = &input[read..];
            length = LONGEST.min(length + written);
            let ends_row = match result {
                ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => continue,
                ReadFieldResult::End => break,
                ReadFieldResult::Field { record_end } => record_end,
            };
            columns += 1;
            if columns <= most_columns {
                // A character that has room only in part becomes U+FFFD.
                let text = String::from_utf8_lossy(&cell[..length]);
                row.push(text.into_owned());
            }
            length = 0;
            if ends_row {
                table.columns = table.columns.max(columns);
                table.rows.push(std::mem::take(&mut row));
                columns = 0;
            }
        }
        table
    }

    const EMPTY: Self = Self {
        rows: Vec::new(),
        columns: 0,
    };
}

/// The byte between two cells, by the first line.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |byte: u8| first.bytes().filter(|it| *it == byte).count();
    let most = [b',', b'\t', b';', b'|']
        .into_iter()
        .rev()
        .max_by_key(|byte| count(*byte));
    most.filter(|byte| count(*byte) > 0).unwrap_or(b',')
}

/// What the cells of a column are.
fn type_of<'a>(cells: impl Iterator<Item = &'a str> + Clone) -> &'static str {
    let mut given = cells.filter(|cell| !cell.is_empty()).peekable();
    if given.peek().is_none() {
        return "empty";
    }
    let all = |is: fn(&str) -> bool| given.clone().all(is);
    if all(|cell| cell.parse::<i64>().is_ok()) {
        "integer"
    } else if all(|cell| cell.parse::<f64>().is_ok()) {
        "number"
    } else if all(|cell| matches!(cell, "true" | "false" | "True" | "False")) {
        "boolean"
    } else if all(|cell| cell.parse::<jiff::civil::Date>().is_ok()) {
        "date"
    } else {
        "text"
    }
}

/// The names and types of the columns, and the first rows; the first row has the names.
pub(super) fn columns(text: &str, is_cut: bool) -> String {
    let Table { rows, columns } = Table::of(text, is_cut, ROWS + 1, COLUMNS);
    let Some((names, rows)) = rows.split_first() else {
        return String::new();
    };
    let short = |cell: &str| match cell.floor_char_boundary(LONGEST_CELL) {
        end if end < cell.len() => format!("{}…", &cell[..end]),
        _ => cell.to_owned(),
    };
    let mut text = format!("{columns} columns\n");
    for (column, name) in names.iter().enumerate() {
        let cells = rows
            .iter()
            .map(|row| row.get(column).map_or("", String::as_str));
        let _ = writeln!(text, "  {}: {}", short(name), type_of(cells));
    }
    text += "first rows\n";
    for row in rows.iter().take(SHOWN) {
        let cells: Vec<_> = row.iter().map(|cell| short(cell)).collect();
        let _ = writeln!(text, "  {}", cells.join(" | "));
    }
    text
}
