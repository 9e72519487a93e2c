//! The implementation without bincode.

use crate::CodecError;

/// Appends a value to `bytes`. This never fails; the other implementation might.
pub(in crate::record) fn write(value: impl Write, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
    value.write(bytes);
    Ok(())
}

/// Reads the value at the start of `bytes`. Returns it with the remaining bytes.
pub(in crate::record) fn read<'a, T: Read<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), CodecError> {
    let mut rest = bytes;
    let value = T::read(&mut rest).ok_or(CodecError::Malformed { reason: "damaged or cut short" })?;
    Ok((value, rest))
}

/// A value that can be written.
pub(in crate::record) trait Write {
    fn write(&self, bytes: &mut Vec<u8>);
}

/// A value that can be read from arbitrary bytes.
pub(in crate::record) trait Read<'a>: Sized {
    /// Takes the value off the front of `bytes`; `None` if there is none.
    fn read(bytes: &mut &'a [u8]) -> Option<Self>;
}

/// A first byte below this is the number itself. This one and the next two precede a longer number.
const TWO_BYTES: u8 = 251;
const FOUR_BYTES: u8 = 252;
const EIGHT_BYTES: u8 = 253;

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

/// A number of at most `longest` bytes. It may be longer than necessary.
fn number(bytes: &mut &[u8], longest: usize) -> Option<u64> {
    let length = match byte(bytes)? {
        TWO_BYTES => 2,
        FOUR_BYTES => 4,
        EIGHT_BYTES => 8,
        small @ ..TWO_BYTES => return Some(small.into()),
        _ => return None,
    };
    let taken = if length > longest { None } else { take(bytes, length) }?;
    Some(taken.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn flag(bytes: &mut &[u8]) -> Option<bool> {
    match byte(bytes)? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

impl Write for u64 {
    fn write(&self, bytes: &mut Vec<u8>) {
        match *self {
            small @ ..251 => bytes.push(small as u8),
            number @ ..0x1_0000 => {
                bytes.push(TWO_BYTES);
                bytes.extend_from_slice(&(number as u16).to_le_bytes());
            }
            number @ ..0x1_0000_0000 => {
                bytes.push(FOUR_BYTES);
                bytes.extend_from_slice(&(number as u32).to_le_bytes());
            }
            number => {
                bytes.push(EIGHT_BYTES);
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
    }
}

impl Read<'_> for u64 {
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        number(bytes, 8)
    }
}

impl Write for u32 {
    fn write(&self, bytes: &mut Vec<u8>) {
        u64::from(*self).write(bytes);
    }
}

impl Read<'_> for u32 {
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Self::try_from(number(bytes, 4)?).ok()
    }
}

impl Write for bool {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(*self));
    }
}

impl Read<'_> for bool {
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        flag(bytes)
    }
}

impl Write for &str {
    fn write(&self, bytes: &mut Vec<u8>) {
        (self.len() as u64).write(bytes);
        bytes.extend_from_slice(self.as_bytes());
    }
}

impl<'a> Read<'a> for &'a str {
    fn read(bytes: &mut &'a [u8]) -> Option<Self> {
        let length = usize::try_from(number(bytes, 8)?).ok()?;
        std::str::from_utf8(take(bytes, length)?).ok()
    }
}

impl<T: Write> Write for Option<T> {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.is_some().write(bytes);
        if let Some(value) = self {
            value.write(bytes);
        }
    }
}

impl<'a, T: Read<'a>> Read<'a> for Option<T> {
    fn read(bytes: &mut &'a [u8]) -> Option<Self> {
        if flag(bytes)? { T::read(bytes).map(Some) } else { Some(None) }
    }
}

impl<A: Write, B: Write> Write for (A, B) {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.0.write(bytes);
        self.1.write(bytes);
    }
}

impl<'a, A: Read<'a>, B: Read<'a>> Read<'a> for (A, B) {
    fn read(bytes: &mut &'a [u8]) -> Option<Self> {
        Some((A::read(bytes)?, B::read(bytes)?))
    }
}

impl<A: Write, B: Write, C: Write> Write for (A, B, C) {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.0.write(bytes);
        self.1.write(bytes);
        self.2.write(bytes);
    }
}

impl<'a, A: Read<'a>, B: Read<'a>, C: Read<'a>> Read<'a> for (A, B, C) {
    fn read(bytes: &mut &'a [u8]) -> Option<Self> {
        Some((A::read(bytes)?, B::read(bytes)?, C::read(bytes)?))
    }
}

impl<A: Write, B: Write, C: Write, D: Write, E: Write, F: Write> Write for (A, B, C, D, E, F) {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.0.write(bytes);
        self.1.write(bytes);
        self.2.write(bytes);
        self.3.write(bytes);
        self.4.write(bytes);
        self.5.write(bytes);
    }
}

impl<'a, A: Read<'a>, B: Read<'a>, C: Read<'a>, D: Read<'a>, E: Read<'a>, F: Read<'a>> Read<'a> for (A, B, C, D, E, F) {
    fn read(bytes: &mut &'a [u8]) -> Option<Self> {
        Some((A::read(bytes)?, B::read(bytes)?, C::read(bytes)?, D::read(bytes)?, E::read(bytes)?, F::read(bytes)?))
    }
}
