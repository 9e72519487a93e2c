//! The bytes of [`Entries`](super::Entries): a count, for each entry the ends of its key and value, then the texts.

use std::{ops::Range, sync::Arc};

/// The bytes of the count, and of each end.
const WORD: usize = 4;

/// A block of entries, taken apart.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a> {
    /// Of the key and the value of each entry, counted from the first text.
    ends: &'a [[u8; WORD]],
    texts: &'a [u8],
}

impl<'a> Packed<'a> {
    pub(super) const EMPTY: Self = Self { ends: &[], texts: &[] };

    pub(super) fn of(block: &'a [u8]) -> Self {
        let Some((count, rest)) = block.split_first_chunk::<WORD>() else { return Self::EMPTY };
        let words = 2 * u32::from_le_bytes(*count) as usize;
        let Some((ends, texts)) = rest.split_at_checked(words * WORD) else { return Self::EMPTY };
        Self { ends: ends.as_chunks().0, texts }
    }

    pub(super) const fn len(self) -> usize {
        self.ends.len() / 2
    }

    /// Where the text number `index` begins; keys and values are counted together.
    fn start(self, index: usize) -> usize {
        let before = index.checked_sub(1).and_then(|before| self.ends.get(before));
        before.map_or(0, |end| u32::from_le_bytes(*end) as usize)
    }

    fn text(self, index: usize) -> &'a [u8] {
        self.texts.get(self.start(index)..self.start(index + 1)).unwrap_or_default()
    }

    pub(super) fn key(self, entry: usize) -> &'a [u8] {
        self.text(2 * entry)
    }

    pub(super) fn value(self, entry: usize) -> &'a [u8] {
        self.text(2 * entry + 1)
    }

    /// Where the value of an entry is in the whole block.
    pub(super) fn value_in_block(self, entry: usize) -> Range<usize> {
        let texts = WORD + self.ends.len() * WORD;
        texts + self.start(2 * entry + 1)..texts + self.start(2 * entry + 2)
    }

    /// The bytes of the keys and values of some entries.
    pub(super) fn bytes(self, entries: &Range<usize>) -> usize {
        self.start(2 * entries.end) - self.start(2 * entries.start)
    }

    /// The entry under `key`, or where it would be.
    pub(super) fn position(self, key: &[u8]) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.key(middle).cmp(key) {
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }
}

/// Writes a block.
pub(super) struct Packer<'a> {
    /// Those that are not written yet.
    ends: &'a mut [[u8; WORD]],
    texts: &'a mut [u8],
    /// The bytes of text written so far.
    end: u32,
}

impl Packer<'_> {
    /// A block for this many entries and bytes of text, which `write` writes. `None` if they exceed 4 GiB.
    pub(super) fn pack(count: usize, bytes: usize, write: impl FnOnce(&mut Packer<'_>)) -> Option<Arc<[u8]>> {
        u32::try_from(bytes).ok()?;
        let ends = 2 * count * WORD;
        // Written in place, because a Vec would have to be copied.
        let mut block: Arc<[u8]> = std::iter::repeat_n(0, WORD + ends + bytes).collect();
        let (head, texts) = Arc::get_mut(&mut block)?.split_at_mut(WORD + ends);
        let (first, ends) = head.as_chunks_mut().0.split_first_mut()?;
        *first = u32::try_from(count).ok()?.to_le_bytes();
        write(&mut Packer { ends, texts, end: 0 });
        Some(block)
    }

    /// Writes the next entry.
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) {
        for text in [key, value] {
            self.write(&[(text.len() as u32).to_le_bytes()], 0, text);
        }
    }

    /// Writes some entries of another block.
    pub(super) fn copy(&mut self, from: Packed<'_>, entries: Range<usize>) {
        let words = 2 * entries.start..2 * entries.end;
        let (start, end) = (from.start(words.start), from.start(words.end));
        let texts = from.texts.get(start..end).unwrap_or_default();
        self.write(from.ends.get(words).unwrap_or_default(), start as u32, texts);
    }

    /// Writes texts that lie side by side, and their ends, which were counted from `start`.
    fn write(&mut self, ends: &[[u8; WORD]], start: u32, texts: &[u8]) {
        let Some((here, rest)) = std::mem::take(&mut self.ends).split_at_mut_checked(ends.len()) else { return };
        for (here, end) in here.iter_mut().zip(ends) {
            *here = (u32::from_le_bytes(*end) - start + self.end).to_le_bytes();
        }
        self.ends = rest;
        let Some((here, rest)) = std::mem::take(&mut self.texts).split_at_mut_checked(texts.len()) else { return };
        here.copy_from_slice(texts);
        self.texts = rest;
        self.end += texts.len() as u32;
    }
}
