//! Sorting more records than memory shall hold: what does not fit goes, in sorted runs, to a file without a name.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{Result, Write as _};
use std::os::unix::fs::FileExt as _;

use rayon::slice::ParallelSliceMut as _;

/// Records read from a run at a time.
const CHUNK: usize = 8_192;

/// Takes records of `N` bytes in any order.
pub(super) struct Sorter<const N: usize> {
    budget: usize,
    held: Vec<[u8; N]>,
    file: Option<File>,
    /// Where each run ends in the file, in bytes.
    ends: Vec<u64>,
    /// The last record of the last run.
    last: Option<[u8; N]>,
}

impl<const N: usize> Sorter<N> {
    /// A sorter that holds at most `budget` records in memory.
    pub(super) fn new(budget: usize) -> Self {
        Self { budget, held: Vec::new(), file: None, ends: Vec::new(), last: None }
    }

    /// Takes a record.
    pub(super) fn push(&mut self, record: [u8; N]) -> Result<()> {
        if self.held.len() >= self.budget {
            self.spill()?;
        }
        self.held.push(record);
        Ok(())
    }

    /// Writes what is held as a sorted run.
    fn spill(&mut self) -> Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        sort(&mut self.held);
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        let bytes = self.held.as_flattened();
        file.write_all(bytes)?;
        let start = self.ends.last().copied().unwrap_or(0);
        let end = start + u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        match self.ends.last_mut() {
            // What comes in order is one run however long it is.
            Some(run) if self.last.as_ref() <= self.held.first() => *run = end,
            _ => self.ends.push(end),
        }
        self.last = self.held.last().copied();
        self.held.clear();
        Ok(())
    }

    /// The records in order, those that are the same each for itself.
    pub(super) fn sorted(mut self) -> Result<Sorted<N>> {
        if self.ends.is_empty() {
            sort(&mut self.held);
            return Ok(Sorted::Held(self.held.into_iter()));
        }
        self.spill()?;
        let Self { file: Some(file), ends, .. } = self else { return Ok(Sorted::Held(Vec::new().into_iter())) };
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let mut runs: Vec<Run<N>> = starts.zip(&ends).map(|(at, end)| Run::new(at, *end)).collect();
        let mut heap = BinaryHeap::with_capacity(runs.len());
        for (number, run) in runs.iter_mut().enumerate() {
            heap.extend(run.next(&file)?.map(|record| Reverse((record, number))));
        }
        Ok(Sorted::Spilled { file, runs, heap })
    }
}

/// Sorts on all threads. Most records differ in their first bytes, which are compared as one number.
fn sort<const N: usize>(records: &mut [[u8; N]]) {
    let start = |record: &[u8; N]| record.first_chunk().map(|start| u64::from_be_bytes(*start));
    records.par_sort_unstable_by(|a, b| start(a).cmp(&start(b)).then_with(|| a.cmp(b)));
}

/// Records in order.
pub(super) enum Sorted<const N: usize> {
    /// All of them fitted.
    Held(std::vec::IntoIter<[u8; N]>),
    /// Runs that are merged, each with its next record in the heap.
    Spilled { file: File, runs: Vec<Run<N>>, heap: BinaryHeap<Reverse<([u8; N], usize)>> },
}

impl<const N: usize> Sorted<N> {
    /// The next record.
    pub(super) fn next(&mut self) -> Result<Option<[u8; N]>> {
        match self {
            Self::Held(records) => Ok(records.next()),
            Self::Spilled { file, runs, heap } => {
                let Some(mut first) = heap.peek_mut() else { return Ok(None) };
                let Reverse((record, number)) = *first;
                let next = runs.get_mut(number).map_or(Ok(None), |run| run.next(file))?;
                match next {
                    // The place of what was taken: the heap is put in order once.
                    Some(next) => *first = Reverse((next, number)),
                    None => drop(PeekMut::pop(first)),
                }
                Ok(Some(record))
            }
        }
    }
}

/// A sorted part of the file.
pub(super) struct Run<const N: usize> {
    at: u64,
    end: u64,
    chunk: Vec<u8>,
    used: usize,
}

impl<const N: usize> Run<N> {
    fn new(at: u64, end: u64) -> Self {
        Self { at, end, chunk: Vec::new(), used: 0 }
    }

    fn next(&mut self, file: &File) -> Result<Option<[u8; N]>> {
        if self.used == self.chunk.len() {
            let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            self.chunk.resize(left.min(CHUNK * N), 0);
            file.read_exact_at(&mut self.chunk, self.at)?;
            self.at += u64::try_from(self.chunk.len()).unwrap_or(0);
            self.used = 0;
        }
        let record = self.chunk.get(self.used..).and_then(|rest| rest.first_chunk()).copied();
        self.used += if record.is_some() { N } else { 0 };
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(records: &[[u8; 3]], budget: usize) -> (Vec<[u8; 3]>, usize) {
        let mut sorter = Sorter::new(budget);
        records.iter().for_each(|record| sorter.push(*record).unwrap());
        let mut sorted = sorter.sorted().unwrap();
        let runs = if let Sorted::Spilled { runs, .. } = &sorted { runs.len() } else { 0 };
        (std::iter::from_fn(|| sorted.next().unwrap()).collect(), runs)
    }

    proptest! {
        #[test]
        fn any_records_come_out_in_order_however_few_are_held(
            records in prop::collection::vec(any::<[u8; 3]>(), 0..200),
            budget in 1_usize..50,
        ) {
            let (got, runs) = sorted(&records, budget);
            let mut due = records.clone();
            due.sort_unstable();
            prop_assert_eq!(got, due);
            let mut chunks: Vec<Vec<[u8; 3]>> = records.chunks(budget).map(<[_]>::to_vec).collect();
            chunks.iter_mut().for_each(|chunk| chunk.sort_unstable());
            let breaks = chunks.windows(2).filter(|pair| pair[0].last() > pair[1].first()).count();
            prop_assert_eq!(runs, if records.len() > budget { 1 + breaks } else { 0 });
        }
    }

    #[test]
    fn runs_that_are_longer_than_a_chunk_are_read_on() {
        let record = |n: usize| [n >> 16, n >> 8, n].map(|byte| u8::try_from(byte & 0xff).unwrap());
        let due: Vec<[u8; 3]> = (0..3 * CHUNK + 7).map(record).collect();
        // Two runs, each with every other record.
        let (even, odd): (Vec<_>, Vec<_>) = due.iter().partition(|record| record[2] % 2 == 0);
        let (got, runs) = sorted(&[even, odd].concat(), 2 * CHUNK);
        assert!(got == due, "{} of {} records", got.len(), due.len());
        assert_eq!(runs, 2);
    }

    #[test]
    fn records_that_are_the_same_are_all_kept() {
        assert_eq!(sorted(&[[1, 1, 1]; 5], 2), (vec![[1, 1, 1]; 5], 1));
        assert_eq!(
            sorted(&[[2; 3], [1; 3], [2; 3], [1; 3], [2; 3]], 2),
            (vec![[1; 3], [1; 3], [2; 3], [2; 3], [2; 3]], 2)
        );
        assert_eq!(sorted(&[], 2), (Vec::new(), 0));
    }
}
