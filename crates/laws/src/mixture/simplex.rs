//! The simplex of mixtures with a largest share for each domain.

/// The nearest mixture with `0 <= w_i <= cap_i`, in squared distance; nothing when the caps add up to less than one.
pub fn project(shares: &[f64], caps: &[f64]) -> Option<Vec<f64>> {
    if caps.iter().sum::<f64>() < 1.0 - 1e-12 || caps.iter().any(|c| c.is_nan() || *c < 0.0) {
        return None;
    }
    let at = |shift: f64| shares.iter().zip(caps).map(move |(w, c)| (w - shift).min(*c).max(0.0));
    // The sum falls as the shift grows: from all caps to nothing.
    let mut low = shares.iter().zip(caps).map(|(w, c)| w - c.min(1.0)).fold(f64::INFINITY, f64::min);
    let mut high = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if at(middle).sum::<f64>() > 1.0 { low = middle } else { high = middle }
    }
    Some(at(0.5 * (low + high)).collect())
}

/// The largest share of each domain when `tokens` are trained on and none of its `available` tokens is seen more than `epochs`
/// times: `epochs * available / tokens`, at most 1.
pub fn caps_of_epochs(available: &[f64], tokens: f64, epochs: f64) -> Vec<f64> {
    available.iter().map(|a| (epochs * a / tokens).min(1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mixture_is_found() {
        let close = |got: &[f64], want: &[f64]| got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-12);
        // Already inside; above the simplex; a cap that pushes its excess to the others alike.
        assert!(close(&project(&[0.2, 0.3, 0.5], &[1.0; 3]).unwrap(), &[0.2, 0.3, 0.5]));
        assert!(close(&project(&[1.2, 0.4, -3.0], &[1.0; 3]).unwrap(), &[0.9, 0.1, 0.0]));
        assert!(close(&project(&[0.9, 0.1, 0.0], &[0.5, 1.0, 1.0]).unwrap(), &[0.5, 0.3, 0.2]));
        assert!(close(&project(&[0.9, 0.1], &[0.5, 0.5]).unwrap(), &[0.5, 0.5]));
        assert!(project(&[0.9, 0.1], &[0.5, 0.4]).is_none());
    }

    #[test]
    fn caps_follow_from_epochs() {
        assert_eq!(caps_of_epochs(&[1e9, 5e9, 1e12], 1e11, 4.0), [0.04, 0.2, 1.0]);
    }
}
