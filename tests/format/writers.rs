//! Writers of Cyrus's formats, from their description: what the readers are tried on.

use std::collections::BTreeMap;

fn crc(bytes: &[u8]) -> [u8; 4] {
    crc32fast::hash(bytes).to_be_bytes()
}

/// A twoskip file that is written as Cyrus writes it, one transaction after the other. Its higher levels lead nowhere.
#[derive(Clone)]
pub(crate) struct TwoskipFile {
    pub(crate) bytes: Vec<u8>,
    live: BTreeMap<Vec<u8>, usize>,
    generation: u64,
}

impl TwoskipFile {
    pub(crate) const FIRST: usize = 336;

    pub(crate) fn new() -> Self {
        let mut file = Self { bytes: vec![0; 64], live: BTreeMap::new(), generation: 1 };
        file.append(b'=', &[0; 32], b"", b"", false);
        file.commit();
        file
    }

    /// Writes the header: what was appended so far counts from now on.
    pub(crate) fn commit(&mut self) {
        let size = self.bytes.len();
        self.header(self.live.len(), size, 0);
    }

    pub(crate) fn header(&mut self, records: usize, size: usize, flags: u32) {
        let mut header = b"\xa1\x02\x8b\x0dtwoskip file\0\0\0\0\0\0\0\x01".to_vec();
        for number in [self.generation, records as u64, 336, size as u64] {
            header.extend(number.to_be_bytes());
        }
        header.extend(flags.to_be_bytes());
        header.extend(crc(&header));
        self.bytes[..64].copy_from_slice(&header);
    }

    pub(crate) fn set(&mut self, key: &[u8], value: &[u8], is_wide: bool) -> usize {
        let start = self.bytes.len();
        let next = self.live.range(key.to_vec()..).find(|(k, _)| k.as_slice() != key).map_or(0, |(_, at)| *at as u64);
        let at = self.append(b'+', &[0, next], key, value, is_wide);
        self.link(key, at as u64, start);
        self.live.insert(key.to_vec(), at);
        self.append(b'$', &[start as u64], b"", b"", false);
        at
    }

    pub(crate) fn delete(&mut self, key: &[u8]) {
        let start = self.bytes.len();
        self.live.remove(key).unwrap();
        let next = self.live.range(key.to_vec()..).next().map_or(0, |(_, at)| *at as u64);
        let at = self.append(b'-', &[next], b"", b"", false);
        self.link(key, at as u64, start);
        self.append(b'$', &[start as u64], b"", b"", false);
    }

    /// Makes the record before a key point to `next`: in place of the pointer beyond the last transaction, else of the
    /// smaller one.
    fn link(&mut self, key: &[u8], next: u64, end: usize) {
        let before = self.live.range(..key.to_vec()).next_back().map_or(64, |(_, at)| *at);
        let pointers = [0, 8].map(|i| u64::from_be_bytes(self.bytes[self.head(before) + i..][..8].try_into().unwrap()));
        let is_second = match pointers.map(|pointer| pointer >= end as u64) {
            [true, _] => false,
            [_, true] => true,
            _ => pointers[1] < pointers[0],
        };
        self.point(before, usize::from(is_second), next);
    }

    fn head(&self, at: usize) -> usize {
        let is_wide = |range: std::ops::Range<usize>| self.bytes[range].iter().all(|byte| *byte == 0xff);
        at + 8 + 8 * usize::from(is_wide(at + 2..at + 4)) + 8 * usize::from(is_wide(at + 4..at + 8))
    }

    /// Writes a pointer of a record, and its CRC anew.
    pub(crate) fn point(&mut self, at: usize, index: usize, next: u64) {
        let place = self.head(at) + 8 * index;
        self.bytes[place..place + 8].copy_from_slice(&next.to_be_bytes());
        self.seal(at);
    }

    /// Puts the CRC of a record's head right.
    pub(crate) fn seal(&mut self, at: usize) {
        let end = self.head(at) + 8 * (usize::from(self.bytes[at + 1]) + 1);
        let crc = crc(&self.bytes[at..end]);
        self.bytes[end..end + 4].copy_from_slice(&crc);
    }

    pub(crate) fn append(&mut self, kind: u8, pointers: &[u64], key: &[u8], value: &[u8], is_wide: bool) -> usize {
        let at = self.bytes.len();
        let level = u8::try_from(pointers.len() - 1).unwrap();
        let mut record = vec![kind, level];
        if is_wide {
            record.extend([0xff; 6]);
            record.extend((key.len() as u64).to_be_bytes());
            record.extend((value.len() as u64).to_be_bytes());
        } else {
            record.extend(u16::try_from(key.len()).unwrap().to_be_bytes());
            record.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
        }
        record.extend(pointers.iter().flat_map(|pointer| pointer.to_be_bytes()));
        let mut tail = [key, value].concat();
        tail.resize(tail.len().next_multiple_of(8), 0);
        record.extend(crc(&record));
        record.extend(crc(&tail));
        record.extend(tail);
        self.bytes.extend(record);
        at
    }
}

/// A skiplist file: an empty sorted part and a log of the changes, a transaction each. None deletes.
pub(crate) fn skiplist(changes: &[(Vec<u8>, Option<Vec<u8>>)]) -> Vec<u8> {
    let mut file = b"\xa1\x02\x8b\x0dskiplist file\0\0\0".to_vec();
    for word in [1, 2, 20, 1, 0, 144, 0] {
        file.extend(u32::to_be_bytes(word));
    }
    file.extend([257, 0, 0].into_iter().flat_map(u32::to_be_bytes));
    file.extend([0; 80]);
    file.extend([0xff; 4]);
    let mut live: BTreeMap<&[u8], u32> = BTreeMap::new();
    for (key, value) in changes {
        if let Some(at) = live.remove(key.as_slice()) {
            file.extend([4, at].into_iter().flat_map(u32::to_be_bytes));
        }
        if let Some(value) = value {
            live.insert(key, u32::try_from(file.len()).unwrap());
            file.extend(skiplist_node(2, key, value, 1));
        }
        file.extend(255_u32.to_be_bytes());
    }
    file
}

pub(crate) fn skiplist_node(kind: u32, key: &[u8], value: &[u8], pointers: usize) -> Vec<u8> {
    let mut node = kind.to_be_bytes().to_vec();
    for field in [key, value] {
        node.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
        node.extend(field);
        node.resize(node.len().next_multiple_of(4), 0);
    }
    node.extend(vec![0; 4 * pointers]);
    node.extend([0xff; 4]);
    node
}

/// A message of an index.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) uid: u32,
    pub(crate) size: u32,
    pub(crate) flags: u32,
    pub(crate) guid: [u8; 20],
}

/// A `cyrus.index` of a minor version.
pub(crate) fn index(minor: u32, messages: &[Message]) -> Vec<u8> {
    let (start, len) = match minor {
        10 => (96, 88),
        12 => (128, 96),
        13 => (128, 104),
        14 | 15 => (160, 104),
        _ => (160, 112),
    };
    let mut file = vec![0; start];
    let mut put = |at: usize, word: u32| file[at..at + 4].copy_from_slice(&word.to_be_bytes());
    let words = [1, 0, minor, start as u32, len as u32, messages.len() as u32, 0, messages.last().map_or(0, |m| m.uid)];
    words.into_iter().enumerate().for_each(|(i, word)| put(4 * i, word));
    put(44, 1_534_167_008);
    put(84, messages.iter().filter(|m| m.flags >> 31 == 0).count() as u32);
    if minor > 10 {
        put(start - 4, 0);
        let sum = crc(&file[..start - 4]);
        file[start - 4..].copy_from_slice(&sum);
    }
    for message in messages {
        let mut record = vec![0; len];
        for (at, word) in [(0, message.uid), (4, 1_534_167_110), (12, message.size), (32, message.flags)] {
            record[at..at + 4].copy_from_slice(&word.to_be_bytes());
        }
        record[60..80].copy_from_slice(&message.guid);
        record[80..88].copy_from_slice(&u64::from(message.uid).to_be_bytes());
        if minor > 10 {
            let sum = crc(&record[..len - 4]);
            record[len - 4..].copy_from_slice(&sum);
        }
        file.extend(record);
    }
    file
}
