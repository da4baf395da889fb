//! Source code, with its words in colours.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use maud::{Markup, PreEscaped, html};
use syntect::{
    parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet},
    util::LinesWithEndings,
};

/// How long colours may take; the rest of the text has none.
const PATIENCE: Duration = Duration::from_millis(40);
/// The most lines with colours.
const LINES: usize = 2_000;
/// The longest line with colours, in bytes; the time for a line grows faster than its length.
const LONGEST: usize = 1_000;

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

/// The classes of web/style.css and the scopes that they are for. The innermost scope of a word decides.
static CLASSES: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(|| {
    let classes = [
        ("comment", "c"),
        ("string", "s"),
        ("constant", "d"),
        ("keyword", "k"),
        ("storage", "k"),
        ("entity.name", "n"),
        ("support", "n"),
    ];
    let scope = |(scope, class)| Some((Scope::new(scope).ok()?, class));
    classes.into_iter().filter_map(scope).collect()
});

/// Renders source code of a known language; `None` for other text.
pub(super) fn render(text: &str, filename: &str) -> Option<Markup> {
    let coloured = coloured(text, syntax(text, filename)?, PATIENCE);
    Some(html! { pre class="text" tabindex="0" { (PreEscaped(coloured)) } })
}

fn syntax(text: &str, filename: &str) -> Option<&'static SyntaxReference> {
    let name = filename.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit('.').next().unwrap_or_default();
    let found = SYNTAXES
        .find_syntax_by_extension(name)
        .or_else(|| SYNTAXES.find_syntax_by_extension(extension))
        .or_else(|| SYNTAXES.find_syntax_by_first_line(first_line(text)))?;
    (found.name != "Plain Text").then_some(found)
}

/// The beginning of the first line: as long as a `#!` with its program.
fn first_line(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    &line[..line.floor_char_boundary(200)]
}

fn coloured(text: &str, syntax: &SyntaxReference, patience: Duration) -> String {
    let end = Instant::now() + patience;
    let (mut state, mut scopes) = (ParseState::new(syntax), ScopeStack::new());
    let mut out = Coloured::default();
    let mut rest = text;
    for line in LinesWithEndings::from(text).take(LINES) {
        if Instant::now() >= end {
            break;
        }
        rest = &rest[line.len()..];
        let parsed = (line.len() <= LONGEST).then(|| state.parse_line(line, &SYNTAXES));
        let Some(Ok(operations)) = parsed else {
            out.push("", line);
            continue;
        };
        let mut at = 0;
        for (next, operation) in operations {
            out.push(class(&scopes), &line[at..next]);
            at = next;
            if scopes.apply(&operation).is_err() {
                break;
            }
        }
        out.push(class(&scopes), &line[at..]);
    }
    out.push("", rest);
    out.finish()
}

fn class(scopes: &ScopeStack) -> &'static str {
    let innermost = scopes.as_slice().iter().rev();
    let mut classes = innermost.filter_map(|scope| {
        let known = CLASSES
            .iter()
            .find(|(prefix, _)| prefix.is_prefix_of(*scope));
        known.map(|(_, class)| *class)
    });
    classes.next().unwrap_or_default()
}

/// HTML, in which neighbours of one class share an element.
#[derive(Default)]
struct Coloured {
    html: String,
    class: &'static str,
}

impl Coloured {
    fn push(&mut self, class: &'static str, text: &str) {
        if text.is_empty() {
            return;
        }
        // A space has no colour of its own.
        if class != self.class && !text.trim().is_empty() {
            self.close();
            if !class.is_empty() {
                self.html.push_str("<span class=\"");
                self.html.push_str(class);
                self.html.push_str("\">");
            }
            self.class = class;
        }
        self.html.push_str(&html! { (text) }.into_string());
    }

    fn close(&mut self) {
        if !self.class.is_empty() {
            self.html.push_str("</span>");
        }
    }

    fn finish(mut self) -> String {
        self.close();
        self.html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_has_colours_and_stays_text() {
        let text = "# a <b>\ndef f(x):\n    return \"<script>\"\n";
        let python = syntax(text, "src/a.py").expect("Python");
        let rendered = coloured(text, python, Duration::from_secs(60));
        for wanted in [
            "<span class=\"c\"># a &lt;b&gt;\n</span>",
            "<span class=\"s\">&quot;&lt;script&gt;&quot;",
            "<span class=\"k\">",
        ] {
            assert!(rendered.contains(wanted), "{wanted}: {rendered}");
        }
        assert!(render("hello", "notes.txt").is_none());
        assert!(render("#!/bin/bash\necho hello\n", "run").is_some());
        assert!(render("FROM debian\n", "Dockerfile").is_some());
    }

    #[test]
    fn colours_lose_no_text_and_stay_small() {
        let long = format!("x = \"{}\"\n", "<".repeat(5_000));
        let text = format!("{long}{}", "y = [1, (2, {3: '4'})]\n".repeat(5_000));
        let rendered = render(&text, "a.py").expect("Python").into_string();
        assert!(rendered.len() < 20 * text.len());
        let mut shown = String::new();
        for part in rendered.split('<') {
            shown.push_str(part.split_once('>').map_or(part, |(_, text)| text));
        }
        for (escaped, plain) in [("&lt;", "<"), ("&quot;", "\""), ("&amp;", "&")] {
            shown = shown.replace(escaped, plain);
        }
        assert_eq!(shown, text);
    }
}
