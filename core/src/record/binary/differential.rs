//! Compares both implementations: they must read and write the same.

use std::fmt::Debug;

use ::bincode::{BorrowDecode, Encode};

use super::{bincode, without_bincode};

/// All types that are ever read: a record's head and its entries, the head of changes and its edits.
type RecordHead<'a> = (u64, u64, u64, Option<u64>, Option<&'a str>, u32);
type Entry<'a> = (&'a str, &'a str);
type ChangesHead<'a> = (bool, Option<Option<&'a str>>, u32);
type Edit<'a> = (&'a str, Option<&'a str>);

/// Panics if the implementations read arbitrary bytes differently.
pub(crate) fn assert_same(bytes: &[u8]) {
    both_read::<RecordHead<'_>>(bytes);
    both_read::<Entry<'_>>(bytes);
    both_read::<ChangesHead<'_>>(bytes);
    both_read::<Edit<'_>>(bytes);
}

fn both_read<'a, T>(bytes: &'a [u8])
where
    T: BorrowDecode<'a, ()> + Encode + without_bincode::Read<'a> + without_bincode::Write + Debug + PartialEq + Copy,
{
    let (own, theirs) = (without_bincode::read::<T>(bytes), bincode::read::<T>(bytes));
    assert_eq!(own, theirs);
    if let Ok((value, _)) = own {
        both_write(value);
    }
}

fn both_write<T: Encode + without_bincode::Write + Copy>(value: T) {
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    assert_eq!(without_bincode::write(value, &mut own), bincode::write(value, &mut theirs));
    assert_eq!(own, theirs);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_number() -> impl Strategy<Value = u64> {
        let edges = [0, 1, 249, 250, 251, 252, 253, 254, 255, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000, u64::MAX];
        prop_oneof![prop::sample::select(edges.to_vec()), any::<u64>(), 0..100_000_u64]
    }

    /// Texts on both sides of the longest length that takes one byte.
    fn any_text() -> impl Strategy<Value = String> {
        let long = prop_oneof![245..260_usize, 65_530..65_540_usize].prop_map(|length| "x".repeat(length));
        prop_oneof![3 => "\\PC{0,6}", 1 => long]
    }

    /// Bytes that are often valid.
    fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![3 => 0..8_u8, 2 => 248..=255_u8, 1 => any::<u8>()];
        prop::collection::vec(byte, 0..40)
    }

    proptest! {
        #[test]
        fn bytes_are_read_alike(bytes in any_bytes()) {
            assert_same(&bytes);
        }

        #[test]
        fn a_record_is_written_alike(
            numbers in (any_number(), any_number(), any_number(), prop::option::of(any_number()), any::<u32>()),
            text in prop::option::of(any_text()),
            cut in any::<prop::sample::Index>(),
        ) {
            let (a, b, c, d, count) = numbers;
            let head: RecordHead<'_> = (a, b, c, d, text.as_deref(), count);
            both_write(head);
            let mut bytes = Vec::new();
            without_bincode::write(head, &mut bytes).unwrap();
            assert_same(&bytes);
            assert_same(&bytes[..cut.index(bytes.len())]);
        }

        #[test]
        fn changes_are_written_alike(
            cleared: bool,
            principal in prop::option::of(prop::option::of(any_text())),
            count: u32,
            key in any_text(),
            edit in prop::option::of(any_text()),
        ) {
            let head: ChangesHead<'_> = (cleared, principal.as_ref().map(Option::as_deref), count);
            both_write(head);
            let edit: Edit<'_> = (&key, edit.as_deref());
            both_write(edit);
            both_write((edit.0, edit.1.unwrap_or_default()));
            let mut bytes = Vec::new();
            without_bincode::write(edit, &mut bytes).unwrap();
            assert_same(&bytes);
        }
    }

    /// Numbers with every first byte: too long for their type, longer than necessary, or cut short.
    #[test]
    fn every_first_byte_is_read_alike() {
        let tails = [[0; 17], [1; 17], [0xff; 17], std::array::from_fn(|at| u8::from(at == 0))];
        for (first, tail) in (0..=u8::MAX).flat_map(|first| tails.map(|tail| (first, tail))) {
            for length in 0..=tail.len() {
                let bytes = [&[first], &tail[..length]].concat();
                both_read::<u64>(&bytes);
                both_read::<u32>(&bytes);
                both_read::<bool>(&bytes);
                both_read::<&str>(&bytes);
                both_read::<Option<u64>>(&bytes);
            }
        }
        both_read::<&str>(b"\x02\xc3\xa9");
        both_read::<&str>(b"\x01\xc3\xa9");
        both_read::<&str>(b"\xfd\xff\xff\xff\xff\xff\xff\xff\xff");
    }
}
