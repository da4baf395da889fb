//! The columns of comma-separated values, and their first rows.

use std::fmt::Write as _;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// The rows that decide what a column has.
const ROWS: usize = 200;
/// The rows that are shown.
const SHOWN: usize = 5;
/// The most columns.
const COLUMNS: usize = 200;
/// The longest row, in bytes.
const LONGEST: usize = 16 << 10;
/// The longest cell that is shown, in bytes.
const LONGEST_CELL: usize = 60;

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

/// The first rows, without one that may be cut.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut reader: Reader = ReaderBuilder::new().delimiter(delimiter(text)).build();
    let (mut output, mut ends) = (vec![0; LONGEST], vec![0; COLUMNS]);
    let (mut input, mut rows) = (text.as_bytes(), Vec::new());
    while rows.len() <= ROWS {
        let (result, read, _, cells) = reader.read_record(input, &mut output, &mut ends);
        input = &input[read..];
        // What is cut, and what is too long, ends the rows.
        if result != ReadRecordResult::Record {
            break;
        }
        let mut start = 0;
        let row = ends[..cells].iter().map(|end| {
            let cell = String::from_utf8_lossy(&output[start..*end]).into_owned();
            start = *end;
            cell
        });
        rows.push(row.collect());
    }
    rows
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
pub(super) fn columns(text: &str) -> String {
    let rows = rows(text);
    let Some((names, rows)) = rows.split_first() else {
        return String::new();
    };
    let short = |cell: &str| match cell.floor_char_boundary(LONGEST_CELL) {
        end if end < cell.len() => format!("{}…", &cell[..end]),
        _ => cell.to_owned(),
    };
    let mut text = format!("{} columns\n", names.len());
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
