//! Text as it is.

use maud::{Markup, html};

/// Renders text, with a focus, so that keys scroll it.
pub(super) fn render(text: &str) -> Markup {
    html! { pre class="text" tabindex="0" { (text) } }
}
