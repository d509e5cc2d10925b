//! What this process uses.

/// Bytes of memory that the process held at most so far; `None` where the system does not tell (only Linux does).
pub fn peak_memory() -> Option<u64> {
    field("VmHWM:")
}

/// Bytes of memory that the process holds; `None` where the system does not tell.
pub fn memory() -> Option<u64> {
    field("VmRSS:")
}

fn field(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_vector_is_seen() {
        let Some(before) = memory() else { return };
        let numbers = std::hint::black_box(vec![1u8; 64 << 20]);
        let now = memory().unwrap();
        assert!(now > before + (60 << 20) && peak_memory().unwrap() >= now);
        drop(numbers);
    }
}
