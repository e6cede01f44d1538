#![no_main]

use bm_preflight_fuzz::format::cyrus_db::CyrusDb;
use libfuzzer_sys::fuzz_target;

const MAGIC: usize = 20;

// A CRC keeps a fuzzer out: those of the header and of every record that starts on a multiple of 8 are put right.
fn with_right_crcs(data: &[u8]) -> Vec<u8> {
    let mut file = data.to_vec();
    if file.len() < 336 || !file.starts_with(b"\xa1\x02\x8b\x0dtwoskip") {
        return file;
    }
    file[MAGIC..MAGIC + 4].copy_from_slice(&1_u32.to_be_bytes());
    let len = u64::try_from(file.len() / 8 * 8).unwrap();
    file[48..56].copy_from_slice(&len.to_be_bytes());
    seal(&mut file, 0, 60);
    for at in (64..file.len() - 8).step_by(8).rev() {
        let (kind, level) = (file[at], usize::from(file[at + 1]));
        let pointers = at + 8 + 8 * (level + 1);
        if !matches!(kind, b'=' | b'+' | b'-' | b'$') || level > 31 || pointers + 8 > file.len() {
            continue;
        }
        let key = usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
        let value = u32::from_be_bytes(file[at + 4..at + 8].try_into().unwrap());
        let end = (pointers + 8 + key + usize::try_from(value).unwrap()).next_multiple_of(8);
        if end <= file.len() {
            let tail = crc32fast::hash(&file[pointers + 8..end]);
            file[pointers + 4..pointers + 8].copy_from_slice(&tail.to_be_bytes());
            seal(&mut file, at, pointers);
        }
    }
    file
}

fn seal(file: &mut [u8], start: usize, end: usize) {
    let crc = crc32fast::hash(&file[start..end]);
    file[end..end + 4].copy_from_slice(&crc.to_be_bytes());
}

fn read(file: &[u8]) {
    let Ok(db) = CyrusDb::parse(file) else { return };
    let (mut bytes, mut last) = (0, None);
    for entry in db.entries() {
        match entry {
            Ok((key, value)) => bytes += key.len() + value.len(),
            Err(error) => last = Some(error.to_string()),
        }
    }
    assert!(bytes <= file.len(), "{bytes} bytes of entries in {} of the file, {last:?}", file.len());
}

fuzz_target!(|data: &[u8]| {
    read(data);
    read(&with_right_crcs(data));
});
