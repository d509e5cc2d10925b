//! Which keys a query sees: none after it unless it sees all of a sequence, and of the others what spans, documents and
//! blocks leave.

/// Visible keys, beyond causality.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mask<'a> {
    /// First key that each token may see, `[batch * context]`, counted within its sequence and never falling along
    /// it: the start of its document.
    pub starts: Option<&'a [u32]>,
    /// Keys that each head sees, the query's own included, counted back from the query.
    pub spans: Option<&'a [u32]>,
    /// Keys at the start of the document that stay visible beyond the span.
    pub sinks: u32,
    /// Blocks that stay visible.
    pub blocks: Option<&'a Blocks>,
    /// First keys of each sequence that all of its queries see, those after a query included; without them a query sees
    /// none after itself.
    pub lengths: Option<&'a [u32]>,
}

/// A pattern of square blocks for each head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    /// Queries and keys of a block.
    pub size: usize,
    /// Blocks along each axis.
    pub count: usize,
    /// Whether a head keeps a block: `keep[(head * count + query_block) * count + key_block]`.
    pub keep: Vec<bool>,
}

impl Blocks {
    /// Whether the block of a query and a key is kept.
    pub fn kept(&self, head: usize, query: usize, key: usize) -> bool {
        self.keep[(head * self.count + query / self.size) * self.count + key / self.size]
    }
}

/// The mask of one head in one sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadMask<'a> {
    starts: Option<&'a [u32]>,
    span: usize,
    sinks: usize,
    blocks: Option<(&'a Blocks, usize)>,
    length: Option<usize>,
}

impl<'a> Mask<'a> {
    pub(super) fn of(&self, sequence: usize, context: usize, head: usize) -> HeadMask<'a> {
        HeadMask {
            starts: self.starts.map(|s| &s[sequence * context..(sequence + 1) * context]),
            span: self.spans.map_or(usize::MAX, |s| s[head].max(1) as usize),
            sinks: self.sinks as usize,
            blocks: self.blocks.map(|b| (b, head)),
            length: self.lengths.map(|l| l[sequence] as usize),
        }
    }
}

impl HeadMask<'_> {
    fn start(&self, query: usize) -> usize {
        self.starts.map_or(0, |s| s[query] as usize)
    }

    /// First key after all that a query may see.
    pub(super) fn end(&self, query: usize) -> usize {
        self.length.unwrap_or(query + 1)
    }

    /// First key within document and span.
    pub(super) fn first(&self, query: usize) -> usize {
        self.start(query).max((query + 1).saturating_sub(self.span))
    }

    /// Whether any query of `q0..q1` may see any key of `k0..k1`.
    pub(super) fn any(&self, q0: usize, q1: usize, k0: usize, k1: usize) -> bool {
        let within = k0 < self.end(q1 - 1) && k1 > self.first(q0);
        let sunk = self.sinks > 0 && k0 < self.start(q1 - 1) + self.sinks && k1 > self.start(q0);
        (within || sunk)
            && self.blocks.is_none_or(|(blocks, head)| {
                let step =
                    |from: usize, to: usize| (from / blocks.size..=(to - 1) / blocks.size).map(|b| b * blocks.size);
                step(q0, q1).any(|q| step(k0, k1).any(|k| blocks.kept(head, q, k)))
            })
    }

    /// Hides scores of `query` to keys from `k0` on that it must not see, as `hidden`.
    #[inline(always)]
    pub(super) fn hide<T: Copy>(&self, query: usize, k0: usize, scores: &mut [T], hidden: T) {
        let end = self.end(query).saturating_sub(k0).min(scores.len());
        scores[end..].fill(hidden);
        let first = self.first(query).saturating_sub(k0).min(end);
        if first > 0 {
            let start = self.start(query);
            let sunk = (start + self.sinks).saturating_sub(k0).min(first);
            let before = start.saturating_sub(k0).min(sunk);
            scores[..before].fill(hidden);
            scores[sunk..first].fill(hidden);
        }
        if let Some((blocks, head)) = self.blocks {
            for (j, score) in scores[..end].iter_mut().enumerate() {
                if !blocks.kept(head, query, k0 + j) {
                    *score = hidden;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(mask: &Mask<'_>, query: usize, context: usize) -> Vec<usize> {
        let mut scores = vec![1; context];
        mask.of(0, context, 0).hide(query, 0, &mut scores, 0);
        (0..context).filter(|j| scores[*j] == 1).collect()
    }

    #[test]
    fn spans_sinks_documents_and_blocks() {
        assert_eq!(seen(&Mask::default(), 3, 6), [0, 1, 2, 3]);
        assert_eq!(seen(&Mask { spans: Some(&[2]), ..Mask::default() }, 3, 6), [2, 3]);
        assert_eq!(seen(&Mask { spans: Some(&[2]), sinks: 1, ..Mask::default() }, 4, 6), [0, 3, 4]);
        let starts = [0, 0, 2, 2, 2, 2];
        assert_eq!(seen(&Mask { starts: Some(&starts), ..Mask::default() }, 4, 6), [2, 3, 4]);
        let sunk = Mask { starts: Some(&starts), spans: Some(&[1]), sinks: 1, ..Mask::default() };
        assert_eq!(seen(&sunk, 5, 6), [2, 5]);
        let blocks =
            Blocks { size: 2, count: 3, keep: vec![true, false, false, false, true, false, true, false, true] };
        assert_eq!(seen(&Mask { blocks: Some(&blocks), ..Mask::default() }, 5, 6), [0, 1, 4, 5]);
        let whole = Mask { lengths: Some(&[4]), ..Mask::default() };
        assert_eq!([0, 5].map(|query| seen(&whole, query, 6)), [[0, 1, 2, 3]; 2]);
        let head = Mask { blocks: Some(&blocks), ..Mask::default() };
        assert!(!head.of(0, 6, 0).any(4, 6, 2, 4) && head.of(0, 6, 0).any(4, 6, 0, 2));
    }
}
