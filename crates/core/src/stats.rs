//! Small statistics used across rooms: quantiles, means, rank correlation, normal and chi-square
//! quantiles.

use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor, Normal, StudentsT};
use statrs::function::beta::beta_reg;

/// Mean; `NaN` for an empty slice.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard deviation with the n - 1 divisor; `NaN` for fewer than two values.
pub fn standard_deviation(values: &[f64]) -> f64 {
    let m = mean(values);
    let square: f64 = values.iter().map(|v| (v - m) * (v - m)).sum();
    (square / (values.len() as f64 - 1.0)).sqrt()
}

/// Quantile `q` in [0, 1] of already sorted values, linear between order statistics (type 7, as
/// NumPy's default); `NaN` for an empty slice.
pub fn quantile_sorted(sorted: &[f64], q: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let position = q.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = position.ceil() as usize;
    let (low, high) = (sorted[below], sorted[above]);
    if low == high { low } else { low + (high - low) * (position - below as f64) }
}

/// Sorted copy without `NaN`.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut copy: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    copy.sort_unstable_by(f64::total_cmp);
    copy
}

/// Median; `NaN` for an empty slice.
pub fn median(values: &[f64]) -> f64 {
    quantile_sorted(&sorted(values), 0.5)
}

/// Standard normal distribution function.
pub fn normal_cdf(z: f64) -> f64 {
    standard_normal().cdf(z)
}

/// Quantile of the standard normal distribution; infinite at 0 and 1.
pub fn normal_quantile(p: f64) -> f64 {
    standard_normal().inverse_cdf(p)
}

/// Quantile of Student's t distribution with `degrees` > 0 degrees of freedom.
pub fn student_quantile(p: f64, degrees: f64) -> f64 {
    StudentsT::new(0.0, 1.0, degrees).map_or(f64::NAN, |t| t.inverse_cdf(p))
}

/// Quantile of the chi-square distribution with one degree of freedom.
pub fn chi_square_quantile(p: f64) -> f64 {
    ChiSquared::new(1.0).map_or(f64::NAN, |c| c.inverse_cdf(p))
}

/// Distribution function of Student's t with `degrees` > 0 degrees of freedom.
pub fn student_cdf(t: f64, degrees: f64) -> f64 {
    StudentsT::new(0.0, 1.0, degrees).map_or(f64::NAN, |d| d.cdf(t))
}

/// Quantile of the beta distribution with positive shapes `a` and `b`, to full relative precision also where it is 1e-9.
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    // Halving intervals of ln x.
    let (mut low, mut high) = (-700.0, 0.0);
    for _ in 0..70 {
        let middle = 0.5 * (low + high);
        if beta_reg(a, b, f64::exp(middle)) < p { low = middle } else { high = middle }
    }
    (0.5 * (low + high)).exp()
}

/// Probability that Fisher's F with these degrees of freedom exceeds `f`: the p-value of a nested comparison.
pub fn fisher_tail(f: f64, numerator: f64, denominator: f64) -> f64 {
    FisherSnedecor::new(numerator, denominator).map_or(f64::NAN, |d| d.sf(f.max(0.0)))
}

/// Slope and intercept of the least-squares line through (x, y), and the residual standard
/// deviation (n - 2 divisor). `NaN` when x does not vary.
pub fn line(x: &[f64], y: &[f64]) -> (f64, f64, f64) {
    let (mx, my) = (mean(x), mean(y));
    let sxx: f64 = x.iter().map(|v| (v - mx) * (v - mx)).sum();
    let sxy: f64 = x.iter().zip(y).map(|(a, b)| (a - mx) * (b - my)).sum();
    let slope = sxy / sxx;
    let intercept = my - slope * mx;
    let rss: f64 = x.iter().zip(y).map(|(a, b)| (b - intercept - slope * a).powi(2)).sum();
    (slope, intercept, (rss / (x.len() as f64 - 2.0)).sqrt())
}

/// Coefficients `[a, b, c]` of the least-squares parabola `a + b x + c x^2`; nothing for fewer than three different x.
pub fn parabola(x: &[f64], y: &[f64]) -> Option<[f64; 3]> {
    let (slope, _, _) = line(x, y);
    let centre = mean(x);
    let z: Vec<f64> = x.iter().map(|x| x - centre).collect();
    let sum = |power: i32| z.iter().map(|z| z.powi(power)).sum::<f64>();
    let (n, second, third) = (z.len() as f64, sum(2), sum(3));
    // The part of z^2 that no line has.
    let bends: Vec<f64> = z.iter().map(|z| z * z - second / n - third / second * z).collect();
    let size: f64 = bends.iter().map(|b| b * b).sum();
    if size.is_nan() || size <= 1e-12 * second * second {
        return None;
    }
    let bend = bends.iter().zip(y).map(|(b, y)| b * y).sum::<f64>() / size;
    let slope = slope - bend * third / second;
    let middle = mean(y) - bend * second / n;
    Some([middle - slope * centre + bend * centre * centre, slope - 2.0 * bend * centre, bend])
}

fn standard_normal() -> Normal {
    Normal::standard()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_f_is_that_of_tables() {
        // 95% points of F(3, 10) and F(2, 20) in printed tables.
        assert!((fisher_tail(3.708, 3.0, 10.0) - 0.05).abs() < 1e-4);
        assert!((fisher_tail(3.493, 2.0, 20.0) - 0.05).abs() < 1e-4);
        assert!(fisher_tail(1.0, 0.0, 5.0).is_nan());
    }

    #[test]
    fn a_parabola_is_that_of_numpy_polyfit() {
        // numpy.polyfit([-2, -1, 0, 1], [4.6636, 4.3776, 4.4246, 4.4085], 2)[::-1]
        let got = parabola(&[-2.0, -1.0, 0.0, 1.0], &[4.6636, 4.3776, 4.4246, 4.4085]).unwrap();
        let want = [4.365185, -0.004355, 0.067475];
        assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-12), "{got:?}");
        assert!(parabola(&[1.0, 2.0, 1.0], &[1.0, 2.0, 3.0]).is_none() && parabola(&[], &[]).is_none());
    }

    #[test]
    fn quantiles_follow_numpy_type_7() {
        // numpy.quantile([1, 2, 3, 10], [0, .25, .5, .9, 1])
        let s = [1.0, 2.0, 3.0, 10.0];
        let got: Vec<f64> = [0.0, 0.25, 0.5, 0.9, 1.0].iter().map(|&q| quantile_sorted(&s, q)).collect();
        let want = [1.0, 1.75, 2.5, 7.9, 10.0];
        assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-12), "{got:?}");
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn distribution_quantiles_match_tables() {
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-9);
        assert!((chi_square_quantile(0.95) - 3.841_458_820_694_124).abs() < 1e-6);
        assert!((student_quantile(0.975, 10.0) - 2.228_138_851_964_939).abs() < 1e-6);
        assert!((normal_cdf(1.0) - 0.841_344_746_068_542_9).abs() < 1e-9);
        assert!((student_cdf(2.228_138_851_964_939, 10.0) - 0.975).abs() < 1e-9);
    }

    #[test]
    fn beta_quantiles_match_closed_forms() {
        // Beta(1, b) has 1 - (1 - x)^b, Beta(a, 1) has x^a, Beta(2, 2) has 3 x^2 - 2 x^3.
        assert!((beta_quantile(0.975, 1.0, 1e6) / -((0.025f64.ln() / 1e6).exp_m1()) - 1.0).abs() < 1e-11);
        assert!((beta_quantile(0.3, 4.0, 1.0) - 0.3f64.powf(0.25)).abs() < 1e-12);
        assert!((beta_quantile(0.5, 2.0, 2.0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_line_is_recovered() {
        let (slope, intercept, sd) = line(&[0.0, 1.0, 2.0], &[1.0, 3.0, 5.0]);
        assert!((slope - 2.0).abs() < 1e-14 && (intercept - 1.0).abs() < 1e-14 && sd < 1e-12);
        assert!((standard_deviation(&[1.0, 3.0]) - 2f64.sqrt()).abs() < 1e-14);
    }
}
