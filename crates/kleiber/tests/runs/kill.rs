//! A run that is killed at random moments ends with the bits of one that was not.

use super::{TINY, texts};
use kleiber_core::rng::Rng;
use kleiber_train::checkpoint;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Kills; with a checkpoint after every step most of them fall into a save.
const KILLS: u32 = 100;

#[test]
fn killed_a_hundred_times_a_run_ends_with_the_same_bits() {
    let folder = texts();
    let own = ["train", "--tokens", "512k", "--quiet", "--set", "evaluate.every=1000000"];
    let args = |name: &'static str, every: &'static str| {
        [own.as_slice(), &["--name", name, "--set", every], TINY.as_slice()].concat()
    };
    folder.run(&args("straight", "checkpoint.every=0")).ok();
    let mut rng = Rng::new(9, "kills", 0);
    let (mut last, mut progress) = (0, 0);
    // Long enough for some checkpoints, short enough for kills before one, on this machine as it is now.
    let mut longest = 120;
    for kill in 0..KILLS {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kleiber"))
            .current_dir(folder.root())
            .args(args("killed", "checkpoint.every=1"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(20 + rng.below(longest) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        // What is complete is whole, and no step is lost.
        let step = checkpoint::newest(&folder.path("runs/killed")).map_or(0, |path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.trim_start_matches("step-").parse().unwrap()
        });
        assert!(step >= last, "kill {kill}: step {step} after step {last}");
        progress += u32::from(step > last);
        longest = if step > last { (longest - longest / 8).max(60) } else { (longest + 20).min(2000) };
        last = step;
    }
    assert!(progress > 10, "the kills came too early to test anything: {progress} of {KILLS} runs made a checkpoint");
    let outcome = folder.run(&args("killed", "checkpoint.every=0")).ok();
    assert!(!outcome.stderr.contains("trying an older one"), "{}", outcome.stderr);
    let weights = |name: &str| {
        let newest = checkpoint::newest(&folder.path("runs").join(name)).unwrap();
        assert!(newest.ends_with("step-2000"), "{}", newest.display());
        std::fs::read(newest.join("model.safetensors")).unwrap()
    };
    assert!(weights("killed") == weights("straight"), "the weights differ");
}
