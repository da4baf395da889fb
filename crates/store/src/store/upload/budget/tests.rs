use futures_util::FutureExt;
use uuid::Uuid;

use super::*;

const PART: usize = 8 * BLOCK;

fn tenant(number: u128) -> TenantId {
    TenantId(Uuid::from_u128(number))
}

fn budget(blocks: usize) -> Budget {
    Budget::new(blocks * BLOCK, PART)
}

/// Takes a block if there is one for the part now.
fn now(claim: &mut PartClaim) -> Option<Block> {
    claim.block().now_or_never().map(|block| block.unwrap())
}

#[tokio::test]
async fn parts_that_grow_side_by_side_all_get_full() {
    // Two parts fit, and five are filled at once, in every order.
    let budget = budget(2 * 8);
    let mut parts: Vec<_> = (0..5)
        .map(|_| (budget.part(tenant(1), PART), Vec::new()))
        .collect();
    let mut filled = 0;
    while !parts.is_empty() {
        let mut moved = false;
        for (claim, blocks) in &mut parts {
            if let Some(block) = now(claim) {
                blocks.push(block);
                moved = true;
            }
        }
        let before = parts.len();
        parts.retain(|(_, blocks)| blocks.len() < 8);
        filled += before - parts.len();
        assert!(moved || parts.len() < before, "all wait for each other");
    }
    assert_eq!(filled, 5);
}

#[tokio::test]
async fn a_tenant_cannot_take_what_is_left_to_others() {
    let budget = budget(32);
    let mut greedy: Vec<_> = (0..8).map(|_| budget.part(tenant(1), PART)).collect();
    let mut held = Vec::new();
    for claim in &mut greedy {
        held.extend(std::iter::from_fn(|| now(claim)).take(8));
    }
    assert_eq!(held.len(), 24);
    let mut other = budget.part(tenant(2), PART);
    let blocks: Vec<_> = std::iter::from_fn(|| now(&mut other)).take(8).collect();
    assert_eq!(blocks.len(), 8);
}

#[tokio::test]
async fn what_is_given_back_goes_to_the_tenant_with_least() {
    let budget = budget(8);
    let mut large = budget.part(tenant(1), 6 * BLOCK);
    let mut held: Vec<_> = (0..6).map(|_| now(&mut large).unwrap()).collect();
    drop(large);
    let mut rest = budget.part(tenant(3), 2 * BLOCK);
    let _rest = [now(&mut rest).unwrap(), now(&mut rest).unwrap()];
    let mut more = budget.part(tenant(1), BLOCK);
    let mut other = budget.part(tenant(2), BLOCK);
    // The tenant that holds most asks first.
    let (mut first, mut second) = (Box::pin(more.block()), Box::pin(other.block()));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    held.pop();
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_some());
    held.pop();
    assert!(first.as_mut().now_or_never().is_some());
}

#[tokio::test]
async fn a_block_for_a_caller_that_is_gone_comes_back() {
    let budget = budget(8);
    let mut first = budget.part(tenant(1), PART);
    let held: Vec<_> = (0..8).map(|_| now(&mut first).unwrap()).collect();
    drop(first);
    for _ in 0..8 {
        let mut gone = budget.part(tenant(2), BLOCK);
        let mut waiting = Box::pin(gone.block());
        assert!(waiting.as_mut().now_or_never().is_none());
    }
    drop(held);
    let mut next = budget.part(tenant(3), PART);
    let all: Vec<_> = std::iter::from_fn(|| now(&mut next)).take(8).collect();
    assert_eq!(all.len(), 8);
    drop((next, all));
    assert!(budget.lock().tenants.is_empty());
}
