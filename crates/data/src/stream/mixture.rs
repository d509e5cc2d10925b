//! Which part stands at which position of a mixture, by arithmetic.

use crate::DataError;

/// Positions after which the order of parts repeats; weights are rounded to its reciprocal.
const CYCLE: u64 = 1 << 16;

/// The order of the parts. Whenever a part reaches its limit, another segment without it begins.
#[derive(Debug)]
pub(super) struct Schedule {
    segments: Vec<Segment>,
    end: Option<u64>,
}

#[derive(Debug)]
struct Segment {
    /// First position.
    start: u64,
    /// Sequences taken from each part before.
    taken: Vec<u64>,
    /// Sequences of each part in one cycle.
    counts: Vec<u64>,
    /// Part at each position of the cycle, and how many of that part came before in the cycle.
    order: Vec<(u16, u32)>,
}

impl Schedule {
    /// Positive `weights`, and the number of sequences each part may give (`u64::MAX`: without end).
    pub(super) fn new(weights: &[f64], limits: &[u64]) -> Self {
        let mut segments: Vec<Segment> = Vec::new();
        let (mut start, mut taken) = (0u64, vec![0u64; weights.len()]);
        loop {
            let active: Vec<f64> =
                weights.iter().enumerate().map(|(i, &w)| if taken[i] < limits[i] { w } else { 0.0 }).collect();
            if active.iter().all(|&w| w == 0.0) {
                return Self { segments, end: Some(start) };
            }
            let counts = counts(&active);
            let order = order(&counts);
            let segment = Segment { start, taken: taken.clone(), counts, order };
            let length = segment.until(limits);
            segments.push(segment);
            let Some(next) = length.and_then(|l| start.checked_add(l)) else { return Self { segments, end: None } };
            let last = &segments[segments.len() - 1];
            taken = (0..weights.len()).map(|part| last.taken_at(part, next - start)).collect();
            start = next;
        }
    }

    /// First position beyond all limits.
    pub(super) fn end(&self) -> Option<u64> {
        self.end
    }

    /// Sequences of each part before position `n`.
    pub(super) fn taken(&self, n: u64) -> Result<Vec<u64>, DataError> {
        if let Some(length) = self.end.filter(|&end| n > end) {
            return Err(DataError::Exhausted { index: n, length });
        }
        let segment = &self.segments[self.segments.partition_point(|s| s.start <= n) - 1];
        Ok((0..segment.taken.len()).map(|part| segment.taken_at(part, n - segment.start)).collect())
    }

    /// The part at position `n` and how many of its sequences came before.
    pub(super) fn at(&self, n: u64) -> Result<(usize, u64), DataError> {
        if let Some(length) = self.end.filter(|&end| n >= end) {
            return Err(DataError::Exhausted { index: n, length });
        }
        let segment = &self.segments[self.segments.partition_point(|s| s.start <= n) - 1];
        let within = n - segment.start;
        let length = segment.order.len() as u64;
        let (part, rank) = segment.order[(within % length) as usize];
        let part = usize::from(part);
        Ok((part, segment.taken[part] + within / length * segment.counts[part] + u64::from(rank)))
    }
}

impl Segment {
    /// Positions until a part is asked for a sequence beyond its limit.
    fn until(&self, limits: &[u64]) -> Option<u64> {
        let length = self.order.len() as u64;
        let ends = (0..limits.len()).filter(|&part| self.counts[part] > 0 && limits[part] != u64::MAX).map(|part| {
            let left = limits[part] - self.taken[part];
            let (cycles, rank) = (left / self.counts[part], left % self.counts[part]);
            let of_part = |&(p, r): &(u16, u32)| usize::from(p) == part && u64::from(r) == rank;
            let at = self.order.iter().position(of_part).unwrap_or(0) as u64;
            cycles.saturating_mul(length).saturating_add(at)
        });
        ends.min()
    }

    /// Sequences of `part` taken when `within` positions of this segment have passed.
    fn taken_at(&self, part: usize, within: u64) -> u64 {
        let length = self.order.len() as u64;
        let rest = &self.order[..(within % length) as usize];
        let rest = rest.iter().filter(|&&(p, _)| usize::from(p) == part).count() as u64;
        self.taken[part] + within / length * self.counts[part] + rest
    }
}

/// Weights as shares of one cycle: rounded by largest remainder, at least 1 for every positive weight.
fn counts(weights: &[f64]) -> Vec<u64> {
    if weights.iter().filter(|&&w| w > 0.0).count() == 1 {
        return weights.iter().map(|&w| u64::from(w > 0.0)).collect();
    }
    let largest = weights.iter().copied().fold(0.0, f64::max);
    // Scaled first, so that sums of huge weights stay finite.
    let sum: f64 = weights.iter().map(|w| w / largest).sum();
    let exact: Vec<f64> = weights.iter().map(|w| w / largest / sum * CYCLE as f64).collect();
    let mut counts: Vec<u64> = exact.iter().map(|&e| if e > 0.0 { (e as u64).max(1) } else { 0 }).collect();
    let mut by_remainder: Vec<usize> = (0..weights.len()).filter(|&i| weights[i] > 0.0).collect();
    by_remainder.sort_by(|&a, &b| (exact[b] - counts[b] as f64).total_cmp(&(exact[a] - counts[a] as f64)));
    let total: u64 = counts.iter().sum();
    for &part in by_remainder.iter().cycle().take(CYCLE.saturating_sub(total) as usize) {
        counts[part] += 1;
    }
    let divisor = counts.iter().fold(0, |a, &b| gcd(a, b));
    counts.iter().map(|c| c / divisor).collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Tijdeman's solution of the chairman assignment problem (1980): after every position each part has its share
/// up to 1 - 1/(2k - 2), k being the number of parts.
fn order(counts: &[u64]) -> Vec<(u16, u32)> {
    let length: u64 = counts.iter().sum();
    let active: Vec<usize> = (0..counts.len()).filter(|&i| counts[i] > 0).collect();
    let slack = if active.len() > 1 { 1.0 / (2.0 * active.len() as f64 - 2.0) } else { 0.0 };
    let mut taken = vec![0u32; counts.len()];
    let mut order = Vec::with_capacity(length as usize);
    for position in 1..=length {
        let owed = |i: usize| counts[i] as f64 * position as f64 / length as f64 - f64::from(taken[i]);
        let urgency = |i: usize| (1.0 - slack - owed(i)) * length as f64 / counts[i] as f64;
        let due = active.iter().copied().filter(|&i| owed(i) >= slack - 1e-9);
        let next = due.min_by(|&a, &b| urgency(a).total_cmp(&urgency(b)));
        let next = next.or_else(|| active.iter().copied().max_by(|&a, &b| owed(a).total_cmp(&owed(b)))).unwrap_or(0);
        order.push((next as u16, taken[next]));
        taken[next] += 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_stay_within_one_item() {
        for weights in [&[1.0, 1.0][..], &[0.7, 0.2, 0.1], &[5.0, 3.0, 3.0, 1.0, 0.01], &[1e300, 1e300], &[1e-9, 1.0]] {
            let schedule = Schedule::new(weights, &vec![u64::MAX; weights.len()]);
            let counts = counts(weights);
            let total: u64 = counts.iter().sum();
            let mut taken = vec![0u64; weights.len()];
            for n in 0..2 * CYCLE + 10 {
                let (part, rank) = schedule.at(n).unwrap();
                assert_eq!(rank, taken[part]);
                taken[part] += 1;
                for (i, &count) in counts.iter().enumerate() {
                    let share = count as f64 / total as f64 * (n + 1) as f64;
                    assert!((taken[i] as f64 - share).abs() < 1.0, "{weights:?}: part {i} at {n}");
                }
            }
        }
    }

    #[test]
    fn limits_are_met_exactly_and_the_rest_goes_on() {
        let limits = [10, 1000, 25, 3];
        let schedule = Schedule::new(&[1.0, 1.0, 2.0, 0.5], &limits);
        assert_eq!(schedule.end(), Some(1038));
        let mut taken = [0u64; 4];
        for n in 0..1038 {
            let (part, rank) = schedule.at(n).unwrap();
            assert_eq!(rank, taken[part]);
            assert_eq!(schedule.taken(n).unwrap(), taken);
            taken[part] += 1;
        }
        assert_eq!((taken, schedule.taken(1038).unwrap()), (limits, limits.to_vec()));
        assert!(schedule.taken(1039).is_err());
        assert!(matches!(schedule.at(1038), Err(DataError::Exhausted { index: 1038, length: 1038 })));
    }
}
