//! Run tables with known coefficients: for tests, for judging designs, and for the sample table.

use crate::{Law, LawError};
use kleiber_core::rng::Rng;
use kleiber_core::table::{Cells, Column, Table};

/// Which runs a simulated table has.
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    /// Parameters and tokens of each run.
    pub runs: Vec<(f64, f64)>,
}

impl Design {
    /// `sizes` model sizes from 40M to 10B, each trained on `ratios` token counts from 4 to 300 tokens
    /// per parameter, both spaced in logarithm.
    pub fn grid(sizes: usize, ratios: usize) -> Self {
        let spaced =
            |low: f64, high: f64, i: usize, n: usize| low * (high / low).powf(i as f64 / (n - 1).max(1) as f64);
        let runs = (0..sizes).flat_map(|i| {
            let params = spaced(4e7, 1e10, i, sizes).round();
            (0..ratios).map(move |j| (params, (params * spaced(4.0, 300.0, j, ratios)).round()))
        });
        Self { runs: runs.collect() }
    }

    /// IsoFLOP slices: at each budget, `points` sizes from `optimum/width` to `optimum*width`.
    pub fn isoflop(budgets: &[f64], optimum: impl Fn(f64) -> f64, width: f64, points: usize) -> Self {
        let runs = budgets.iter().flat_map(|&flops| {
            let centre = optimum(flops);
            (0..points).map(move |i| {
                let params = centre * width.powf(2.0 * i as f64 / (points - 1).max(1) as f64 - 1.0);
                (params, flops / (6.0 * params))
            })
        });
        Self { runs: runs.collect() }
    }

    /// The table of these runs under `law`, a law of params and tokens, with multiplicative log-normal
    /// noise of standard deviation `noise` on the loss.
    pub fn table(&self, law: &Law, coefficients: &[f64], noise: f64, seed: u64) -> Table {
        let mut rng = Rng::new(seed, "simulated loss", 0);
        let (params, tokens): (Vec<f64>, Vec<f64>) = self.runs.iter().copied().unzip();
        let flops: Vec<f64> = self.runs.iter().map(|(n, d)| 6.0 * n * d).collect();
        let loss = |&(n, d): &(f64, f64)| law.predict(coefficients, &[n, d]) * (noise * rng.normal()).exp();
        let loss: Vec<f64> = self.runs.iter().map(loss).collect();
        let named = [("params", params), ("tokens", tokens), ("flops", flops), ("loss", loss)];
        let columns = named.map(|(name, v)| Column { name: name.into(), cells: Cells::Number(v) });
        Table::new("simulated", columns.to_vec()).expect("columns have one length and different names")
    }
}

/// `rows` runs of any law: each variable drawn evenly in logarithm from its range (natural units, in the order of
/// the law's variables), multiplicative log-normal noise of standard deviation `noise` on the response.
pub fn scatter(law: &Law, coefficients: &[f64], ranges: &[(f64, f64)], rows: usize, noise: f64, seed: u64) -> Table {
    let info = law.info();
    let mut rng = Rng::new(seed, "simulated runs", 0);
    let mut columns: Vec<Vec<f64>> = vec![Vec::with_capacity(rows); ranges.len() + 1];
    for _ in 0..rows {
        let x: Vec<f64> = ranges.iter().map(|(low, high)| low * (high / low).powf(rng.uniform())).collect();
        let y = law.predict(coefficients, &x) * (noise * rng.normal()).exp();
        columns.iter_mut().zip(x.into_iter().chain([y])).for_each(|(column, v)| column.push(v));
    }
    let names = info.variables.iter().map(|v| v.name.clone()).chain([info.response.name.to_string()]);
    let columns = names.zip(columns).map(|(name, v)| Column { name, cells: Cells::Number(v) }).collect();
    Table::new("simulated", columns).expect("columns have one length and different names")
}

/// Coefficients behind [`sample`]: the fit of Besiroglu et al. 2024.
pub const SAMPLE_TRUTH: [f64; 5] = [1.8172, 482.01, 2085.43, 0.3478, 0.3658];
/// Noise of [`sample`].
const SAMPLE_NOISE: f64 = 0.006;

/// The sample table of the repository (`samples/runs.csv`): 8 model sizes at 6 token counts each, Chinchilla
/// losses with 0.6% noise, every run named; or `rows` runs of the same kind without names.
///
/// # Errors
/// None in practice: the table is built from columns of one length.
pub fn sample(rows: Option<usize>) -> Result<Table, LawError> {
    let law = Law::named("chinchilla")?;
    let Some(rows) = rows else {
        let table = Design::grid(8, 6).table(&law, &SAMPLE_TRUTH, SAMPLE_NOISE, 2026);
        let names = (0..table.rows()).map(|i| format!("size{}-ratio{}", i / 6 + 1, i % 6 + 1).into()).collect();
        return Ok(table.with_column(Column { name: "run".into(), cells: Cells::Text(names) })?);
    };
    let side = (rows as f64).sqrt().ceil() as usize;
    let table = Design::grid(side, side).table(&law, &SAMPLE_TRUTH, SAMPLE_NOISE, 2026);
    Ok(table.take(&(0..rows.min(table.rows())).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_seeded_and_noise_has_its_size() {
        let law = Law::named("chinchilla").unwrap();
        let c = [1.8, 480.0, 2000.0, 0.35, 0.37];
        let design = Design::grid(10, 10);
        let (a, b) = (design.table(&law, &c, 0.02, 5), design.table(&law, &c, 0.02, 5));
        assert_eq!(a, b);
        let clean = design.table(&law, &c, 0.0, 5).numbers("loss").unwrap();
        let log_noise: Vec<f64> = a.numbers("loss").unwrap().iter().zip(&clean).map(|(x, y)| (x / y).ln()).collect();
        let sd = kleiber_core::stats::standard_deviation(&log_noise);
        assert!((sd / 0.02 - 1.0).abs() < 0.25, "{sd}");
    }

    #[test]
    fn the_committed_sample_is_what_the_generator_makes() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/runs.csv");
        let committed = Table::read(&path).unwrap();
        let made = sample(None).unwrap();
        for column in ["params", "tokens", "flops", "loss"] {
            assert_eq!(committed.numbers(column).unwrap(), made.numbers(column).unwrap(), "{column}");
        }
        assert_eq!(committed.labels("run").unwrap(), made.labels("run").unwrap());
        assert_eq!(sample(Some(1000)).unwrap().rows(), 1000);
    }

    #[test]
    fn isoflop_slices_keep_their_budget() {
        let design = Design::isoflop(&[1e18, 1e19], |c| (c / 120.0).sqrt(), 4.0, 5);
        assert_eq!(design.runs.len(), 10);
        assert!(design.runs[..5].iter().all(|(n, d)| (6.0 * n * d / 1e18 - 1.0).abs() < 1e-12));
    }
}
