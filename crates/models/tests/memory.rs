//! What the worst header of a checkpoint costs, measured in a process of its own.
#![allow(missing_docs)]

#[path = "checkpoints/common.rs"]
mod common;
#[path = "../../core/tests/common/mutate.rs"]
mod mutate;

use kleiber_models::checkpoint;
use mutate::peak_rss;

#[test]
fn a_header_costs_less_than_16_times_its_text() {
    // The shortest descriptions that are valid: names and nothing else to keep.
    let names =
        (0..120_000).map(|i| format!("\"{i:x}\":{{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[{i},{}]}}", i + 1));
    let many = format!("{{{}}}", names.collect::<Vec<_>>().join(","));
    // Dimensions beyond any rank.
    let deep = format!("{{\"a\":{{\"dtype\":\"U8\",\"shape\":[{}1],\"data_offsets\":[0,1]}}}}", "1,".repeat(3 << 20));
    for (header, data) in [(many, 120_000), (deep, 1)] {
        let folder = common::copy("llama");
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        std::fs::write(folder.path().join("model.safetensors"), &bytes).unwrap();
        let Some(before) = peak_rss() else { return };
        let error = checkpoint::read(folder.path()).unwrap_err();
        let used = peak_rss().unwrap_or(0).saturating_sub(before);
        eprintln!(
            "{} bytes of header, {:.1} times in memory: {error}",
            header.len(),
            used as f64 / header.len() as f64
        );
        assert!(used < 16 * header.len() as u64, "{used}");
    }
}
