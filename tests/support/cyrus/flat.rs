//! Cyrus' flat files, from their description.

/// A flat file.
pub(crate) fn flat(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let escaped = |field: &[u8]| {
        let escape = |byte: &u8| match byte {
            0xff => vec![0xff, 0xff],
            b'\0' | b'\t' | b'\r' | b'\n' => vec![0xff, byte | 0x80],
            _ => vec![*byte],
        };
        field.iter().flat_map(escape).collect::<Vec<u8>>()
    };
    entries
        .iter()
        .flat_map(|(key, value)| [escaped(key), b"\t".to_vec(), escaped(value), b"\n".to_vec()].concat())
        .collect()
}
