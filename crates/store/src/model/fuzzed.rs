//! What callers send as text or as bytes, mutated: nothing of it may panic, and what is accepted keeps its promises.

use std::time::{Duration, Instant};

use cairn_fuzz::fuzz;
use ring::hmac;

use crate::model::{
    filter::{parse, parse_written},
    media_type::guess,
    page::{Listing, Position},
    reads::{
        budget::Cursor,
        encoding::TextEncoding,
        grep::{Grep, GrepWanted, RawGrep},
        splitter::Splitter,
    },
    reference::{FileName, RawName},
    steps::{MAX_STEPS, steps_of},
    todo::TodoText,
    validate::Violations,
};

#[test]
fn a_filter_that_is_accepted_is_written_and_read_back() {
    fuzz("filters", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let filter = parse(&text).map_err(|e| e.to_string())?;
        let written = filter.written();
        assert_eq!(
            parse_written(&written).as_ref(),
            Ok(&filter),
            "{text:?} became {written:?}"
        );
        Ok::<_, String>(written)
    });
}

#[test]
fn a_page_token_is_read_or_refused() {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    let list = Listing::new(&key, &"artifacts").expect("a list");
    fuzz("page_tokens", |bytes| {
        // As it came, and as if it had been signed here.
        let sent = list
            .position::<Position>(&String::from_utf8_lossy(bytes))
            .is_ok();
        let signed = list
            .position::<Position>(&list.token_of(bytes))
            .map_err(|e| e.to_string());
        (sent, signed)
    });
}

#[test]
fn a_filename_that_is_accepted_stays_below_its_folder() {
    fuzz("filenames", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let (filename, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let raw = RawName {
            filename: filename.to_owned(),
            session_id: rest.to_owned(),
            namespace: rest.to_owned(),
            user_id: rest.to_owned(),
            version: 0,
        };
        FileName::new("name", raw).map_err(|e| e.to_string())?;
        assert!(filename.len() <= 1024 && !filename.starts_with('/'));
        assert!(!filename.chars().any(char::is_control));
        for segment in filename.split('/') {
            assert!(!matches!(segment, "" | "." | ".."), "{filename:?}");
        }
        Ok::<_, String>(filename.to_owned())
    });
}

#[test]
fn the_type_of_any_content_is_a_type() {
    fuzz("contents", |bytes| {
        let text = bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or_default();
        let (name, content) = bytes.split_at(text);
        let found = guess(&String::from_utf8_lossy(name), content);
        assert!(found.is_ascii() && found.split('/').count() == 2, "{found}");
        found
    });
}

#[test]
fn the_steps_of_any_content_are_texts_of_todos() {
    fuzz("plans", |bytes| {
        let steps = steps_of(bytes, true).steps;
        assert!(steps.len() <= MAX_STEPS);
        for step in &steps {
            let text = step.text.as_str().to_owned();
            assert_eq!(TodoText::new(text), Ok(step.text.clone()));
        }
        assert!(steps_of(bytes, false).more);
        steps
    });
}

/// The first line is a pattern, the rest a text: what is found is the same in pieces of any size, and within the budget.
#[test]
fn a_search_finds_the_same_in_pieces_of_any_size() {
    fuzz("searches", |bytes| {
        let at = bytes.iter().position(|byte| *byte == b'\n');
        let (pattern, text) = bytes.split_at(at.unwrap_or_default());
        let text = text.get(1..).unwrap_or_default();
        let raw = RawGrep {
            pattern: String::from_utf8_lossy(pattern).into_owned(),
            context: 1,
            ..RawGrep::default()
        };
        let mut faults = Violations::new();
        let wanted = GrepWanted::new(raw, &mut faults);
        let wanted = faults.finish(wanted).map_err(|e| e.to_string())?;
        let encoding = TextEncoding::of(text).ok_or("is not text")?;
        let search = |piece| {
            let deadline = Instant::now() + Duration::from_secs(60);
            let mut grep = Grep::new(wanted.clone(), encoding, 4096, deadline, Cursor::START);
            let mut splitter = Splitter::new(encoding, Cursor::START);
            text.chunks(piece)
                .for_each(|piece| splitter.feed(piece, &mut grep));
            splitter.finish(&mut grep);
            (grep.lines, grep.matches, grep.stopped)
        };
        let whole = search(usize::MAX);
        assert_eq!(search(3), whole);
        let cost: usize = whole.0.iter().map(|found| found.line.text.len()).sum();
        assert!(cost <= 4096);
        Ok::<_, String>(whole)
    });
}
