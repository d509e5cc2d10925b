//! Seeded edits of valid files, and the memory that reading them took; also used by the tests of other crates.
#![allow(dead_code)]

use kleiber_core::rng::Rng;

/// One to `most` edits of `bytes`: flips, bytes of `special`, numbers, cuts, copies, deletions and pieces of `other`.
pub(crate) fn mutate(bytes: &[u8], other: &[u8], special: &[u8], most: usize, rng: &mut Rng) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..1 + rng.below(most) {
        if out.is_empty() {
            break;
        }
        let at = rng.below(out.len());
        let end = at + rng.below((out.len() - at).min(200)) + 1;
        match rng.below(8) {
            0 => out[at] ^= 1 << rng.below(8),
            1 => out[at] = special[rng.below(special.len())],
            2 => out[at] = rng.next_u64() as u8,
            3 => {
                let number = [0u32, 1, u32::MAX, 1 << 31, (1 << 31) - 1, 1 << 16][rng.below(6)].to_le_bytes();
                out.iter_mut().skip(at).zip(number).for_each(|(b, n)| *b = n);
            }
            4 if rng.below(4) == 0 => out.truncate(at),
            4 => drop(out.drain(at..(at + 4).min(out.len()))),
            5 => {
                let copy = out[at..end].to_vec();
                out.splice(at..at, copy.repeat(1 + rng.below(8)));
            }
            6 => drop(out.drain(at..end)),
            _ => {
                let from = rng.below(other.len());
                let to = from + rng.below((other.len() - from).min(200)) + 1;
                out.splice(at..end, other[from..to].iter().copied());
            }
        }
    }
    out
}

/// Most memory this process has held, where the system tells.
pub(crate) fn peak_rss() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib << 10)
}
