use std::time::{Duration, Instant};

use super::*;
use crate::model::reads::{budget::Cursor, lines::next_of, splitter::Splitter};

fn wanted(pattern: &str, context: i32, max_count: i32, count_only: bool) -> GrepWanted {
    let raw = RawGrep {
        pattern: pattern.to_owned(),
        context,
        max_count,
        count_only,
        ..RawGrep::default()
    };
    let mut faults = Violations::new();
    let wanted = GrepWanted::new(raw, &mut faults);
    faults.finish(wanted).unwrap()
}

/// One search from a place on, in pieces of this size: what it has, and where it goes on.
fn search(
    text: &[u8],
    from: Cursor,
    wanted: GrepWanted,
    piece: usize,
    room: usize,
) -> (Grep, Option<Cursor>) {
    let encoding = TextEncoding::of(text).unwrap();
    let deadline = Instant::now() + Duration::from_secs(600);
    let mut grep = Grep::new(wanted, encoding, room, deadline, from);
    let mut splitter = Splitter::new(encoding, from);
    let start = usize::try_from(from.place.offset).unwrap();
    for piece in text[start..].chunks(piece) {
        splitter.feed(piece, &mut grep);
        if grep.is_done() {
            break;
        }
    }
    if !grep.is_done() {
        splitter.finish(&mut grep);
    }
    let stop = grep.stopped.map_or(ReadStop::End, |(stop, _)| stop);
    let next = next_of(stop, grep.stopped, splitter.cursor());
    (grep, next)
}

/// The numbers of the lines of an answer, with the matches marked.
fn numbers(grep: &Grep) -> Vec<(u64, bool)> {
    let lines = grep.lines.iter();
    lines
        .map(|found| (found.line.number, found.is_match))
        .collect()
}

/// A text of short lines, of a few characters each, as a seed makes it.
fn made(mut seed: u64, length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text.push_str(
            ["a", "b", "ab", "\n", "\r\n", "é", "\n\n", "aab"][(seed >> 33) as usize % 8],
        );
    }
    text
}

const PATTERNS: [&str; 12] = [
    "a",
    "ab",
    "^a",
    "b$",
    "a+b",
    "^$",
    r"a\s+b",
    "(?s)a.*b",
    "a[^b]*b|a",
    r"\Aa",
    "é",
    "x*",
];

#[test]
fn the_lines_are_those_that_match_one_by_one() {
    for seed in 0..40 {
        let text = made(seed, 300);
        for pattern in PATTERNS {
            let regex = regex::Regex::new(pattern).unwrap();
            let expected: Vec<u64> = (1..)
                .zip(text.lines())
                .filter(|(_, line)| regex.is_match(line))
                .map(|(number, _)| number)
                .collect();
            for piece in [1, 7, 1000] {
                let (grep, next) = search(
                    text.as_bytes(),
                    Cursor::START,
                    wanted(pattern, 0, 1000, false),
                    piece,
                    1 << 20,
                );
                let found: Vec<u64> = grep.lines.iter().map(|found| found.line.number).collect();
                assert_eq!(found, expected, "{pattern} in {text:?}");
                assert_eq!(next, None);
                let (counted, _) = search(
                    text.as_bytes(),
                    Cursor::START,
                    wanted(pattern, 0, 0, true),
                    piece,
                    256,
                );
                assert_eq!(counted.matches, expected.len() as u64, "{pattern}");
            }
        }
    }
}

/// Whatever stops a search, going on finds the rest: nothing twice, and nothing is missing.
#[test]
fn a_search_that_goes_on_finds_each_line_once() {
    for seed in 0..20 {
        let text = made(seed, 400);
        for (pattern, context, max_count, room) in [
            ("a", 0, 3, 1 << 20),
            ("ab", 2, 1, 1 << 20),
            ("b", 1, 1000, 256),
        ] {
            let (all, _) = search(
                text.as_bytes(),
                Cursor::START,
                wanted(pattern, 0, 1000, false),
                1000,
                1 << 20,
            );
            let expected: Vec<u64> = all.lines.iter().map(|found| found.line.number).collect();
            let (mut found, mut from) = (Vec::new(), Some(Cursor::START));
            while let Some(cursor) = from {
                let (part, next) = search(
                    text.as_bytes(),
                    cursor,
                    wanted(pattern, context, max_count, false),
                    64,
                    room,
                );
                assert_ne!(next, Some(cursor), "it gets further");
                let cost: usize = part.lines.iter().map(|found| found.line.cost()).sum();
                assert!(cost <= room);
                found.extend(
                    part.lines
                        .iter()
                        .filter(|found| found.is_match)
                        .map(|found| found.line.number),
                );
                from = next;
            }
            assert_eq!(found, expected, "{pattern} in {text:?}");
        }
    }
}

#[test]
fn lines_around_a_match_are_answered_once() {
    let text = b"1\n2\nx3\n4\nx5\n6\n7\n8\n9\nx10\n";
    let expected = [
        (2, false),
        (3, true),
        (4, false),
        (5, true),
        (6, false),
        (9, false),
        (10, true),
    ];
    for piece in [1, 4, 100] {
        let (grep, _) = search(
            text,
            Cursor::START,
            wanted("x", 1, 0, false),
            piece,
            1 << 20,
        );
        assert_eq!(numbers(&grep), expected, "{piece}");
    }
    let (grep, next) = search(text, Cursor::START, wanted("x", 1, 1, false), 100, 1 << 20);
    assert_eq!(numbers(&grep), [(2, false), (3, true), (4, false)]);
    assert_eq!(next.map(|next| next.place.line), Some(5));
}

#[test]
fn a_match_in_a_long_line_is_shown_where_it_is() {
    let long = format!(
        "first\n{}needle{}\nlast\n",
        "x".repeat(100_000),
        "y".repeat(100_000)
    );
    for piece in [5_000, 262_144] {
        let (grep, _) = search(
            long.as_bytes(),
            Cursor::START,
            wanted("needle|last", 0, 0, false),
            piece,
            16 << 10,
        );
        let [found, last] = grep.lines.as_slice() else {
            panic!("{:?}", grep.lines);
        };
        assert_eq!((found.line.number, last.line.number), (2, 3));
        assert!(found.line.text.contains("needle"), "{piece}");
        assert!(found.line.text.len() <= LONGEST_SHOWN);
        assert_eq!(found.line.cut_bytes + found.line.text.len() as u64, 200_006);
    }
}

#[test]
fn a_text_of_utf16_is_searched_as_its_characters() {
    let mut text = vec![0xff, 0xfe];
    text.extend(
        "eins\nzwei é\ndrei\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes),
    );
    let (grep, _) = search(
        &text,
        Cursor::START,
        wanted("^zwei .$", 0, 0, false),
        3,
        1 << 10,
    );
    assert_eq!(numbers(&grep), [(2, true)]);
    assert_eq!(grep.lines[0].line.text, "zwei é");
}

/// A match in a long line is answered when the search stops before the line's end, and not again by the search that goes on.
#[test]
fn a_match_in_a_long_line_is_answered_once() {
    let (before, behind) = ("x".repeat(70_000), "y".repeat(200_000));
    for (again, count_only) in [("", false), ("needle", false), ("", true), ("needle", true)] {
        let text = format!("needle\n{before}needle{behind}{again}\nneedle\n").into_bytes();
        let wanted = wanted("needle", 0, 0, count_only);
        let (mut from, mut answered, mut matches) = (Cursor::START, Vec::new(), 0);
        // Each search looks through so many bytes of what is left.
        for scan in [150_000, 70_000, text.len()] {
            let deadline = Instant::now() + Duration::from_secs(600);
            let mut grep = Grep::new(wanted.clone(), TextEncoding::Utf8, 1 << 20, deadline, from);
            let mut splitter = Splitter::new(TextEncoding::Utf8, from);
            let rest = &text[usize::try_from(from.place.offset).unwrap()..];
            for piece in rest[..rest.len().min(scan)].chunks(10_000) {
                splitter.feed(piece, &mut grep);
            }
            let is_answered = grep.give_up();
            answered.extend(numbers(&grep));
            matches += grep.matches;
            from = Cursor {
                is_answered,
                ..splitter.cursor()
            };
        }
        assert_eq!(matches, 3);
        if !count_only {
            assert_eq!(answered, [(1, true), (2, true), (3, true)]);
        }
    }
}

/// With no room for it, the line is where the next search begins.
#[test]
fn a_match_in_a_long_line_without_room_is_searched_again() {
    let text = format!("needle\n{}needle{}", "x".repeat(70_000), "x".repeat(70_000));
    let deadline = Instant::now() + Duration::from_secs(600);
    let wanted = wanted("needle", 0, 0, false);
    let mut grep = Grep::new(wanted, TextEncoding::Utf8, 300, deadline, Cursor::START);
    let mut splitter = Splitter::new(TextEncoding::Utf8, Cursor::START);
    splitter.feed(text.as_bytes(), &mut grep);
    assert!(!grep.give_up());
    assert_eq!(numbers(&grep), [(1, true)]);
    let place = Place { line: 2, offset: 7 };
    assert_eq!(grep.stopped, Some((ReadStop::BytesOut, place)));
}

#[test]
fn a_long_line_near_a_match_says_what_is_cut() {
    let text = format!("{}\nneedle\n{}\n", "x".repeat(70_000), "é".repeat(1_500));
    let (grep, _) = search(
        text.as_bytes(),
        Cursor::START,
        wanted("needle", 1, 0, false),
        10_000,
        1 << 20,
    );
    assert_eq!(numbers(&grep), [(1, false), (2, true), (3, false)]);
    let cut: Vec<_> = (grep.lines.iter())
        .map(|found| (found.line.text.len(), found.line.cut_bytes))
        .collect();
    assert_eq!(cut, [(2_000, 68_000), (6, 0), (2_000, 1_000)]);
}

#[test]
fn a_match_in_a_long_line_of_utf16_is_shown() {
    let line = format!("\u{feff}{}needle{}", "é".repeat(3_000), "x".repeat(3_000));
    for encoding in [TextEncoding::Utf16Le, TextEncoding::Utf16Be] {
        let text = encoding.bytes(&line);
        let wanted = wanted("needle", 0, 0, false);
        let (grep, _) = search(&text, Cursor::START, wanted, 1 << 20, 1 << 20);
        let found = &grep.lines[0].line;
        assert!(found.text.contains("needle"), "{encoding:?}");
        assert!(found.text.len() <= LONGEST_SHOWN);
        let shown = encoding.length(&found.text) as u64;
        assert_eq!(found.cut_bytes + shown, text.len() as u64);
    }
}
