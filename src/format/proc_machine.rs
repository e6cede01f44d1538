//! What `/proc/meminfo` and `/proc/cpuinfo` say of a machine (proc(5)).

/// All of its memory, in KiB; none where it is not told.
pub fn memory_kib(meminfo: &str) -> Option<u64> {
    let told = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    told.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// How many processors are at work: each has a paragraph that begins with its number.
pub fn processors(cpuinfo: &str) -> u64 {
    let is_number = |line: &&str| {
        let value = line.strip_prefix("processor").and_then(|rest| rest.trim_start().strip_prefix(':'));
        value.is_some_and(|value| value.trim().bytes().all(|byte| byte.is_ascii_digit()))
    };
    cpuinfo.lines().filter(is_number).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_processors_are_told() {
        assert_eq!(memory_kib("MemTotal:        8152344 kB\nMemFree:          203000 kB\n"), Some(8_152_344));
        for nothing in ["", "MemFree: 1 kB\n", "MemTotal: many kB\n", "MemTotal: 5\n"] {
            assert_eq!(memory_kib(nothing), None, "{nothing}");
        }
        let x86 = "processor\t: 0\nmodel name\t: Intel(R) processor : 2\n\nprocessor\t: 1\nmodel name\t: x\n";
        assert_eq!(processors(x86), 2);
        assert_eq!(processors("Processor\t: AArch64\nprocessor\t: 0\nprocessor : ARMv7\n"), 1);
        assert_eq!(processors(""), 0);
    }
}
