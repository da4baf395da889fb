//! Mutations of inputs.

use rand::{Rng, RngExt, seq::IndexedRandom};

/// No mutation makes an input longer.
const LONGEST: usize = 8 << 10;
/// Bytes at which parsers turn.
const EDGES: [u8; 12] = [
    0, 1, 9, b'"', b'%', b'(', b'-', b'.', b'\\', 0x7f, 0x80, 0xff,
];

/// Changes an input in one to eight places. `others` are inputs whose parts may be inserted.
pub(crate) fn mutate(input: &mut Vec<u8>, others: &[Vec<u8>], rng: &mut impl Rng) {
    for _ in 0..rng.random_range(1..=8) {
        let at = rng.random_range(0..=input.len());
        match rng.random_range(0..8) {
            0 if at < input.len() => input[at] ^= 1 << rng.random_range(0..8),
            1 if at < input.len() => input[at] = rng.random(),
            2 => input.insert(at, edge(rng)),
            3 if at < input.len() => {
                let end = (at + rng.random_range(1..=16)).min(input.len());
                input.drain(at..end);
            }
            4 if at < input.len() => {
                let end = (at + rng.random_range(1..=64)).min(input.len());
                let part = input[at..end].to_vec();
                let times = 1 << rng.random_range(0..7);
                input.splice(at..at, part.repeat(times));
            }
            5 => {
                let other = others.choose(rng).map_or(&[][..], Vec::as_slice);
                input.splice(at..at, part(other, rng));
            }
            6 => {
                let other = others.choose(rng).map_or(&[][..], Vec::as_slice);
                input.truncate(at);
                input.extend(part(other, rng));
            }
            _ => {
                let digits = rng.random::<i64>() >> rng.random_range(0..63);
                input.splice(at..at, digits.to_string().into_bytes());
            }
        }
        input.truncate(LONGEST);
    }
}

fn edge(rng: &mut impl Rng) -> u8 {
    EDGES.choose(rng).copied().unwrap_or_default()
}

fn part(of: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let from = rng.random_range(0..=of.len());
    let to = rng.random_range(from..=of.len());
    of[from..to].to_vec()
}
