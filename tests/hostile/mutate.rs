//! Damages files, the same way every time.

use unnoise::random::{Random, Stream};

/// What numbers and text of a file are replaced by.
const TOKENS: [&[u8]; 22] = [
    b"-1",
    b"0",
    b"1e308",
    b"1e999",
    b"0.5",
    b"4294967296",
    b"18446744073709551615",
    b"9223372036854775808",
    b"null",
    b"[]",
    b"{}",
    b"[[[[[[[[",
    b"\"\"",
    b"\"__proto__\"",
    b"true",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x00",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"[18446744073709551615,18446744073709551615]",
    b"[0,18446744073709551615]",
    b"\"BF16\"",
];
/// Changes of one file.
const MAX_CHANGES: usize = 6;

pub struct Mutator {
    random: Random,
    drawn: u64,
}

impl Mutator {
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            drawn: 0,
        }
    }

    /// Uniform on 0..`bound`; 0 for none.
    fn below(&mut self, bound: usize) -> usize {
        self.drawn += 1;
        let bound = bound.clamp(1, 1 << 32);
        self.random.below(bound, Stream::Order, 0, self.drawn)
    }

    /// One of `seeds`, changed in a few places.
    pub fn damaged(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let seed = self.below(seeds.len());
        let mut bytes = seeds[seed].clone();
        for _ in 0..=self.below(MAX_CHANGES) {
            self.change(&mut bytes, seeds);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        // Mostly at the front, where formats say what follows.
        let reach = if self.below(4) == 0 {
            bytes.len()
        } else {
            bytes.len().min(2048)
        };
        let at = self.below(reach + 1).min(bytes.len());
        match self.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 if at < bytes.len() => bytes[at] = self.below(256) as u8,
            2 => bytes.truncate(at),
            3 => {
                let end = (at + self.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let end = (at + self.below(256)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            5 => {
                let seed = self.below(seeds.len());
                let other = &seeds[seed];
                let from = self.below(other.len());
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
            _ => self.replace_token(bytes, at),
        }
    }

    /// Replaces the number or word at or after `at`.
    fn replace_token(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_\"".contains(byte);
        let start = bytes[at..]
            .iter()
            .position(is_part)
            .map_or(at, |skip| at + skip);
        let length = bytes[start..].iter().position(|byte| !is_part(byte));
        let end = length.map_or(bytes.len(), |length| start + length);
        let token = TOKENS[self.below(TOKENS.len())];
        bytes.splice(start..end, token.iter().copied());
    }
}
