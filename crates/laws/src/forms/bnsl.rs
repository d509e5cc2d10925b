//! BNSL: a smoothly broken power law with k breaks.

use crate::form::{Coefficient, Form, Info, Input, POSITIVE_LOSS, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;

/// y = a + b x^-c0 prod_i (1 + (x/d_i)^(1/f_i))^(-c_i f_i)
/// (Caballero et al. 2022, "Broken neural scaling laws", eq. 1). Between breaks the curve is a power
/// law with exponent -(c0 + c1 + ... ); each d_i is where a break sits and f_i how gentle it is.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("bnsl:1").unwrap();
/// // far below the break: a + b x^-c0
/// let y = law.predict(&[1.0, 2.0, 0.5, 1.0, 1e12, 0.2], &[4.0]);
/// assert!((y - 2.0).abs() < 1e-12);
/// ```
pub struct Bnsl {
    info: Info,
    breaks: usize,
}

impl Bnsl {
    /// The form with `breaks` breaks, 0 to 4.
    pub fn new(breaks: usize) -> Self {
        let mut coefficients = vec![
            Coefficient::positive("a", "floor at infinite size, in the unit of y").linear(),
            Coefficient::positive("b", "height above the floor at x = 1, before any break").linear(),
            Coefficient::plain("c0", "exponent of the first segment", -5.0, 5.0)
                .starting_at(&[0.0, 0.1, 0.3, 0.7])
                .scanned(-0.5, 2.0),
        ];
        for i in 1..=breaks {
            let steps: &[f64] = if breaks == 1 { &[-0.3, 0.2, 0.5, 1.0] } else { &[-0.2, 0.3] };
            let sharp: &[f64] = if breaks == 1 { &[-2.0, -0.7, 0.5] } else { &[-1.0] };
            coefficients.push(
                Coefficient::plain(&format!("c{i}"), &format!("exponent added by break {i}"), -10.0, 10.0)
                    .starting_at(steps),
            );
            coefficients.push(
                Coefficient::positive(&format!("d{i}"), &format!("size at break {i}, in the unit of x"))
                    .within(1e-30, 1e60)
                    .starting_across(if breaks == 1 { 8 } else { 6 }, 1.0),
            );
            coefficients.push(
                Coefficient::positive(&format!("f{i}"), &format!("width of break {i} in ln x, small is sharp"))
                    .within(1e-3, 50.0)
                    .starting_at(sharp),
            );
        }
        Self {
            breaks,
            info: Info {
                name: format!("bnsl:{breaks}"),
                title: format!("a power law of one size axis with {breaks} smooth breaks and a floor"),
                paper: "Caballero et al. 2022 (arXiv 2210.14891), eq. 1".into(),
                equation: "y = a + b * x^-c0 * prod_i (1 + (x/d_i)^(1/f_i))^(-c_i*f_i)".into(),
                variables: vec![Variable::axis()],
                response: POSITIVE_LOSS,
                coefficients,
                objective: Objective::LogMse,
                curve: true,
                published: Published {
                    slug: "fitting-methods",
                    tested: "generated tables of known coefficients",
                    ..Published::default()
                },
            },
        }
    }
}

impl Form for Bnsl {
    fn info(&self) -> &Info {
        &self.info
    }

    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let [floor, height, first] = [c[0], c[1], c[2]];
        let mut exponent = -first.scale(row[0].ln);
        for i in 0..self.breaks {
            let [added, at, width] = [c[3 + 3 * i], c[4 + 3 * i], c[5 + 3 * i]];
            // ln of the factor; softplus keeps (x/d)^(1/f) from overflowing.
            let bend = ((T::constant(row[0].ln) - at.ln()) / width).softplus();
            exponent = exponent - added * width * bend;
        }
        floor + height * exponent.exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_change_by_c_at_a_break() {
        let form = Bnsl::new(1);
        let c = [0.0, 1.0, 0.25, 0.5, 1e6, 0.1];
        let y = |x: f64| form.predict(&c, &[Input::new(x)]);
        let slope = |x: f64| (y(10.0 * x) / y(x)).log10();
        assert!((slope(1e2) + 0.25).abs() < 1e-12 && (slope(1e9) + 0.75).abs() < 1e-12);
        assert!((y(1e6) - 1e6f64.powf(-0.25) * 2f64.powf(-0.05)).abs() < 1e-15);
    }

    #[test]
    fn a_sharp_break_far_away_does_not_overflow() {
        let y = Bnsl::new(2).predict(&[0.1, 1.0, 0.0, 1.0, 1e-20, 1e-3, -1.0, 1e-20, 1e-3], &[Input::new(1e30)]);
        assert!((y - 1.1).abs() < 1e-9, "{y}");
    }
}
