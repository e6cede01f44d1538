//! `/proc/self/mounts`: one file system a line, `device mount-point type options …`, with octal escapes (proc(5), fstab(5)).

/// File systems that hold no data of anybody.
const PSEUDO: &[&str] = &[
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "ramfs",
    "rpc_pipefs",
    "securityfs",
    "squashfs",
    "sysfs",
    "tracefs",
];

/// Where file systems are mounted that can hold data. Of several mounted on one place only the last is visible, and kept.
pub fn parse(text: &str) -> Vec<String> {
    let mut mounts: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut fields = line.split_ascii_whitespace();
        let (Some(_device), Some(mount_point), Some(kind)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let mount_point = unescape(mount_point);
        mounts.retain(|other| *other != mount_point);
        if !PSEUDO.contains(&kind) {
            mounts.push(mount_point);
        }
    }
    mounts
}

/// Undoes `\040` and its like: space, tab, newline and backslash are written as three octal digits.
fn unescape(field: &str) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let octal = (byte == b'\\')
            .then(|| tail.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit)))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match octal {
            Some(escaped) => {
                bytes.push(escaped);
                rest = &tail[3..];
            }
            None => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pseudo_file_systems_are_left_out_and_the_last_mount_wins() {
        let seen = parse(
            "/dev/sda1 / ext4 rw 0 0\nproc /proc proc rw 0 0\n/dev/sdb /var/spool/my\\040cyrus xfs rw 0 0\n\
             /dev/sdc /mnt ext3 rw 0 0\n/dev/sdd /mnt ext4 rw 0 0\n/dev/sde /run ext4 rw 0 0\nproc /run proc rw 0 0\nbroken\n",
        );
        assert_eq!(seen, ["/", "/var/spool/my cyrus", "/mnt"]);
    }

    #[test]
    fn escapes_that_are_none_stay() {
        assert_eq!(unescape("a\\"), "a\\");
        assert_eq!(unescape("a\\9\\134b"), "a\\9\\b");
        assert_eq!(unescape("a\\+40b"), "a\\+40b");
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text: String) {
            parse(&text);
        }
    }
}
