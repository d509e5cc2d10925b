//! Best-fit packing of whole documents into rows.

use crate::TokenStore;
use std::collections::BTreeMap;

/// Consecutive tokens of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: u64,
    pub(super) length: u32,
}

/// Rows of pieces; the pieces of row r are `pieces[ends[r - 1]..ends[r]]`.
#[derive(Debug)]
pub(super) struct Packing {
    pieces: Vec<Piece>,
    ends: Vec<u64>,
}

impl Packing {
    /// Splits documents into pieces of at most `context` tokens and puts each, the longest first, into the fullest
    /// row that has room for it.
    pub(super) fn new(store: &TokenStore, context: u32) -> Self {
        let mut pieces = Vec::new();
        for document in 0..store.documents() {
            let range = store.document_range(document);
            let mut start = range.start;
            while start < range.end {
                let length = (range.end - start).min(u64::from(context)) as u32;
                pieces.push(Piece { start, length });
                start += u64::from(length);
            }
        }
        pieces.sort_unstable_by_key(|p| (std::cmp::Reverse(p.length), p.start));
        let mut rows: Vec<Vec<Piece>> = Vec::new();
        let mut open: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for piece in pieces.drain(..) {
            let fit = open
                .range_mut(piece.length..)
                .next()
                .and_then(|(&room, rows)| Some((room, rows.pop()?, rows.is_empty())));
            let (room, row) = match fit {
                Some((room, row, emptied)) => {
                    if emptied {
                        open.remove(&room);
                    }
                    (room, row)
                }
                None => {
                    rows.push(Vec::new());
                    (context, rows.len() - 1)
                }
            };
            rows[row].push(piece);
            if room > piece.length {
                open.entry(room - piece.length).or_default().push(row);
            }
        }
        let mut ends = Vec::with_capacity(rows.len());
        for row in rows {
            pieces.extend(row);
            ends.push(pieces.len() as u64);
        }
        Self { pieces, ends }
    }

    pub(super) fn rows(&self) -> u64 {
        self.ends.len() as u64
    }

    pub(super) fn row(&self, row: u64) -> &[Piece] {
        let begin = if row == 0 { 0 } else { self.ends[row as usize - 1] };
        &self.pieces[begin as usize..self.ends[row as usize] as usize]
    }
}
