//! Lists that come in pages.

use cairn_proto::json::Page;

use crate::Error;

/// The most that the server gives in one page.
const PAGE_SIZE: u32 = 200;

/// Reads a list from its beginning to its end. `fetch` gets the size and the token of a page, and returns its items and the
/// token of the next page.
///
/// # Errors
///
/// The first error of `fetch`.
pub async fn read_all<T>(
    fetch: impl AsyncFnMut(i32, String) -> Result<(Vec<T>, String), Error>,
) -> Result<Vec<T>, Error> {
    let (items, _) = read(None, String::new(), fetch).await?;
    Ok(items)
}

/// Reads at most `limit` items of a list, or all, from the page with this token on; an empty token is the first page. Also
/// returns where the list goes on. `fetch` is as for [`read_all`].
///
/// # Errors
///
/// The first error of `fetch`.
pub async fn read<T>(
    limit: Option<u32>,
    mut token: String,
    mut fetch: impl AsyncFnMut(i32, String) -> Result<(Vec<T>, String), Error>,
) -> Result<(Vec<T>, Page), Error> {
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
    use super::*;

    /// Reads from a list of 0, 1, 2 … 449, whose tokens are the next number.
    async fn numbers(limit: Option<u32>, token: &str) -> Result<(Vec<i32>, Page), Error> {
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

    fn page(token: &str) -> Page {
        Page::before(token.to_owned())
    }

    #[tokio::test]
    async fn a_limit_holds_across_pages() -> Result<(), Error> {
        for (limit, token, items, next) in [
            (50, "", 0..50, "50"),
            (250, "", 0..250, "250"),
            (250, "250", 250..450, ""),
        ] {
            let read = numbers(Some(limit), token).await?;
            assert_eq!(read, (items.collect(), page(next)));
        }
        Ok(())
    }

    #[tokio::test]
    async fn without_a_limit_every_page_is_read() -> Result<(), Error> {
        assert_eq!(numbers(None, "").await?, ((0..450).collect(), page("")));
        Ok(())
    }
}
