//! The headers of requests for content, mutated.

use axum::http::{HeaderMap, HeaderValue, header};
use cairn_fuzz::fuzz;

use super::ranges::{Wanted, wanted};

#[test]
fn a_range_that_is_served_lies_in_the_content() {
    fuzz("ranges", |bytes| {
        let (size, range) = bytes.split_at_checked(8).unwrap_or((&[], bytes));
        let size = size.try_into().map_or(1000, u64::from_be_bytes);
        let value = HeaderValue::from_bytes(range).map_err(|e| e.to_string())?;
        let request = HeaderMap::from_iter([(header::RANGE, value)]);
        let wanted = wanted(&request, size);
        if let Wanted::Part(part) = &wanted {
            assert!(
                part.start() <= part.end() && *part.end() < size,
                "{part:?} of {size}"
            );
        }
        Ok::<_, String>(wanted)
    });
}
