//! JSON, to be folded.

use maud::{Markup, html};
use serde_json::Value;

/// How deep values are folded; deeper ones are text.
const DEPTH: usize = 3;
/// The most members of a value that are shown.
const MEMBERS: usize = 200;
/// The most values that are folded in all.
const FOLDS: usize = 2_000;
/// The longest text of a value, in characters.
const LONGEST: usize = 2_000;

/// Renders JSON; `None` if it is none.
pub(super) fn render(text: &str) -> Option<Markup> {
    let value: Value = serde_json::from_str(text).ok()?;
    let mut folds = FOLDS;
    Some(html! { div class="json" { (shown(None, &value, 0, &mut folds)) } })
}

fn shown(key: Option<&str>, value: &Value, depth: usize, folds: &mut usize) -> Markup {
    let count = match value {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    };
    if count == 0 || depth >= DEPTH || *folds == 0 {
        return html! { div class="leaf" { (named(key)) code { (short(value)) } } };
    }
    *folds -= 1;
    let members: Vec<_> = match value {
        Value::Array(items) => items
            .iter()
            .map(|item| (None, item))
            .take(MEMBERS)
            .collect(),
        Value::Object(members) => {
            let members = members.iter().map(|(key, item)| (Some(&**key), item));
            members.take(MEMBERS).collect()
        }
        _ => Vec::new(),
    };
    let kind = if value.is_array() { "items" } else { "members" };
    html! {
        details open[depth == 0] {
            summary { (named(key)) span class="faint" { (count) " " (kind) } }
            @for (key, item) in members { (shown(key, item, depth + 1, folds)) }
            @if count > MEMBERS { p class="faint" { (count - MEMBERS) " more" } }
        }
    }
}

fn named(key: Option<&str>) -> Markup {
    html! { @if let Some(key) = key { b { bdi { (key) } } ": " } }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_folded_and_escaped() {
        let text = r#"{"<a>": [1, {"b": {"c": {"d": 2}}}], "e": {}}"#;
        let markup = render(text).expect("JSON").into_string();
        assert!(
            markup.contains("<details open><summary><span class=\"faint\">2 members"),
            "{markup}"
        );
        assert!(markup.contains("&lt;a&gt;"), "{markup}");
        assert!(
            markup.contains("{&quot;c&quot;:{&quot;d&quot;:2}}"),
            "{markup}"
        );
        assert!(render("{").is_none());
    }

    #[test]
    fn hostile_json_stays_small() {
        let wide = format!("[{}]", vec!["[[1,2],[3]]"; 40_000].join(","));
        let markup = render(&wide).expect("JSON").into_string();
        assert!(markup.contains("39800 more") && markup.len() < 512 << 10);
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(render(&deep).is_none());
    }
}
