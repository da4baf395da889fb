//! Reading lists that come in pages.

use cairn_client::{Error, pages};
use cairn_proto::json::Page;
use clap::Args;

use crate::{error::CliError, terminal::output::Output};

/// How much of a list to print.
#[derive(Args)]
pub(crate) struct PageArgs {
    /// Print at most this many
    #[arg(
        long,
        value_name = "N",
        default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    limit: u32,
    /// Print all that there are
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Go on where an earlier list ended
    #[arg(
        long,
        value_name = "TOKEN",
        default_value = "",
        hide_default_value = true
    )]
    page_token: String,
}

/// Prints how to read the next page.
pub(crate) fn hint_more(page: &Page, output: Output) {
    if let Some(token) = &page.next_cursor {
        output.hint(&format!("there is more: --page-token {token}, or --all"));
    }
}

impl PageArgs {
    /// Reads as much as was asked for. `fetch` gets the size and the token of a page, and answers its items and the token
    /// of the next.
    pub(crate) async fn read<T>(
        self,
        fetch: impl AsyncFnMut(i32, String) -> Result<(Vec<T>, String), Error>,
    ) -> Result<(Vec<T>, Page), CliError> {
        let limit = (!self.all).then_some(self.limit);
        Ok(pages::read(limit, self.page_token, fetch).await?)
    }
}
