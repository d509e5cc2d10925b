//! Pass rates far below the size of a test set: estimates, intervals and laws over seeded oracles whose truth is known.
#![allow(missing_docs)]

mod common;

use common::{law, numbers, quick, value};
use indexmap::IndexMap;
use kleiber_core::rng::Rng;
use kleiber_core::stats::{line, mean, standard_deviation};
use kleiber_core::table::Table;
use kleiber_laws::Options;
use kleiber_laws::pass_until::{
    Growth, InstanceLaws, Ladder, PassCount, Skill, TaskLaw, TaskRate, circuits, draw, draw_in, steps,
};

const SIZES: [f64; 5] = [3e7, 1e8, 3e8, 9e8, 2.4e9];

/// An oracle of pass probability `p`: gaps between passes are geometric.
fn count(p: f64, passes: u64, cap: u64, rng: &mut Rng) -> PassCount {
    let mut next = 0u64;
    let mut gap = || (rng.uniform().max(1e-300).ln() / (-p).ln_1p()).min(1e12) as u64;
    next += gap();
    draw(passes, cap, |draws| {
        draws
            .map(|i| {
                let hit = i == next;
                next += if hit { 1 + gap() } else { 0 };
                hit
            })
            .collect()
    })
    .unwrap()
}

#[test]
fn batches_do_not_matter_and_nonsense_is_refused() {
    let oracle = |draws: std::ops::Range<u64>| draws.map(|i| Rng::new(7, "draw", i as u32).uniform() < 0.004).collect();
    let first: Vec<PassCount> = [1, 3, 64, 100_000].map(|b| draw_in(3, 100_000, b, oracle).unwrap()).to_vec();
    assert!(first.iter().all(|c| *c == first[0]) && first[0].passes == 3 && !first[0].censored, "{first:?}");
    let none = draw(2, 5000, |draws| vec![false; (draws.end - draws.start) as usize]).unwrap();
    assert_eq!(none, PassCount { passes: 0, draws: 5000, censored: true });
    assert!(
        draw(0, 100, oracle).is_err() && draw(2, 19, oracle).unwrap_err().to_string().contains("10 draws for each")
    );
}

#[test]
fn over_seeded_oracles_the_interval_holds_and_the_naive_one_does_not() {
    let repeats = 500;
    for p in [1e-1, 1e-2, 1e-3, 1e-4] {
        for r in [1, 2, 5] {
            let (mut held, mut naive) = (0, 0);
            let (mut unbiased, mut likeliest) = (Vec::new(), Vec::new());
            for repeat in 0..repeats {
                let c = count(p, r, 100_000, &mut Rng::new(r, &format!("oracle {p}"), repeat));
                let (low, high) = c.interval(0.95);
                held += u32::from(low <= p && p <= high);
                // A hundred draws, their share of passes and its textbook interval, as a test set of a hundred gives it.
                let mut rng = Rng::new(r, &format!("test set {p}"), repeat);
                let share = (0..100).filter(|_| rng.uniform() < p).count() as f64 / 100.0;
                naive += u32::from((share - p).abs() <= 1.96 * (share * (1.0 - share) / 100.0).sqrt());
                unbiased.push(c.unbiased());
                likeliest.push(c.likeliest());
            }
            let share = |n: u32| f64::from(n) / f64::from(repeats);
            assert!(share(held) >= 0.93, "p {p}, r {r}: {}", share(held));
            let error = |v: &[f64]| (mean(v) - p) / (standard_deviation(v) / f64::from(repeats).sqrt());
            if r >= 2 {
                assert!(error(&unbiased).abs() < 3.0, "p {p}, r {r}: {}", error(&unbiased));
            } else if p >= 1e-2 {
                // One pass over its draws: 2.6 and 4.7 times too high, far outside what chance does.
                let ratio = mean(&likeliest) / p;
                let expected = -p.ln() / (1.0 - p);
                assert!(error(&likeliest) > 5.0 && (ratio / expected - 1.0).abs() < 0.25, "p {p}: {ratio}");
            }
            if p <= 1e-2 {
                // Without a pass it says 0 to 0, so it holds no oftener than there is one.
                let any = 1.0 - (1.0 - p).powi(100);
                assert!(share(naive) < any + 0.05 && any < 0.64, "p {p}: {}", share(naive));
            }
        }
    }
}

#[test]
fn the_rate_of_a_task_is_unbiased_and_its_interval_holds() {
    let instances: Vec<f64> = (0..30).map(|i| 10f64.powf(-4.0 + 3.3 * f64::from(i) / 29.0)).collect();
    let truth = mean(&instances);
    let repeats = 150;
    let share = |n: u32| f64::from(n) / f64::from(repeats);
    let error = |v: &[f64]| (mean(v) - truth) / (standard_deviation(v) / f64::from(repeats).sqrt());
    for (r, inflated) in [(2, 1.4), (3, 1.2)] {
        let (mut held, mut naive) = (0, 0);
        let (mut rates, mut likeliest) = (Vec::new(), Vec::new());
        for repeat in 0..repeats {
            let mut rng = Rng::new(3, "task", repeat);
            let counts: Vec<PassCount> = instances.iter().map(|p| count(*p, r, 20_000, &mut rng)).collect();
            let task = TaskRate::of(&counts, 0.95, 0).unwrap();
            held += u32::from(task.low <= truth && truth <= task.high);
            let each: Vec<f64> = counts.iter().map(PassCount::likeliest).collect();
            let wald = each.iter().zip(&counts).map(|(p, c)| p * (1.0 - p) / c.draws as f64).sum::<f64>().sqrt() / 30.0;
            naive += u32::from((task.likeliest - truth).abs() < 1.96 * wald);
            rates.push(task.rate);
            likeliest.push(task.likeliest);
        }
        eprintln!(
            "task, {r} passes: held {}, naive {}, off by {:.1} sd, passes over draws {:.2} times",
            share(held),
            share(naive),
            error(&rates),
            mean(&likeliest) / truth
        );
        assert!(share(held) >= 0.93 && error(&rates).abs() < 3.0, "{r}");
        assert!(share(naive) < 0.85 && error(&likeliest) > 5.0 && mean(&likeliest) / truth > inflated, "{r}");
    }
}

#[test]
fn a_task_without_passes_has_an_upper_end_and_one_pass_each_is_refused() {
    let one = count(0.1, 1, 1000, &mut Rng::new(0, "one", 0));
    assert!(TaskRate::of(&[one], 0.95, 0).unwrap_err().to_string().contains("until two pass"));
    let none = PassCount { passes: 0, draws: 1000, censored: true };
    let task = TaskRate::of(&[none; 4], 0.95, 0).unwrap();
    // None of 4000 draws: 3.7 / 4000.
    assert!(
        task.rate == 0.0 && task.low == 0.0 && (9.1e-4..9.3e-4).contains(&task.high) && task.censored == 4,
        "{task:?}"
    );
    let all = PassCount { passes: 2, draws: 2, censored: false };
    let task = TaskRate::of(&[all, none], 0.95, 0).unwrap();
    assert!((task.rate, task.hard, task.effective) == (0.5, 0.5, 1.0) && task.draws == 1002, "{task:?}");
}

/// Instances that share one probability per size.
fn ladder(p: impl Fn(f64) -> f64, instances: usize, seed: u32) -> Ladder {
    let mut rng = Rng::new(9, "ladder", seed);
    let one = |rng: &mut Rng| SIZES.map(|n| count(p(n), 5, 100_000, rng)).to_vec();
    Ladder { sizes: SIZES.to_vec(), counts: (0..instances).map(|_| one(&mut rng)).collect() }
}

/// `ln C` of a law whose `-ln p` is `cost` at the smallest size.
fn ln_c(cost: f64, alpha: f64) -> f64 {
    cost.ln() + alpha * SIZES[0].ln()
}

#[test]
fn growth_is_told_apart() {
    let straight = [(ln_c(9.0, 0.46), 0.46)];
    let two_steps = [(ln_c(3.0, 0.05), 0.05), (ln_c(6.0, 1.0), 1.0)];
    let two_circuits = [(ln_c(8.0, 0.05), 0.05), (ln_c(30.0, 0.9), 0.9)];
    let called = |p: &dyn Fn(f64) -> f64, growth: Growth| {
        let repeats = 50;
        let right = (0..repeats).filter(|&seed| TaskLaw::growth(&ladder(p, 10, seed), 0.95).unwrap().0 == growth);
        right.count() as f64 / f64::from(repeats)
    };
    let law = called(&|n| steps(&straight, n), Growth::Law);
    let slower = called(&|n| steps(&two_steps, n), Growth::SubScaling);
    let faster = called(&|n| circuits(&two_circuits, n), Growth::Accelerated);
    eprintln!("called right: law {law}, steps {slower}, circuits {faster}");
    assert!(law >= 0.9 && slower >= 0.8 && faster >= 0.8);
    // One circuit is the law itself, and steps never accelerate.
    assert_eq!(circuits(&straight, 1e9), steps(&straight, 1e9));
    let never = called(&|n| steps(&two_steps, n), Growth::Accelerated);
    assert_eq!(never, 0.0);
}

#[test]
fn a_shared_law_is_recovered_with_its_interval() {
    let truth = [(ln_c(9.0, 0.46), 0.46)];
    let (repeats, mut held, mut alphas) = (60, 0, 0);
    for seed in 0..repeats {
        let all = ladder(|n| steps(&truth, n), 10, 100 + seed);
        let four = Ladder { sizes: SIZES[..4].to_vec(), counts: all.counts.iter().map(|c| c[..4].to_vec()).collect() };
        let law = TaskLaw::of(&four).unwrap();
        let next = law.predict(SIZES[4], 0.95);
        let want = steps(&truth, SIZES[4]);
        held += u32::from(next.low <= want && want <= next.high);
        alphas += u32::from((law.alpha() - 0.46).abs() < 1.96 * law.alpha_deviation());
        assert!((law.ln_c() - truth[0].0).abs() < 1.0 && (law.beyond(SIZES[4]) - 2.4 / 0.9).abs() < 1e-9);
        assert!(law.exceeds(SIZES[4], 0.5 * want) > 0.9 && law.exceeds(SIZES[4], (2.5 * want).min(0.99)) < 0.1);
    }
    let share = |n: u32| f64::from(n) / f64::from(repeats);
    assert!(share(held) > 0.88 && share(alphas) > 0.88, "{} {}", share(held), share(alphas));
    let two = Ladder {
        sizes: SIZES[..2].to_vec(),
        counts: vec![vec![PassCount { passes: 2, draws: 9, censored: false }; 2]],
    };
    assert!(TaskLaw::of(&two).unwrap_err().to_string().contains("at least 3"));
}

#[test]
fn instances_predict_a_size_that_no_model_of_the_fit_had() {
    let (mut ours, mut shared, mut linear, mut last) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for seed in 0..8 {
        let mut rng = Rng::new(21, "instances", seed);
        let truths: Vec<(f64, f64)> = (0..50)
            .map(|_| {
                let alpha = (0.42 + 0.08 * rng.normal()).max(0.1);
                (ln_c((2.3 + 0.35 * rng.normal()).exp(), alpha), alpha)
            })
            .collect();
        let counts: Vec<Vec<PassCount>> = truths
            .iter()
            .map(|t| SIZES[..4].iter().map(|n| count(steps(&[*t], *n), 2, 20_000, &mut rng)).collect())
            .collect();
        let rates: Vec<f64> = (0..4)
            .map(|s| TaskRate::of(&counts.iter().map(|c| c[s]).collect::<Vec<_>>(), 0.95, 0).unwrap().rate)
            .collect();
        let four = Ladder { sizes: SIZES[..4].to_vec(), counts };
        let want = mean(&truths.iter().map(|t| steps(&[*t], SIZES[4])).collect::<Vec<_>>());
        let laws = InstanceLaws::of(&four).unwrap();
        assert!((mean(&(0..50).map(|i| laws.alpha(i)).collect::<Vec<_>>()) - 0.42).abs() < 0.12);
        let off = |p: f64| (p / want).ln().abs();
        ours.push(off(laws.predict(SIZES[4])));
        shared.push(off(TaskLaw::of(&four).unwrap().predict(SIZES[4], 0.95).rate));
        let logs: Vec<f64> = SIZES.iter().map(|n| n.ln()).collect();
        let (slope, intercept, _) = line(&logs[..4], &rates);
        linear.push(off((intercept + slope * logs[4]).max(1e-9)));
        last.push(off(rates[3]));
        assert!(ours[seed as usize] < std::f64::consts::LN_2, "{ours:?}");
    }
    let all = [&ours, &shared, &linear, &last].map(|v| mean(v));
    eprintln!(
        "|ln predicted / true|: instances {:.3}, one law {:.3}, linear {:.3}, last size {:.3}",
        all[0], all[1], all[2], all[3]
    );
    assert!(all[0] < all[1] && all[0] < all[2] && all[0] < all[3], "{all:?}");
}

#[test]
fn loss_stands_in_where_nothing_passes() {
    let mut rng = Rng::new(13, "skill", 0);
    // Losses of 60 answers and their pass rates, which differ beyond the loss; half of them pass hardly ever.
    let points: Vec<(f64, f64)> = (0..60)
        .map(|i| {
            let loss = 2.0 + 12.0 * f64::from(i) / 59.0;
            (loss, (-0.5 - 0.95 * loss + 0.3 * rng.normal()).exp())
        })
        .collect();
    let counts: Vec<(f64, PassCount)> = points.iter().map(|(l, p)| (*l, count(*p, 2, 20_000, &mut rng))).collect();
    let skill = Skill::of(&counts).unwrap();
    let unseen: Vec<usize> = (0..60).filter(|&i| counts[i].1.passes == 0).collect();
    assert!(unseen.len() >= 8, "{}", unseen.len());
    let sum = |of: &dyn Fn(usize) -> f64| unseen.iter().map(|&i| of(i)).sum::<f64>();
    let ratio = sum(&|i| skill.at(points[i].0, 0.95).0) / sum(&|i| points[i].1);
    assert!((0.4..2.5).contains(&ratio) && (skill.per_nat() - 0.95).abs() < 0.15, "{ratio} {}", skill.per_nat());
    assert!(skill.seen(5.0) && !skill.seen(20.0));
    // From size to loss to skill.
    let (rate, low, high) = skill.chained(|n| 40.0 * (n / 1e7).powf(-0.5), 4e8, 0.95);
    assert!(low < rate && rate < high && (rate / skill.at(40.0 / 40f64.sqrt(), 0.95).0 - 1.0).abs() < 1e-9);
    // A loss that has nothing to do with the skill.
    let mut mixed = counts.clone();
    for i in (1..60).rev() {
        let j = rng.below(i + 1);
        (mixed[i].0, mixed[j].0) = (mixed[j].0, mixed[i].0);
    }
    let refused = Skill::of(&mixed).map(|s| s.per_nat());
    assert!(refused.as_ref().is_err_and(|e| e.to_string().contains("does not predict")), "{refused:?}");
}

#[test]
fn pass_rates_follow_the_law_of_tables_and_the_chain_through_loss() {
    let truth = [9.0 * 3e7f64.powf(0.46), 0.46];
    let rates: Vec<f64> = SIZES.iter().map(|n| law("pass-rate").predict(&truth, &[*n])).collect();
    let table = Table::new("t", vec![numbers("params", SIZES.to_vec()), numbers("pass_rate", rates.clone())]).unwrap();
    let fit = law("pass-rate").fit(&table, &quick()).unwrap();
    assert!((value(&fit, "alpha") - 0.46).abs() < 1e-7 && (value(&fit, "C") / truth[0] - 1.0).abs() < 1e-5);
    // p = e^-L is the downstream error law with eps = 1 and gamma = 1, chained to the loss over size.
    let losses: Vec<f64> = rates.iter().map(|p| -p.ln()).collect();
    let sizes = Table::new("t", vec![numbers("x", SIZES.to_vec()), numbers("loss", losses.clone())]).unwrap();
    let loss = law("m1").fit(&sizes, &quick()).unwrap();
    let errors = rates.iter().map(|p| 1.0 - p).collect();
    let skills = Table::new("t", vec![numbers("loss", losses), numbers("error", errors)]).unwrap();
    let mut chain =
        law("downstream-error").fit(&skills, &Options { fixed: vec![("eps".into(), 1.0)], ..quick() }).unwrap();
    chain.model.as_mut().unwrap().chained = Some(Box::new(loss));
    let at: IndexMap<String, f64> = [("x".to_string(), 1e10)].into_iter().collect();
    let got = 1.0 - chain.predict(&[at], 0.95, false).unwrap().predictions[0].value.unwrap();
    let want = law("pass-rate").predict(&truth, &[1e10]);
    assert!((got / want - 1.0).abs() < 1e-4, "{got} {want}");
}
