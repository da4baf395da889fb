use super::*;

fn seen(content: &[u8]) -> Seen {
    let head = content[..content.len().min(HEAD as usize)].to_vec();
    let tail = content[content.len().saturating_sub(TAIL as usize)..].to_vec();
    Seen {
        size: content.len() as u64,
        head: head.into(),
        tail: tail.into(),
    }
}

fn described(filename: &str, content: &[u8], room: usize) -> Description {
    let seen = seen(content);
    let format = PreviewFormat::of("", filename, &seen.head);
    let described = seen.describe(format, room);
    assert!(described.text.len() <= room + 100, "{}", described.text);
    described
}

#[test]
fn parameters_of_a_type_change_no_format() {
    let format = PreviewFormat::of("text/csv; charset=utf-8", "a", b"x,y\n1,2\n");
    assert_eq!(format, PreviewFormat::Table);
}

#[test]
fn a_short_text_is_its_own_preview() {
    let found = described("a.txt", b"one\ntwo\n", 1000);
    assert_eq!(
        (found.format, found.text.as_str(), found.is_whole),
        (PreviewFormat::Text, "one\ntwo\n", true)
    );
}

#[test]
fn a_long_text_shows_its_ends() {
    let text: String = (1..=100_000).map(|n| format!("line {n}\n")).collect();
    let found = described("a.log", text.as_bytes(), 2000);
    assert!(found.text.starts_with("line 1\nline 2\n") && found.text.ends_with("line 100000\n"));
    assert!(found.text.contains("bytes; ReadLines reads the rest"));
    assert!(!found.is_whole);
}

#[test]
fn markdown_is_outlined_without_its_code() {
    let text = format!(
        "# Title\ntext\n```\n# no heading\n```\n## Part\n{}",
        "more\n".repeat(1000)
    );
    let found = described("a.md", text.as_bytes(), 2000);
    assert!(
        found.text.starts_with("1: # Title\n6: ## Part\n"),
        "{}",
        found.text
    );
    assert!(!found.text.contains("3: #"));
}

#[test]
fn json_is_described_by_its_shape() {
    let items: Vec<_> = (0..500)
        .map(|n| format!(r#"{{"id": {n}, "tags": ["a"], "note": null}}"#))
        .collect();
    let text = format!(r#"{{"items": [{}], "total": 500}}"#, items.join(","));
    let found = described("a.json", text.as_bytes(), 3000);
    let shape = "{\n  \"items\": [500 x {\n    \"id\": number\n    \"tags\": [1 x string]\n    \"note\": null\n  }]\n  \"total\": number\n}\n";
    assert!(found.text.starts_with(shape), "{}", found.text);
    let lines = described(
        "a.jsonl",
        b"{\"a\": 1}\n{\"a\": \"x\", \"b\": []}\n"
            .repeat(200)
            .as_slice(),
        1000,
    );
    assert!(
        lines
            .text
            .starts_with("400 values: {\n  \"a\": number | string\n  \"b\": [0 x nothing]\n}\n"),
        "{}",
        lines.text
    );
    let broken = described("a.json", &b"{\"a\": [1, 2, {".repeat(50), 600);
    assert!(broken.text.contains("not valid JSON"), "{}", broken.text);
    let deep = described("a.json", "[".repeat(100_000).as_bytes(), 600);
    assert_eq!(deep.format, PreviewFormat::Json);
}

#[test]
fn a_table_has_columns_with_types_and_first_rows() {
    let mut text = "id;name;price;on\n".to_owned();
    for n in 0..1000 {
        text += &format!("{n};\"a;b\n{n}\";{n}.5;2026-01-02\n");
    }
    let found = described("a.csv", text.as_bytes(), 3000);
    let expected = "4 columns\n  id: integer\n  name: text\n  price: number\n  on: date\nfirst rows\n  0 | a;b\n0 | 0.5";
    assert!(found.text.starts_with(expected), "{}", found.text);
}

#[test]
fn a_table_keeps_a_part_of_long_rows_and_none_of_a_cut_one() {
    let text = format!("a,{},b{}\n1,2\n3,4", "ä".repeat(1000), ",".repeat(500));
    let whole = table::Table::of(&text, false, 10, 3);
    assert_eq!(whole.columns, 503);
    let [first, others @ ..] = &*whole.rows else {
        panic!("{whole:?}");
    };
    assert_eq!(
        (&*first[0], &*first[1], &*first[2]),
        ("a", &*"ä".repeat(512), "b")
    );
    assert_eq!(others, [["1", "2"], ["3", "4"]]);
    for cut in ["1,2\n3,4", "1,2\n3,", "1,2\n3", "1,2\n\"3", "1,2\n"] {
        assert_eq!(
            table::Table::of(cut, true, 10, 3).rows,
            [["1", "2"]],
            "{cut}"
        );
    }
    assert_eq!(table::Table::of(&text, true, 1, 3).rows.len(), 1);
}

#[test]
fn a_notebook_is_shown_by_its_cells() {
    let text = br##"{"cells": [{"cell_type": "markdown", "source": ["# Hi\n", "there"]}, {"cell_type": "code", "source": "x = 1", "outputs": [{}]}]}"##;
    let found = described("a.ipynb", text, 1000);
    assert_eq!(
        found.text,
        "[1] markdown\n    # Hi\n    there\n[2] code\n    x = 1\n"
    );
}

#[test]
fn an_image_has_its_size_and_other_bytes_are_shown_in_hex() {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend([0, 0, 2, 128, 0, 0, 1, 224, 8, 6, 0, 0, 0]);
    let found = described("a.png", &png, 1000);
    assert_eq!(
        (found.format, found.dimensions),
        (PreviewFormat::Image, Some((640, 480)))
    );
    let found = described("a.bin", b"\0\x01\xff", 1000);
    assert_eq!(found.format, PreviewFormat::Binary);
    assert!(found.text.ends_with("0001ff\n"));
}

#[test]
fn a_zip_archive_lists_its_directory() {
    let mut directory = b"PK\x01\x02".to_vec();
    directory.resize(46, 0);
    directory[24] = 7;
    directory[28] = 5;
    directory.extend(b"a.txt");
    let mut zip = b"PK\x03\x04".to_vec();
    let offset = zip.len() as u32;
    zip.extend(&directory);
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend((directory.len() as u32).to_le_bytes());
    zip.extend(offset.to_le_bytes());
    zip.extend([0, 0]);
    let found = archive::directory(&zip, zip.len() as u64).unwrap();
    assert_eq!((found.offset, found.members), (4, 1));
    let members = archive::zip_members(&zip[4..]);
    assert_eq!(
        members,
        [archive::Member {
            name: "a.txt".to_owned(),
            size: 7
        }]
    );
    assert_eq!(
        archive::listed(&members, Some(1), 1000),
        "1 members\n           7 a.txt\n"
    );
    assert_eq!(archive::directory(&zip, 10), None);
}

#[test]
fn a_tar_archive_lists_its_headers() {
    let mut header = vec![0; 512];
    header[..5].copy_from_slice(b"a.txt");
    header[124..135].copy_from_slice(b"00000000012");
    header[257..262].copy_from_slice(b"ustar");
    let member = archive::tar_member(&header).unwrap();
    assert_eq!((member.name.as_str(), member.size), ("a.txt", 10));
    assert_eq!(archive::tar_member(&[0; 512]), None);
}

#[test]
fn the_end_of_a_utf16_text_of_odd_size_is_read() {
    let text: String = (1..=20_000)
        .map(|n| format!("line {n} with words\n"))
        .collect();
    let mut content = TextEncoding::Utf16Le.bytes(&format!("\u{feff}{text}"));
    content.push(0);
    let found = described("a.txt", &content, 2000);
    assert!(
        found.text.ends_with("line 20000 with words\n"),
        "{}",
        found.text
    );
}

#[test]
fn a_broken_notebook_that_was_read_is_not_cut() {
    let broken = format!("{{\"cells\": 1, \"x\": [{}", "1, ".repeat(500));
    let found = described("A.IPYNB", broken.as_bytes(), 600);
    assert_eq!(found.format, PreviewFormat::Notebook);
    assert!(!found.text.contains("256 KiB"), "{}", found.text);
}

#[test]
fn members_without_room_are_counted_by_the_directory() {
    let members: Vec<_> = (0..50)
        .map(|n| archive::Member {
            name: format!("member {n}"),
            size: n,
        })
        .collect();
    let text = archive::listed(&members, Some(1000), 256);
    let shown = text.matches("member ").count();
    assert!(
        text.ends_with(&format!("… and {} more\n", 1000 - shown)),
        "{text}"
    );
    let all = archive::listed(&members, Some(60), 1 << 20);
    assert!(all.ends_with("… and 10 more\n"), "{all}");
    assert!(archive::listed(&members, None, 256).ends_with("… and more\n"));
}
