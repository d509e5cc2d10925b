//! Models of two heads that share one key and one value by the definition of every layer, in double precision.

use kleiber_models::{Decoder, Pass};

/// Every layer by its definition, in double precision.
pub(crate) struct Textbook<'a>(pub(crate) &'a Decoder);

type Rows = Vec<Vec<f64>>;

impl Textbook<'_> {
    fn array(&self, name: &str) -> Rows {
        let entry = self.0.parameters().entries().iter().find(|e| e.name == format!("{name}.weight")).unwrap();
        let numbers = &self.0.parameters().values()[entry.offset..entry.offset + entry.len()];
        numbers.chunks(*entry.shape.last().unwrap()).map(|r| r.iter().map(|v| f64::from(*v)).collect()).collect()
    }

    fn linear(&self, x: &Rows, name: &str) -> Rows {
        let w = self.array(name);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        x.iter().map(|x| w.iter().map(|w| dot(x, w)).collect()).collect()
    }

    fn norm(&self, x: &Rows, name: &str) -> Rows {
        let gain = &self.array(name)[0];
        let of = |x: &Vec<f64>| {
            let size = (x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64 + 1e-5).sqrt();
            x.iter().zip(gain).map(|(v, g)| v / size * g).collect()
        };
        x.iter().map(of).collect()
    }

    /// Two heads of four numbers that share one key and one value.
    fn attention(q: &Rows, k: &Rows, v: &Rows, causal: bool) -> Rows {
        let head = |i: usize, h: usize| {
            let seen = 0..if causal { i + 1 } else { k.len() };
            let score = |j: usize| (0..4).map(|n| q[i][4 * h + n] * k[j][n]).sum::<f64>() / 2.0;
            let total: f64 = seen.clone().map(|j| score(j).exp()).sum();
            (0..4).map(|n| seen.clone().map(|j| score(j).exp() / total * v[j][n]).sum()).collect::<Vec<f64>>()
        };
        (0..q.len()).map(|i| [head(i, 0), head(i, 1)].concat()).collect()
    }

    fn columns(x: &Rows, from: usize, to: usize) -> Rows {
        x.iter().map(|r| r[from..to].to_vec()).collect()
    }

    fn add(a: &Rows, b: &Rows) -> Rows {
        a.iter().zip(b).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a + b).collect()).collect()
    }

    fn embedded(&self, tokens: &[u32], positions: &str) -> Rows {
        let (rows, places) = (self.array("embedding"), self.array(positions));
        let x: Rows = tokens.iter().map(|t| rows[*t as usize].clone()).collect();
        Self::add(&x, &places)
    }

    fn block(&self, x: Rows, name: &str, memory: Option<&Rows>, causal: bool) -> Rows {
        let x = self.attended(x, name, memory, causal);
        Self::add(&x, &self.feed_forward(&self.norm(&x, &format!("{name}.mlp_norm")), &format!("{name}.mlp")))
    }

    fn attended(&self, mut x: Rows, name: &str, memory: Option<&Rows>, causal: bool) -> Rows {
        let at = |part: &str| format!("{name}.{part}");
        let packed = self.linear(&self.norm(&x, &at("attention_norm")), &at("attention.packed"));
        let [q, k, v] = [(0, 8), (8, 12), (12, 16)].map(|(from, to)| Self::columns(&packed, from, to));
        x = Self::add(&x, &self.linear(&Self::attention(&q, &k, &v, causal), &at("attention.output")));
        if let Some(memory) = memory {
            let q = self.linear(&self.norm(&x, &at("cross_norm")), &at("cross.queries"));
            let keys = self.linear(memory, &at("cross.keys"));
            let [k, v] = [(0, 4), (4, 8)].map(|(from, to)| Self::columns(&keys, from, to));
            x = Self::add(&x, &self.linear(&Self::attention(&q, &k, &v, false), &at("cross.output")));
        }
        x
    }

    /// Squared rectifiers, by the expert with the highest score where there are several.
    fn feed_forward(&self, rows: &Rows, name: &str) -> Rows {
        let of = |x: &[f64], name: &str| {
            let mut up = self.linear(&vec![x.to_vec()], &format!("{name}.up"));
            up.iter_mut().flatten().for_each(|u| *u = u.max(0.0).powi(2));
            self.linear(&up, &format!("{name}.down")).remove(0)
        };
        if self.0.config().experts == 1 {
            return rows.iter().map(|x| of(x, name)).collect();
        }
        let routed = rows.iter().zip(self.probabilities(rows, name)).map(|(x, p)| {
            let best = Self::best(&p);
            of(x, &format!("{name}.{best}")).into_iter().map(|v| p[best] * v).collect()
        });
        routed.collect()
    }

    /// Probability of each expert for each row.
    fn probabilities(&self, rows: &Rows, name: &str) -> Rows {
        let scores = self.linear(rows, &format!("{name}.router"));
        let of = |row: Vec<f64>| {
            let total: f64 = row.iter().map(|s| s.exp()).sum();
            row.iter().map(|s| s.exp() / total).collect()
        };
        scores.into_iter().map(of).collect()
    }

    fn best(p: &[f64]) -> usize {
        (0..p.len()).max_by(|a, b| p[*a].total_cmp(&p[*b])).unwrap()
    }

    /// Losses of a target, after a source where there is an encoder, and the mean over the blocks of the loss of balance
    /// among experts.
    pub(crate) fn losses(&self, source: Option<&[u32]>, target: &[u32]) -> (Vec<f64>, f64) {
        let memory = source.map(|source| {
            let encoded = (0..2).fold(self.embedded(source, "encoder.positions"), |x, i| {
                self.block(x, &format!("encoder.blocks.{i}"), None, false)
            });
            self.norm(&encoded, "encoder.norm")
        });
        let (mut x, mut balance) = (self.embedded(target, "positions"), 0.0);
        for name in ["blocks.0", "blocks.1"] {
            balance += self.balance(&x, name) / 2.0;
            x = self.block(x, name, memory.as_ref(), true);
        }
        (self.after(&x, target), balance)
    }

    /// Loss of balance among the experts of a block without an encoder.
    fn balance(&self, x: &Rows, name: &str) -> f64 {
        let experts = self.0.config().experts;
        if experts == 1 {
            return 0.0;
        }
        let rows = self.norm(&self.attended(x.clone(), name, None, true), &format!("{name}.mlp_norm"));
        let p = self.probabilities(&rows, &format!("{name}.mlp"));
        let share = |e: usize| p.iter().filter(|p| Self::best(p) == e).count() as f64 / p.len() as f64;
        let mean = |e: usize| p.iter().map(|p| p[e]).sum::<f64>() / p.len() as f64;
        experts as f64 * (0..experts).map(|e| share(e) * mean(e)).sum::<f64>()
    }

    fn after(&self, x: &Rows, target: &[u32]) -> Vec<f64> {
        let logits = self.linear(&self.norm(x, "norm"), "head");
        let wanted = target[1..].iter().chain(&[0]);
        let loss = |(l, t): (&Vec<f64>, &u32)| l.iter().map(|v| v.exp()).sum::<f64>().ln() - l[*t as usize];
        logits.iter().zip(wanted).map(loss).collect()
    }
}

/// Asserts that the gradients of `pass` are the slopes of `loss`, at the largest and at the middle number of each array.
pub(crate) fn gradients_are_slopes(decoder: &mut Decoder, pass: &Pass, loss: impl Fn(&Decoder) -> f64) {
    let entries: Vec<(String, usize, usize)> =
        decoder.parameters().entries().iter().map(|e| (e.name.clone(), e.offset, e.len())).collect();
    for ((name, offset, len), gradient) in entries.iter().zip(&pass.gradients) {
        // An expert that no token passes has none.
        let gradient = gradient.clone().unwrap_or_else(|| vec![0.0; *len]);
        let largest = (0..*len).max_by(|a, b| gradient[*a].abs().total_cmp(&gradient[*b].abs())).unwrap();
        for at in [largest, len / 2] {
            let (place, step) = (offset + at, 1e-4);
            let before = decoder.parameters().values()[place];
            let mut moved = |by: f32| {
                decoder.parameters_mut().values_mut()[place] = before + by;
                (f64::from(decoder.parameters().values()[place]), loss(decoder))
            };
            let ((high, above), (low, below)) = (moved(step), moved(-step));
            let slope = (above - below) / (high - low);
            decoder.parameters_mut().values_mut()[place] = before;
            let scale = gradient[largest].abs().max(1e-3);
            assert!(
                (slope - f64::from(gradient[at])).abs() < 0.02 * f64::from(scale),
                "{name}: {slope} {}",
                gradient[at]
            );
        }
    }
}
