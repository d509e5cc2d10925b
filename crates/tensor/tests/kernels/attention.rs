//! Attention against the textbook: all scores, a softmax, a weighted sum.

use crate::common::{assert_close, differences, normal, single, weigh};
use kleiber_tensor::kernels::attention::{
    Bias, Blocks, Mask, Pattern, Position, Rotary, Shape, backward, backward_across, forward, forward_across,
};

fn run(shape: Shape, packed: &[f64], pattern: &Pattern<'_, f64>) -> (Vec<f64>, Vec<f64>) {
    let rows = shape.batch * shape.context;
    let (mut out, mut logs) = (vec![0.0; rows * shape.output()], vec![0.0; rows * shape.heads]);
    forward(shape, packed, pattern, &mut out, &mut logs);
    (out, logs)
}

/// Whether head `h` of query `i` in sequence `b` sees key `j`, by the words of the mask.
fn sees(mask: &Mask<'_>, context: usize, b: usize, h: usize, i: usize, j: usize) -> bool {
    let start = mask.starts.map_or(0, |s| s[b * context + i] as usize);
    let span = mask.spans.map_or(usize::MAX, |s| s[h] as usize);
    let near = i - j.min(i) < span || j < start + mask.sinks as usize;
    let kept = mask.blocks.is_none_or(|m| m.keep[(h * m.count + i / m.size) * m.count + j / m.size]);
    let end = mask.lengths.map_or(i + 1, |l| l[b] as usize);
    j < end && j >= start && near && kept
}

fn textbook(shape: Shape, packed: &[f64], pattern: &Pattern<'_, f64>, rotary: Option<(usize, f64)>) -> Vec<f64> {
    let Shape { batch, context, heads, groups, width } = shape;
    let row = |b: usize, i: usize, column: usize| {
        let at = (b * context + i) * shape.packed() + column;
        packed[at..at + width].to_vec()
    };
    let place = |b: usize, i: usize| pattern.position.ids.map_or(i, |ids| ids[b * context + i] as usize);
    let turned = |b: usize, i: usize, column: usize| {
        let mut v = row(b, i, column);
        if let Some((dims, base)) = rotary {
            let half = dims / 2;
            for k in 0..half {
                let angle = place(b, i) as f64 * base.powf(-2.0 * k as f64 / dims as f64);
                let (x, y) = (v[k], v[k + half]);
                v[k] = x * angle.cos() - y * angle.sin();
                v[k + half] = x * angle.sin() + y * angle.cos();
            }
        }
        v
    };
    let mut out = vec![0.0; batch * context * shape.output()];
    for b in 0..batch {
        for h in 0..heads {
            let g = h / (heads / groups);
            for i in 0..context {
                let q = turned(b, i, h * width);
                let scores: Vec<(usize, f64)> = (0..context)
                    .filter(|&j| sees(&pattern.mask, context, b, h, i, j))
                    .map(|j| {
                        let k = turned(b, j, (heads + g) * width);
                        let dot: f64 = q.iter().zip(&k).map(|(a, b)| a * b).sum();
                        let distance = place(b, i).saturating_sub(place(b, j));
                        let bias = match pattern.position.bias {
                            Bias::None => 0.0,
                            Bias::Slopes(slopes) => -slopes[h] * distance as f64,
                            Bias::Table { values, buckets, bucket_of } => {
                                values[h * buckets + usize::from(bucket_of[distance.min(bucket_of.len() - 1)])]
                            }
                        };
                        (j, (dot / (width as f64).sqrt() + bias).exp())
                    })
                    .collect();
                let total: f64 = scores.iter().map(|s| s.1).sum();
                for (j, e) in &scores {
                    let v = row(b, *j, (heads + groups + g) * width);
                    for k in 0..width {
                        out[(b * context + i) * shape.output() + h * width + k] += e / total * v[k];
                    }
                }
            }
        }
    }
    out
}

/// Output and gradients for one pattern; the shape is small enough for differences when `check` is set.
fn compare(what: &str, shape: Shape, pattern: &Pattern<'_, f64>, rotary: Option<(usize, f64)>, check: bool) {
    let packed = normal(20, shape.batch * shape.context * shape.packed());
    let (out, logs) = run(shape, &packed, pattern);
    assert_close(what, &out, &textbook(shape, &packed, pattern, rotary), 1e-12);
    if check {
        let dout = normal(21, out.len());
        let got = backward(shape, &packed, pattern, (&out, &logs), &dout);
        let want = differences(&packed, |p| weigh(&run(shape, p, pattern).0, &dout));
        assert_close(&format!("{what}, gradient"), &got.packed, &want, 1e-7);
        if let Bias::Table { values, buckets, bucket_of } = pattern.position.bias {
            let through = |values: &[f64]| {
                let bias = Bias::Table { values, buckets, bucket_of };
                let pattern = Pattern { position: Position { bias, ..pattern.position }, ..*pattern };
                weigh(&run(shape, &packed, &pattern).0, &dout)
            };
            assert_close(&format!("{what}, table"), &got.table, &differences(values, through), 1e-7);
        }
    }
}

const SMALL: Shape = Shape { batch: 2, context: 9, heads: 4, groups: 2, width: 3 };

#[test]
fn plain_causal_attention_over_odd_shapes() {
    for (batch, context, heads, groups, width) in
        [(1, 1, 1, 1, 1), (2, 5, 2, 1, 4), (1, 70, 3, 3, 5), (1, 300, 2, 2, 8), (2, 65, 4, 2, 33)]
    {
        let shape = Shape { batch, context, heads, groups, width };
        compare("causal", shape, &Pattern::default(), None, context < 10);
    }
    compare("small", SMALL, &Pattern::default(), None, true);
}

#[test]
fn positions() {
    let rotary = Rotary::new(2, 100.0, 64);
    let ids: Vec<u32> = (0..18).map(|i| (i % 9 * 3 + i / 9) as u32).collect();
    for ids in [None, Some(ids.as_slice())] {
        let turned = Position { ids, rotary: Some(&rotary), bias: Bias::None };
        compare("rotary", SMALL, &Pattern { position: turned, ..Pattern::default() }, Some((2, 100.0)), true);
        let slopes = [0.5, 0.25, 0.125, 0.0625];
        let alibi = Position { ids, rotary: None, bias: Bias::Slopes(&slopes) };
        compare("alibi", SMALL, &Pattern { position: alibi, ..Pattern::default() }, None, true);
        let (values, bucket_of) = (normal(22, 12), [0, 1, 1, 2, 2, 2]);
        let t5 =
            Position { ids, rotary: None, bias: Bias::Table { values: &values, buckets: 3, bucket_of: &bucket_of } };
        compare("t5", SMALL, &Pattern { position: t5, ..Pattern::default() }, None, true);
    }
}

#[test]
fn masks() {
    let starts: Vec<u32> = [0, 0, 0, 3, 3, 3, 3, 7, 7, 0, 0, 2, 2, 2, 2, 2, 2, 8].to_vec();
    let spans = [9, 4, 2, 1];
    let blocks = Blocks { size: 3, count: 3, keep: (0..36).map(|i| i % 9 % 4 == 0 || i % 5 == 0).collect() };
    for (what, mask) in [
        ("documents", Mask { starts: Some(&starts), ..Mask::default() }),
        ("spans", Mask { spans: Some(&spans), ..Mask::default() }),
        ("sinks", Mask { spans: Some(&spans), sinks: 2, ..Mask::default() }),
        ("documents with sinks", Mask { starts: Some(&starts), spans: Some(&spans), sinks: 1, ..Mask::default() }),
        ("blocks", Mask { blocks: Some(&blocks), ..Mask::default() }),
        ("whole texts", Mask { lengths: Some(&[9, 5]), ..Mask::default() }),
    ] {
        compare(what, SMALL, &Pattern { mask, ..Pattern::default() }, None, true);
    }
    // Long enough for whole blocks of keys to be skipped.
    let long = Shape { batch: 1, context: 700, heads: 2, groups: 1, width: 4 };
    let mask = Mask { spans: Some(&[50, 600]), sinks: 3, ..Mask::default() };
    compare("long spans", long, &Pattern { mask, ..Pattern::default() }, None, false);
}

#[test]
fn whole_texts_with_positions_and_blocks_of_keys() {
    let rotary = Rotary::new(2, 100.0, 64);
    let position = Position { ids: None, rotary: Some(&rotary), bias: Bias::None };
    let mask = Mask { lengths: Some(&[4, 9]), ..Mask::default() };
    compare("whole, rotary", SMALL, &Pattern { position, mask }, Some((2, 100.0)), true);
    let long = Shape { batch: 2, context: 600, heads: 2, groups: 1, width: 4 };
    let mask = Mask { lengths: Some(&[599, 70]), ..Mask::default() };
    compare("long texts", long, &Pattern { mask, ..Pattern::default() }, None, false);
}

/// Attention from one text to another by the words of its definition.
fn textbook_across(shape: Shape, queries: &[f64], keys: &[f64], lengths: &[u32]) -> Vec<f64> {
    let Shape { batch, context, heads, groups, width } = shape;
    let count = keys.len() / (batch * 2 * groups * width);
    let mut out = vec![0.0; queries.len()];
    for (b, i, h) in (0..batch * context * heads).map(|n| (n / heads / context, n / heads % context, n % heads)) {
        let g = h / (heads / groups);
        let q = &queries[((b * context + i) * heads + h) * width..][..width];
        let part = |j: usize, column: usize| &keys[((b * count + j) * 2 * groups + column) * width..][..width];
        let score = |j: usize| q.iter().zip(part(j, g)).map(|(a, b)| a * b).sum::<f64>() / (width as f64).sqrt();
        let seen = 0..lengths[b] as usize;
        let total: f64 = seen.clone().map(|j| score(j).exp()).sum();
        for j in seen {
            for (k, v) in part(j, groups + g).iter().enumerate() {
                out[((b * context + i) * heads + h) * width + k] += score(j).exp() / total * v;
            }
        }
    }
    out
}

#[test]
fn attention_across_texts_of_other_lengths() {
    for (shape, count, lengths) in [
        (Shape { batch: 3, context: 4, heads: 4, groups: 2, width: 3 }, 6, [6, 1, 4]),
        (Shape { batch: 3, context: 7, heads: 2, groups: 2, width: 5 }, 2, [1, 2, 2]),
        (Shape { batch: 3, context: 70, heads: 2, groups: 1, width: 4 }, 300, [300, 257, 20]),
    ] {
        let rows = shape.batch * shape.context;
        let (queries, keys) =
            (normal(25, rows * shape.output()), normal(26, 3 * count * 2 * shape.groups * shape.width));
        let through = |queries: &[f64], keys: &[f64]| {
            let (mut out, mut logs) = (vec![0.0; rows * shape.output()], vec![0.0; rows * shape.heads]);
            forward_across(shape, (queries, keys), &lengths, &mut out, &mut logs);
            (out, logs)
        };
        let (out, logs) = through(&queries, &keys);
        assert_close("across", &out, &textbook_across(shape, &queries, &keys, &lengths), 1e-12);
        if count < 100 {
            let dout = normal(27, out.len());
            let (dqueries, dkeys) = backward_across(shape, (&queries, &keys), &lengths, (&out, &logs), &dout);
            let want = differences(&queries, |q| weigh(&through(q, &keys).0, &dout));
            assert_close("across, queries", &dqueries, &want, 1e-7);
            let want = differences(&keys, |k| weigh(&through(&queries, k).0, &dout));
            assert_close("across, keys", &dkeys, &want, 1e-7);
        }
    }
}

#[test]
fn single_precision_is_close() {
    let shape = Shape { batch: 2, context: 130, heads: 4, groups: 2, width: 16 };
    let packed = normal(23, 2 * 130 * shape.packed());
    let (out, logs) = run(shape, &packed, &Pattern::default());
    let dout = normal(24, out.len());
    let exact = backward(shape, &packed, &Pattern::default(), (&out, &logs), &dout).packed;
    let (packed, dout) = (single(&packed), single(&dout));
    let (mut out32, mut logs32) = (vec![0f32; out.len()], vec![0f32; logs.len()]);
    forward(shape, &packed, &Pattern::default(), &mut out32, &mut logs32);
    let got = backward(shape, &packed, &Pattern::default(), (&out32, &logs32), &dout).packed;
    let double = |v: &[f32]| v.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
    assert_close("out", &double(&out32), &out, 3e-6);
    assert_close("gradient", &double(&got), &exact, 3e-6);
}
