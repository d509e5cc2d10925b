//! Pruning by magnitude: the smallest weights of each matrix become 0 (Han et al. 2015, arXiv 1506.02626).

use crate::scope::{numbers, replaced};
use crate::{CompressError, Scope};
use kleiber_models::Decoder;
use rayon::prelude::*;

/// A decoder with weights taken out.
#[derive(Debug)]
pub struct Pruned {
    /// The decoder; what was taken out is 0.
    pub decoder: Decoder,
    /// Weights of the matrices that were pruned.
    pub weights: usize,
    /// How many of them were taken out.
    pub removed: usize,
}

/// Takes the share `sparsity` of smallest magnitude out of each matrix of a scope; of equal ones, those that come first.
///
/// # Errors
/// [`CompressError::Option`] for a share outside of 0 to below 1, [`CompressError::NotFinite`], [`CompressError::Nothing`].
pub fn prune(decoder: &Decoder, sparsity: f64, scope: Scope) -> Result<Pruned, CompressError> {
    if !(0.0..1.0).contains(&sparsity) {
        return Err(CompressError::option("sparsity", sparsity, "a share from 0 to below 1"));
    }
    let chosen = scope.choose(decoder)?;
    let pruned = chosen.par_iter().map(|entry| {
        let mut weights = numbers(decoder, entry).to_vec();
        let count = (sparsity * weights.len() as f64).floor() as usize;
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by(|a, b| weights[*a].abs().total_cmp(&weights[*b].abs()));
        order[..count].iter().for_each(|at| weights[*at] = 0.0);
        (weights, count)
    });
    let (values, counts): (Vec<Vec<f32>>, Vec<usize>) = pruned.unzip();
    let decoder = replaced(decoder, chosen.iter().copied().zip(values.iter().map(Vec::as_slice)));
    Ok(Pruned { decoder, weights: values.iter().map(Vec::len).sum(), removed: counts.iter().sum() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::small;

    #[test]
    fn the_smallest_go() {
        let config = small();
        let decoder = Decoder::new(&config, 0).unwrap();
        let half = prune(&decoder, 0.5, Scope::default()).unwrap();
        assert_eq!((half.weights, half.removed), (12 * 32 * 32, 6 * 32 * 32));
        for entry in Scope::default().choose(&decoder).unwrap() {
            let (before, after) = (numbers(&decoder, entry), numbers(&half.decoder, entry));
            let gone = before.iter().zip(after).filter(|(_, b)| **b == 0.0).map(|(a, _)| a.abs());
            let stay = before.iter().zip(after).filter(|(_, b)| **b != 0.0);
            let least = stay.clone().map(|(a, _)| a.abs()).fold(f32::INFINITY, f32::min);
            assert!(gone.fold(0.0, f32::max) <= least && stay.clone().all(|(a, b)| a == b));
            assert_eq!(stay.count(), before.len() / 2, "{}", entry.name);
        }
        let none = prune(&decoder, 0.0, Scope::default()).unwrap();
        assert_eq!(none.decoder.parameters().values(), decoder.parameters().values());
        assert!(prune(&decoder, 1.0, Scope::default()).unwrap_err().to_string().contains("below 1"));
        assert!(prune(&decoder, f64::NAN, Scope::default()).is_err());
    }
}
