//! Sizes, times and names, as people read them.

use cairn_proto::text::deceives;
use cairn_store::Link;
use jiff::{Timestamp, tz::TimeZone};
use maud::{Markup, html};

/// A size to three digits, such as `2.29 MiB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // Hundredths of the unit, in whole numbers.
    let mut unit = 0;
    let mut hundredths = u128::from(bytes) * 100 / 1024;
    while hundredths >= 102_400 && unit + 1 < UNITS.len() {
        hundredths /= 1024;
        unit += 1;
    }
    let (whole, part) = (hundredths / 100, hundredths % 100);
    match whole {
        0..10 => format!("{whole}.{part:02} {}", UNITS[unit]),
        10..100 => format!("{whole}.{} {}", part / 10, UNITS[unit]),
        _ => format!("{whole} {}", UNITS[unit]),
    }
}

/// A moment, to the minute in UTC.
pub(super) fn moment(at: Timestamp) -> Markup {
    let local = at.to_zoned(TimeZone::UTC);
    html! { time datetime=(at) { (local.strftime("%-d %B %Y, %H:%M UTC")) } }
}

/// How far away a moment is, in its largest unit: `in 6 days`.
pub(super) fn until(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.duration_since(now).as_secs().max(0);
    let (count, unit) = match seconds {
        0..60 => return "in less than a minute".to_owned(),
        60..3600 => (seconds / 60, "minute"),
        3600..86400 => (seconds / 3600, "hour"),
        _ => (seconds / 86400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("in {count} {unit}{plural}")
}

/// A fact of a list of them.
pub(super) fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// When a link ends, and after how many downloads.
pub(super) fn end_of(link: &Link) -> Markup {
    html! {
        (fact("Link ends", &html! {
            (until(link.expires_at, Timestamp::now())) " (" (moment(link.expires_at)) ")"
        }))
        @if let Some(most) = link.max_downloads {
            (fact("Downloads", &html! { (link.downloads) " of " (most) }))
        }
    }
}

/// A name that somebody chose, with U+FFFD for each character that would make it look like another.
pub(super) fn name(text: &str) -> String {
    let shown = text.chars();
    shown
        .map(|c| {
            if deceives(c) {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_three_digits_and_a_unit() {
        for (bytes, words) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (2_401_234, "2.28 MiB"),
            (12 << 20, "12.0 MiB"),
            (1 << 30, "1.00 GiB"),
            (u64::MAX, "16383 PiB"),
        ] {
            assert_eq!(size(bytes), words);
        }
    }

    #[test]
    fn a_name_looks_like_no_other() {
        assert_eq!(name("a\u{202e}gpj.exe"), "a\u{fffd}gpj.exe");
        assert_eq!(name("Übersicht 一.md"), "Übersicht 一.md");
    }

    #[test]
    fn a_moment_is_as_far_as_its_largest_unit() {
        let now = Timestamp::UNIX_EPOCH;
        for (seconds, words) in [
            (-5, "in less than a minute"),
            (60, "in 1 minute"),
            (7200, "in 2 hours"),
            (6 * 86400 + 5, "in 6 days"),
        ] {
            let at = Timestamp::from_second(seconds).expect("a time");
            assert_eq!(until(at, now), words);
        }
    }
}
