//! Numbers in a slice: big-endian as Cyrus writes them, little-endian as the processors do.

/// The 4 bytes at `at` as a number; none when they are not all there.
pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

/// The 8 bytes at `at` as a number; none when they are not all there.
pub(super) fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_be_bytes)
}

/// The 4 bytes at `at` as a little-endian number; none when they are not all there.
pub(super) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// The `N` bytes at `at`; none when they are not all there.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// `n` rounded up to a multiple of `unit`, a power of two; none beyond the range of numbers.
pub(super) fn padded(n: usize, unit: usize) -> Option<usize> {
    Some(n.checked_add(unit - 1)? & !(unit - 1))
}
