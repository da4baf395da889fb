//! Markdown, without its HTML, its images and links that could run something.

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html::push_html};

/// The most parts of a document that are rendered.
const MOST: usize = 50_000;

/// Renders Markdown. Raw HTML is shown as text. An image becomes a link, because loading it would tell its server who
/// reads.
pub(super) fn render(text: &str) -> Markup {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let events = Parser::new_ext(text, options).take(MOST).map(safe);
    let mut rendered = String::new();
    push_html(&mut rendered, events);
    html! { article class="prose" { (PreEscaped(rendered)) } }
}

fn safe(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Link { dest_url, .. }) => anchor(&dest_url),
        Event::Start(Tag::Image { dest_url, .. }) => anchor(&dest_url),
        Event::End(TagEnd::Link | TagEnd::Image) => Event::InlineHtml(CowStr::Borrowed("</a>")),
        // With a focus, so that keys scroll it; a language only names a class here.
        Event::Start(Tag::CodeBlock(_)) => Event::InlineHtml("<pre tabindex=\"0\"><code>".into()),
        Event::End(TagEnd::CodeBlock) => Event::InlineHtml("</code></pre>\n".into()),
        // A disabled checkbox has no label.
        Event::TaskListMarker(true) => Event::Text("☑ ".into()),
        Event::TaskListMarker(false) => Event::Text("☐ ".into()),
        // The name of the file is the heading of the page.
        Event::Start(Tag::Heading { level, .. }) => Event::Start(Tag::Heading {
            level: below(level),
            id: None,
            classes: Vec::new(),
            attrs: Vec::new(),
        }),
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(below(level))),
        other => other,
    }
}

fn below(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H2,
        HeadingLevel::H2 => HeadingLevel::H3,
        HeadingLevel::H3 => HeadingLevel::H4,
        HeadingLevel::H4 => HeadingLevel::H5,
        HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

fn anchor(address: &str) -> Event<'static> {
    let opened = match goes_somewhere(address) {
        true => html! { a href=(address) rel="noopener noreferrer nofollow ugc" {} }.into_string(),
        false => html! { a {} }.into_string(),
    };
    let opened = opened.trim_end_matches("</a>").to_owned();
    Event::InlineHtml(opened.into())
}

/// Whether an address is of a scheme that only goes somewhere. A relative one would lead nowhere from here.
fn goes_somewhere(address: &str) -> bool {
    let scheme = address.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        ["http", "https", "mailto"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests {
    use super::render;

    fn rendered(text: &str) -> String {
        render(text).into_string()
    }

    #[test]
    fn markdown_shows_html_as_text_and_runs_nothing() {
        for (text, wanted) in [
            ("<script>alert(1)</script>", "&lt;script&gt;"),
            ("a <img src=x onerror=alert(1)>", "&lt;img src=x"),
            ("[a](javascript:alert(1))", "<a>a</a>"),
            ("[a](JaVaScRiPt:alert(1))", "<a>a</a>"),
            ("[a](data:text/html,x)", "<a>a</a>"),
            ("[a](java\nscript:x)", "java"),
            ("<javascript:alert(1)>", "<a>javascript:alert(1)</a>"),
            (
                "![a](https://example.org/a.png)",
                "<a href=\"https://example.org/a.png\" rel=",
            ),
            (
                "[a](https://example.org/\"onclick=x)",
                "/&quot;onclick=x\" rel=",
            ),
            (
                "[a](https://example.org 'b\"onclick=x')",
                "<a href=\"https://example.org\"",
            ),
            (
                "```x\"onclick=y\na\n```",
                "<pre tabindex=\"0\"><code>a\n</code></pre>",
            ),
            ("- [x] done", "<li>☑ done</li>"),
            ("# a {#id onclick=x}", "<h2>a {#id onclick=x}</h2>"),
        ] {
            let rendered = rendered(text);
            assert!(rendered.contains(wanted), "{text}: {rendered}");
            for bad in ["<script", "<img", "href=\"java", "href=\"data"] {
                assert!(!rendered.contains(bad), "{text}: {rendered}");
            }
        }
    }

    #[test]
    fn a_hostile_table_stays_small() {
        let columns = "|a".repeat(1000);
        let line = "|-".repeat(1000);
        let text = format!("{columns}\n{line}\n{}", "|\n".repeat(30_000));
        assert!(rendered(&text).len() < 4 << 20);
        let nested = "> ".repeat(60_000);
        assert!(rendered(&nested).len() < 4 << 20);
    }
}
