//! Which values of a layer are drawn: usable ones, thinned where there are too many to see.

use super::figure::{Figure, Layer};

/// Most points drawn per layer; the CSV keeps all.
pub(super) const MOST_DRAWN: usize = 20_000;
/// Most corners of a curve: lowest and highest for each pixel column of a large screen.
const MOST_CORNERS: usize = 5_000;

/// Indices of the drawable observations, evenly thinned to [`MOST_DRAWN`].
#[must_use]
pub(super) fn points(figure: &Figure, x: &[f64], y: &[f64]) -> Vec<usize> {
    let pairs = x.iter().zip(y).enumerate();
    let usable = pairs.filter(|(_, (x, y))| figure.x.accepts(**x) && figure.y.accepts(**y));
    stride(usable.map(|(index, _)| index).collect())
}

/// Indices of a curve, cut into unbroken pieces where a value cannot be drawn. Long pieces keep
/// the lowest and the highest point of each stretch, so peaks survive.
#[must_use]
pub(super) fn line(figure: &Figure, x: &[f64], y: &[f64]) -> Vec<Vec<usize>> {
    let count = x.len().min(y.len());
    let pieces = pieces(count, |i| figure.x.accepts(x[i]) && figure.y.accepts(y[i]));
    let total: usize = pieces.iter().map(Vec::len).sum();
    pieces.into_iter().map(|piece| extremes(piece, y, total)).collect()
}

/// Indices of a band, cut into unbroken pieces and evenly thinned. On a log axis a lower edge at
/// or below zero is allowed: it reaches the bottom of the plot.
#[must_use]
pub(super) fn band(figure: &Figure, x: &[f64], low: &[f64], high: &[f64]) -> Vec<Vec<usize>> {
    let count = x.len().min(low.len()).min(high.len());
    let usable = |i: usize| figure.x.accepts(x[i]) && figure.y.accepts(high[i]) && low[i].is_finite();
    pieces(count, usable).into_iter().map(stride).collect()
}

/// How many values of the figure have no place on its axes.
#[must_use]
pub(super) fn skipped(figure: &Figure) -> usize {
    let count = |x: &[f64], others: &[&[f64]]| {
        let most = others.iter().map(|v| v.len()).fold(x.len(), usize::min);
        let usable = |i: usize| figure.x.accepts(x[i]) && others.iter().all(|values| figure.y.accepts(values[i]));
        (0..most).filter(|i| !usable(*i)).count()
    };
    let layers = figure.layers.iter().map(|layer| match layer {
        Layer::Points { x, y, .. } | Layer::Line { x, y, .. } => count(x, &[y]),
        Layer::Band { x, high, .. } => count(x, &[high]),
        Layer::Mark { x, y, .. } => count(&[*x], &[&[*y]]),
        Layer::Region { .. } => 0,
    });
    layers.sum()
}

/// A sentence about values that are not shown, or nothing when all are.
#[must_use]
pub(super) fn note(figure: &Figure) -> Option<String> {
    let count = skipped(figure);
    let why = if figure.x.log || figure.y.log { "not finite, or not above zero on a log axis" } else { "not finite" };
    match count {
        0 => None,
        1 => Some(format!("1 value is not shown ({why}).")),
        _ => Some(format!("{count} values are not shown ({why}).")),
    }
}

fn pieces(count: usize, usable: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
    let mut pieces = vec![Vec::new()];
    for index in 0..count {
        if usable(index) {
            if let Some(piece) = pieces.last_mut() {
                piece.push(index);
            }
        } else {
            pieces.push(Vec::new());
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn stride(indices: Vec<usize>) -> Vec<usize> {
    let count = indices.len();
    if count <= MOST_DRAWN {
        return indices;
    }
    (0..MOST_DRAWN).map(|i| indices[i * (count - 1) / (MOST_DRAWN - 1)]).collect()
}

fn extremes(indices: Vec<usize>, y: &[f64], total: usize) -> Vec<usize> {
    if total <= MOST_CORNERS || indices.len() <= 4 {
        return indices;
    }
    let bucket = (2 * total).div_ceil(MOST_CORNERS - 2);
    let mut kept = vec![indices[0]];
    for stretch in indices[1..indices.len() - 1].chunks(bucket) {
        let lowest = stretch.iter().copied().min_by(|a, b| y[*a].total_cmp(&y[*b]));
        let highest = stretch.iter().copied().max_by(|a, b| y[*a].total_cmp(&y[*b]));
        let mut both: Vec<usize> = lowest.into_iter().chain(highest).collect();
        both.sort_unstable();
        both.dedup();
        kept.extend(both);
    }
    kept.push(indices[indices.len() - 1]);
    kept
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn values_off_the_log_axis_are_left_out() {
        let figure = sample::empty();
        let x = [1.0, -1.0, 0.0, 4.0, 5.0];
        let y = [1.0, 1.0, 1.0, f64::NAN, 2.0];
        assert_eq!(points(&figure, &x, &y), [0, 4]);
        assert_eq!(line(&figure, &x, &y), [vec![0], vec![4]]);
    }

    #[test]
    fn a_band_may_reach_below_a_log_axis() {
        let figure = sample::empty();
        assert_eq!(band(&figure, &[1.0, 2.0], &[-1.0, 1.0], &[2.0, 2.0]), [vec![0, 1]]);
    }

    #[test]
    fn thinning_keeps_ends_and_peaks_and_repeats_itself() {
        let figure = sample::empty();
        let x: Vec<f64> = (1..=100_000).map(f64::from).collect();
        let mut y = vec![1.0; 100_000];
        y[54_321] = 9.0;
        let drawn = points(&figure, &x, &y);
        assert_eq!((drawn.len(), drawn[0], drawn[19_999]), (20_000, 0, 99_999));
        let drawn = line(&figure, &x, &y);
        assert!(drawn[0].len() <= 5_000 && drawn[0].contains(&54_321));
        assert_eq!(drawn, line(&figure, &x, &y));
    }

    #[test]
    fn the_note_counts_what_is_missing() {
        let mut figure = sample::empty();
        assert_eq!(note(&figure), None);
        figure.layers = vec![Layer::Points {
            name: "a".into(),
            x: vec![1.0, 0.0, 2.0],
            y: vec![1.0, 1.0, f64::INFINITY],
            labels: vec![],
            color: 0,
        }];
        let expected = "2 values are not shown (not finite, or not above zero on a log axis).";
        assert_eq!(note(&figure).as_deref(), Some(expected));
    }
}
