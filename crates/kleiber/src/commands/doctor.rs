//! `kleiber doctor`: what this machine can do.

use crate::error::CliError;
use crate::output::Output;
use crate::render::{self, TableBlock};
use clap::Args;
use kleiber_core::units::format_significant;
use nalgebra::DMatrix;
use serde::Serialize;
use std::hint::black_box;
use std::time::Instant;

/// Report the machine: CPU features, threads, memory, disk, measured speed, sandbox layers.
///
/// Speed is measured for about a second: products of 512 x 512 matrices on all threads for GFLOP/s, a sum over
/// 256 MB for GB/s.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kleiber doctor\n  kleiber doctor --json")]
pub(crate) struct DoctorArgs {
    /// Print one JSON document (kleiber.doctor/1).
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Serialize)]
struct Diagnosis {
    schema: &'static str,
    version: &'static str,
    os: String,
    cpu: String,
    features: Vec<&'static str>,
    threads: usize,
    memory_bytes: u64,
    memory_available_bytes: u64,
    disk_available_bytes: u64,
    gflops: f64,
    gbytes_per_second: f64,
    sandbox: Vec<Layer>,
}

#[derive(Debug, Serialize)]
struct Layer {
    name: &'static str,
    available: bool,
}

/// Runs `kleiber doctor`.
pub(crate) fn run(args: &DoctorArgs) -> Result<Output, CliError> {
    let diagnosis = diagnose();
    if args.json {
        return Ok(Output::json(&diagnosis));
    }
    let gib = |b: u64| format!("{} GiB", format_significant(b as f64 / 1024f64.powi(3), 3));
    let yes: Vec<&str> = diagnosis.sandbox.iter().filter(|l| l.available).map(|l| l.name).collect();
    let no: Vec<&str> = diagnosis.sandbox.iter().filter(|l| !l.available).map(|l| l.name).collect();
    let list = |names: &[&str]| if names.is_empty() { "none".to_string() } else { names.join(" ") };
    let rows = [
        ("version", diagnosis.version.to_string()),
        ("system", diagnosis.os.clone()),
        ("processor", diagnosis.cpu.clone()),
        ("features", list(&diagnosis.features)),
        ("threads", diagnosis.threads.to_string()),
        ("memory", format!("{} ({} available)", gib(diagnosis.memory_bytes), gib(diagnosis.memory_available_bytes))),
        ("disk here", format!("{} available", gib(diagnosis.disk_available_bytes))),
        (
            "arithmetic",
            format!("{} GFLOP/s (f32 matrix product, all threads)", format_significant(diagnosis.gflops, 3)),
        ),
        ("memory speed", format!("{} GB/s (read, all threads)", format_significant(diagnosis.gbytes_per_second, 3))),
        ("sandbox layers", list(&yes)),
        ("missing layers", list(&no)),
    ];
    let block = TableBlock {
        headers: vec!["".into(), "this machine".into()],
        rows: rows.map(|(name, value)| vec![name.to_string(), value]).to_vec(),
        numeric: vec![false, false],
    };
    Ok(Output::text(render::terminal_table(&block, Some(100)) + "\n"))
}

/// Processor, cores and system in a line, for results that must say where they were made.
pub(crate) fn machine() -> String {
    let system = sysinfo::System::new().ok().map(|mut system| {
        system.refresh_cpu_all();
        system
    });
    let cpu = system.as_ref().and_then(|s| s.cpus().first()).map(|c| c.brand().trim().to_string());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{}, {cores} cores, {}", cpu.unwrap_or_else(|| "unknown processor".into()), std::env::consts::OS)
}

fn diagnose() -> Diagnosis {
    // What the system does not tell stays empty or zero.
    let system = sysinfo::System::new().ok().map(|mut system| {
        system.refresh_memory();
        system.refresh_cpu_all();
        system
    });
    let memory = |read: fn(&sysinfo::System) -> u64| system.as_ref().map_or(0, read);
    let cpu = system.as_ref().and_then(|s| s.cpus().first()).map(|c| c.brand().trim().to_string());
    Diagnosis {
        schema: "kleiber.doctor/1",
        version: env!("CARGO_PKG_VERSION"),
        os: sysinfo::System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.into()),
        cpu: cpu.unwrap_or_default(),
        features: features(),
        threads: rayon::current_num_threads(),
        memory_bytes: memory(sysinfo::System::total_memory),
        memory_available_bytes: memory(sysinfo::System::available_memory),
        disk_available_bytes: disk_available(),
        gflops: arithmetic_speed(),
        gbytes_per_second: memory_speed(),
        sandbox: sandbox(),
    }
}

/// Free space of the disk that holds the current folder.
fn disk_available() -> u64 {
    let here = std::env::current_dir().unwrap_or_default();
    let Ok(disks) = sysinfo::Disks::new_with_refreshed_list() else { return 0 };
    let holding = disks.iter().filter(|d| here.starts_with(d.mount_point()));
    holding.max_by_key(|d| d.mount_point().as_os_str().len()).map_or(0, sysinfo::Disk::available_space)
}

macro_rules! detected {
    ($($name:tt),*) => {{
        let mut found = Vec::new();
        $(if std::arch::is_x86_feature_detected!($name) {
            found.push($name);
        })*
        found
    }};
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    detected!("sse4.2", "avx", "avx2", "fma", "bmi2", "f16c", "avx512f", "avx512bw", "avx512vnni", "avx512bf16")
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<&'static str> {
    Vec::new()
}

/// Products of two square matrices of f32, one on every thread at the same time.
fn arithmetic_speed() -> f64 {
    const SIDE: usize = 512;
    const ROUNDS: usize = 12;
    let work = || {
        let a = DMatrix::from_fn(SIDE, SIDE, |i, j| (i * 7 + j) as f32 % 5.0);
        let mut product = a.clone();
        (0..ROUNDS).for_each(|_| a.mul_to(black_box(&a), &mut product));
        black_box(product);
    };
    rayon::broadcast(|_| work());
    let start = Instant::now();
    rayon::broadcast(|_| work());
    let operations = 2.0 * (SIDE.pow(3) * ROUNDS * rayon::current_num_threads()) as f64;
    operations / start.elapsed().as_secs_f64() / 1e9
}

/// A sum over more memory than the caches hold.
fn memory_speed() -> f64 {
    use rayon::prelude::*;
    const COUNT: usize = 32 << 20;
    let data = vec![1.0f64; COUNT];
    let pass = || data.par_chunks(1 << 16).map(sum).sum::<f64>();
    black_box(pass());
    let start = Instant::now();
    let passes = 3;
    (0..passes).for_each(|_| {
        black_box(pass());
    });
    (passes * COUNT * 8) as f64 / start.elapsed().as_secs_f64() / 1e9
}

/// Eight sums side by side, so that the additions do not wait for each other.
fn sum(chunk: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    for eight in chunk.as_chunks::<8>().0 {
        sums.iter_mut().zip(eight).for_each(|(s, v)| *s += v);
    }
    sums.iter().sum()
}

/// Layers that can confine generated code on this system.
fn sandbox() -> Vec<Layer> {
    let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let positive = |text: &str| text.trim().parse::<u64>().is_ok_and(|n| n > 0);
    let cloning_allowed = {
        let switch = file("/proc/sys/kernel/unprivileged_userns_clone");
        switch.is_empty() || positive(&switch)
    };
    vec![
        Layer {
            name: "user-namespaces",
            available: positive(&file("/proc/sys/user/max_user_namespaces")) && cloning_allowed,
        },
        Layer { name: "landlock", available: file("/sys/kernel/security/lsm").contains("landlock") },
        Layer { name: "seccomp", available: file("/proc/self/status").contains("Seccomp:") },
        Layer { name: "cgroups-v2", available: std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists() },
    ]
}
