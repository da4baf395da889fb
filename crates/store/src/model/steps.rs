//! The steps of a plan: a deterministic reader of Markdown.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::model::todo::TodoText;

/// How much of a plan is read, in bytes.
pub(crate) const MAX_PLAN_BYTES: u64 = 1 << 20;
/// The most steps of a plan.
pub(crate) const MAX_STEPS: usize = 25;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) text: TodoText,
    /// Its box is checked.
    pub(crate) done: bool,
}

/// The steps that a plan has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Steps {
    /// In the order of the document.
    pub(crate) steps: Vec<Step>,
    /// There are others, after the last of these or in a part of the plan that was not read.
    pub(crate) more: bool,
}

/// Reads the steps of a plan: list items, and headings with a checkbox or a number, nested ones too, in the order of the
/// document. Anything can be read; what is not Markdown has no steps.
///
/// `whole` is false if the plan has more bytes than these: then its last line is left out, because it may be half a line.
pub(crate) fn steps_of(content: &[u8], whole: bool) -> Steps {
    let content = match (whole, content.iter().rposition(|byte| *byte == b'\n')) {
        (false, Some(end)) => &content[..end],
        _ => content,
    };
    let text = String::from_utf8_lossy(content);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let options = Options::ENABLE_TASKLISTS
        | Options::ENABLE_TABLES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut reader = Reader::default();
    for event in Parser::new_ext(text, options) {
        reader.read(event);
        if reader.ended > MAX_STEPS {
            break;
        }
    }
    let mut steps: Vec<_> = reader.found.iter().filter_map(Found::step).collect();
    let more = steps.len() > MAX_STEPS || !whole;
    steps.truncate(MAX_STEPS);
    Steps { steps, more }
}

/// A list item or a heading, in the order of their beginnings.
#[derive(Default)]
struct Found {
    text: String,
    done: bool,
    is_heading: bool,
    /// Its own text is complete; what follows within it is something else.
    ended: bool,
}

#[derive(Default)]
struct Reader {
    found: Vec<Found>,
    /// The items, by their places in `found`, that the reader is within.
    open: Vec<usize>,
    heading: Option<usize>,
    /// How many of those that ended are steps. What is still open may turn out to have no text.
    ended: usize,
}

impl Reader {
    fn begin(&mut self, is_heading: bool) -> usize {
        self.found.push(Found {
            is_heading,
            ..Found::default()
        });
        self.found.len() - 1
    }

    /// The item or the heading at this place ends here. A heading or an item that is not a step counts towards
    /// no bound, and is dropped unless something within it follows.
    fn end(&mut self, at: usize) {
        match self.found.get(at).and_then(Found::step) {
            Some(_) => self.ended += 1,
            None if at + 1 == self.found.len() => drop(self.found.pop()),
            None => {}
        }
    }

    /// The text of the innermost item ends here.
    fn cut(&mut self) {
        if let Some(item) = self.open.last() {
            self.found[*item].ended = true;
        }
    }

    fn add(&mut self, text: &str) {
        let at = self.heading.or_else(|| self.open.last().copied());
        if let Some(found) = at.and_then(|at| self.found.get_mut(at))
            && !found.ended
            && found.text.len() <= 2 * TodoText::MAX_BYTES
        {
            found.text.push_str(text);
        }
    }

    fn read(&mut self, event: Event<'_>) {
        match event {
            Event::Start(Tag::Item) => {
                let item = self.begin(false);
                self.open.push(item);
            }
            Event::End(TagEnd::Item) => {
                self.cut();
                if let Some(item) = self.open.pop() {
                    self.end(item);
                }
            }
            Event::Start(Tag::Heading { .. }) => {
                self.cut();
                self.heading = Some(self.begin(true));
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some(heading) = self.heading.take() {
                    self.end(heading);
                }
            }
            // The text of a tight item has no paragraph around it, that of a loose one has.
            Event::End(TagEnd::Paragraph)
            | Event::Start(
                Tag::List(_)
                | Tag::CodeBlock(_)
                | Tag::BlockQuote(_)
                | Tag::HtmlBlock
                | Tag::Table(_),
            ) => self.cut(),
            Event::TaskListMarker(checked) => {
                if let Some(item) = self.open.last() {
                    self.found[*item].done = checked;
                }
            }
            Event::Text(text) | Event::Code(text) => self.add(&text),
            Event::SoftBreak | Event::HardBreak => self.add(" "),
            _ => {}
        }
    }
}

impl Found {
    /// The step that it is, unless it has no text, or is a heading without a mark.
    fn step(&self) -> Option<Step> {
        let (text, done) = match self.is_heading {
            false => (&*self.text, self.done),
            true => marked(&self.text)?,
        };
        let text = TodoText::cut(text)?;
        Some(Step { text, done })
    }
}

/// The text of a heading that has a checkbox or a number, and whether the box is checked.
fn marked(heading: &str) -> Option<(&str, bool)> {
    let heading = heading.trim();
    for (mark, done) in [("[ ]", false), ("[x]", true), ("[X]", true)] {
        if let Some(rest) = heading.strip_prefix(mark) {
            return rest.starts_with(' ').then_some((rest, done));
        }
    }
    let after_word = ["step ", "phase ", "task "].iter().find_map(|word| {
        let (start, rest) = heading.split_at_checked(word.len())?;
        start.eq_ignore_ascii_case(word).then_some(rest)
    });
    let number = after_word.unwrap_or(heading);
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    let rest = number.get(digits..)?;
    let is_number = (1..=3).contains(&digits)
        && match after_word {
            Some(_) => rest.is_empty() || rest.starts_with([':', '.', ')', ' ', '-']),
            // "1.2 Scope" is the number of a section.
            None => {
                rest.starts_with(['.', ')', ':'])
                    && !rest[1..].starts_with(|c: char| c.is_ascii_digit())
            }
        };
    if !is_number {
        return None;
    }
    let text = rest.trim_start_matches([':', '.', ')', ' ', '-', '–', '—']);
    // "Step 3" alone is its own text.
    match (text.is_empty(), after_word) {
        (true, Some(_)) => Some((heading, false)),
        (true, None) => None,
        (false, _) => Some((text, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(plan: &str) -> Vec<(String, bool)> {
        let steps = steps_of(plan.as_bytes(), true).steps.into_iter();
        steps
            .map(|step| (step.text.as_str().to_owned(), step.done))
            .collect()
    }

    fn texts(plan: &str) -> Vec<String> {
        read(plan).into_iter().map(|(text, _)| text).collect()
    }

    #[test]
    fn lists_boxes_and_numbered_headings_are_steps() {
        let plan = "---\ntags:\n- front matter\n---\n# The plan\n\nWe do this.\n\n## 1. Prepare\n\n- [x] Read the `README`\n\
                    - [ ] Ask **Ann**\n\n## Step 2: Build\n\n1. Compile\n2) Link\n\n* Ship\n\n### [x] Tidy up\n\n## Notes\n";
        assert_eq!(
            read(plan),
            [
                ("Prepare", false),
                ("Read the README", true),
                ("Ask Ann", false),
                ("Build", false),
                ("Compile", false),
                ("Link", false),
                ("Ship", false),
                ("Tidy up", true),
            ]
            .map(|(text, done)| (text.to_owned(), done))
        );
    }

    #[test]
    fn a_nested_step_is_one_step_and_no_part_of_its_parent() {
        let plan = "- Build\n  - [ ] the api\n    with TLS\n  - the worker\n\n    ```sh\n    - not a step\n    ```\n\
                    - Test\n\n  More about it.\n";
        assert_eq!(
            texts(plan),
            ["Build", "the api with TLS", "the worker", "Test"]
        );
    }

    #[test]
    fn a_heading_without_a_mark_is_no_step() {
        let plan =
            "# Goal\n## 2026 review\n## 1.2 Scope\n## 3.\n## [link](x)\n## Stepwise\n## Step 4\n";
        assert_eq!(texts(plan), ["Step 4"]);
    }

    #[test]
    fn a_plan_has_at_most_25_steps() {
        let plan: String = (0..30).map(|i| format!("- step {i}\n")).collect();
        let read = steps_of(plan.as_bytes(), true);
        assert_eq!((read.steps.len(), read.more), (25, true));
        assert_eq!(read.steps[24].text.as_str(), "step 24");
        let nested: String = (0..30)
            .map(|i| format!("{}- step {i}\n", "  ".repeat(i)))
            .collect();
        assert_eq!(texts(&nested)[..2], ["step 0", "step 1"]);
    }

    #[test]
    fn what_is_no_step_does_not_count_towards_the_bound() {
        let junk = ["## H\n", "-\n", "- - \n", "- ```\n  code\n  ```\n"];
        for junk in junk {
            let plan = junk.repeat(30) + "\n## 1. step\n";
            let read = steps_of(plan.as_bytes(), true);
            let texts: Vec<_> = read.steps.iter().map(|step| step.text.as_str()).collect();
            assert_eq!((texts, read.more), (vec!["step"], false), "{junk}");
        }
    }

    #[test]
    fn half_a_line_at_the_end_of_what_was_read_is_no_step() {
        let read = steps_of(b"- one\n- two\n- thr", false);
        let texts: Vec<_> = read.steps.iter().map(|step| step.text.as_str()).collect();
        assert_eq!((texts, read.more), (vec!["one", "two"], true));
    }

    #[test]
    fn a_long_step_is_cut_at_a_character() {
        let long = format!("- {}\n-   \n- \u{7}\n", "é".repeat(2000));
        let texts = texts(&long);
        assert_eq!(texts.len(), 1);
        assert!(texts[0].len() <= TodoText::MAX_BYTES && texts[0].ends_with('…'));
    }
}
