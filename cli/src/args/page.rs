//! Reading lists that come in pages.

use cairn_proto::json::Page;
use clap::Args;

use crate::{error::CliError, terminal::output::Output};

/// The most that the server gives in one page.
const PAGE_SIZE: u32 = 200;

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

/// Tells a person how to go on.
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
        fetch: impl AsyncFnMut(i32, String) -> Result<(Vec<T>, String), CliError>,
    ) -> Result<(Vec<T>, Page), CliError> {
        let limit = (!self.all).then_some(self.limit);
        read(limit, self.page_token, fetch).await
    }
}

/// Reads a list from its beginning to its end.
pub(crate) async fn read_all<T>(
    fetch: impl AsyncFnMut(i32, String) -> Result<(Vec<T>, String), CliError>,
) -> Result<Vec<T>, CliError> {
    let (items, _) = read(None, String::new(), fetch).await?;
    Ok(items)
}

async fn read<T>(
    limit: Option<u32>,
    mut token: String,
    mut fetch: impl AsyncFnMut(i32, String) -> Result<(Vec<T>, String), CliError>,
) -> Result<(Vec<T>, Page), CliError> {
    let mut items = Vec::new();
    loop {
        let left = limit.map_or(PAGE_SIZE, |limit| limit.saturating_sub(items.len() as u32));
        if left == 0 {
            break;
        }
        let (page, next) = fetch(left.min(PAGE_SIZE) as i32, token).await?;
        items.extend(page);
        token = next;
        if token.is_empty() {
            break;
        }
    }
    Ok((items, Page::before(token)))
}

#[cfg(test)]
mod tests {
    use cairn_proto::json::Page;

    use super::read;
    use crate::error::CliError;

    /// Reads from a list of 0, 1, 2 … 449, whose tokens are the next number.
    async fn numbers(limit: Option<u32>, token: &str) -> Result<(Vec<i32>, Page), CliError> {
        read(limit, token.to_owned(), async |size, token: String| {
            let start = token.parse().unwrap_or(0);
            let end = 450.min(start + size);
            let next = if end < 450 {
                end.to_string()
            } else {
                String::new()
            };
            Ok(((start..end).collect(), next))
        })
        .await
    }

    fn more(token: Option<&str>) -> Page {
        Page::before(token.unwrap_or_default().to_owned())
    }

    #[tokio::test]
    async fn a_limit_is_kept_across_pages_and_tells_where_to_go_on() -> Result<(), CliError> {
        assert_eq!(
            numbers(Some(50), "").await?,
            ((0..50).collect(), more(Some("50")))
        );
        assert_eq!(
            numbers(Some(250), "").await?,
            ((0..250).collect(), more(Some("250")))
        );
        assert_eq!(
            numbers(Some(250), "250").await?,
            ((250..450).collect(), more(None))
        );
        Ok(())
    }

    #[tokio::test]
    async fn without_a_limit_everything_is_read() -> Result<(), CliError> {
        assert_eq!(numbers(None, "").await?, ((0..450).collect(), more(None)));
        Ok(())
    }
}
