//! The implementation with bincode.

use ::bincode::{
    BorrowDecode, Encode, borrow_decode_from_slice,
    config::{Configuration, Limit, LittleEndian, Varint, standard},
    encode_into_std_write,
};

use crate::CodecError;

/// Strings are borrowed from the input, so the limit only has to stop absurd lengths.
const CONFIG: Configuration<LittleEndian, Varint, Limit<{ 1 << 31 }>> = standard().with_limit::<{ 1 << 31 }>();

/// Appends a value to `bytes`.
pub(in crate::record) fn write(value: impl Encode, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
    let written = encode_into_std_write(value, bytes, CONFIG);
    written.map(drop).map_err(|_| CodecError::Malformed { reason: "bincode could not write it" })
}

/// Reads the value at the start of `bytes`. Returns it with the remaining bytes.
pub(in crate::record) fn read<'a, T: BorrowDecode<'a, ()>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), CodecError> {
    const MALFORMED: CodecError = CodecError::Malformed { reason: "damaged or cut short" };
    let (value, length) = borrow_decode_from_slice(bytes, CONFIG).map_err(|_| MALFORMED)?;
    Ok((value, bytes.get(length..).unwrap_or_default()))
}
