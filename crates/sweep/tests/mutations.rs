//! Ten thousand seeded mutations of configurations: every one is read or refused, soon and in little memory, and a plan
//! made of it is a plan or a refusal.
#![allow(missing_docs)]

#[path = "../../core/tests/common/mutate.rs"]
mod mutate;

use kleiber_core::rng::Rng;
use kleiber_sweep::SweepConfig;
use kleiber_train::{Plan, RunConfig};
use mutate::{mutate, peak_rss};
use std::time::{Duration, Instant};

const MUTATIONS: u32 = 10_000;
const SIGNS: &[u8] = b"\0\x7f\xff\"'\n,{}[]=#.-+_eE019\\inf";
/// For files of some kilobytes.
const MOST_MEMORY: u64 = 16 << 20;
const SLOWEST: Duration = Duration::from_millis(500);

const SWEEP: &str = "[set]\ntrain.tokens = \"1M\"\n[grid]\nmodel.params = [\"30k\", \"100k\"]\n\
    train.lr = [1e-3, 2e-3, 4e-3]\n[[cells]]\nmodel.mlp = \"swiglu\"\nseed = 3\n";

#[test]
fn no_edit_of_a_configuration_does_harm() {
    let run = Plan::new(&RunConfig::default(), 4096).unwrap().config.to_toml();
    let (mut read, mut planned) = (0, 0);
    let before = peak_rss();
    for edit in 0..MUTATIONS {
        let mut rng = Rng::new(21, "configurations", edit);
        let (source, other) = if edit % 2 == 0 { (run.as_str(), SWEEP) } else { (SWEEP, run.as_str()) };
        let bytes = mutate(source.as_bytes(), other.as_bytes(), SIGNS, 1, &mut rng);
        let text = String::from_utf8_lossy(&bytes);
        let begun = Instant::now();
        if edit % 2 == 0 {
            if let Ok(config) = RunConfig::parse("run.toml", &text, &[]) {
                read += 1;
                planned += u32::from(Plan::new(&config, 4096).is_ok());
                // What was read can be written and read again.
                assert_eq!(RunConfig::parse("again", &config.to_toml(), &[]).unwrap(), config, "edit {edit}");
            }
        } else if let Ok(config) = SweepConfig::parse("grid.toml", &text) {
            read += 1;
            let _ = config.cells(&[]);
        }
        assert!(begun.elapsed() < SLOWEST, "edit {edit} took {:?}", begun.elapsed());
    }
    eprintln!("{read} of {MUTATIONS} were read, {planned} planned");
    assert!(read > 500 && planned > 50, "{read} read, {planned} planned: the edits say nothing");
    if let (Some(before), Some(after)) = (before, peak_rss()) {
        assert!(after - before < MOST_MEMORY, "{} bytes", after - before);
    }
}
