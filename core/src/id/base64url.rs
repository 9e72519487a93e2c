//! Base64url without padding (RFC 4648 5), for inputs of a fixed length.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Encodes bytes. `TEXT` is the length of the text: four characters for three bytes, rounded up.
pub(super) fn encode<const BYTES: usize, const TEXT: usize>(bytes: [u8; BYTES]) -> [u8; TEXT] {
    const { assert!(TEXT == (BYTES * 4).div_ceil(3)) }
    let mut text = [0_u8; TEXT];
    let (mut bits, mut held, mut at) = (0_u32, 0_u32, 0);
    for byte in bytes {
        bits = (bits << 8) | u32::from(byte);
        held += 8;
        while held >= 6 {
            held -= 6;
            text[at] = ALPHABET[(bits >> held) as usize & 63];
            at += 1;
        }
    }
    if held > 0 {
        text[at] = ALPHABET[(bits << (6 - held)) as usize & 63];
    }
    text
}

/// Decodes a text of exactly these bytes. The unused bits of the last character must be zero, so that there is one spelling.
pub(super) fn decode<const BYTES: usize>(text: &[u8]) -> Option<[u8; BYTES]> {
    if text.len() != (BYTES * 4).div_ceil(3) {
        return None;
    }
    let mut bytes = [0_u8; BYTES];
    let (mut bits, mut held, mut at) = (0_u32, 0_u32, 0);
    for &letter in text {
        bits = (bits << 6) | u32::from(sextet(letter)?);
        held += 6;
        if held >= 8 {
            held -= 8;
            *bytes.get_mut(at)? = (bits >> held) as u8;
            at += 1;
        }
    }
    (bits & ((1 << held) - 1) == 0).then_some(bytes)
}

const fn sextet(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encodes_as_rfc_4648_says() {
        // printf 'foob' | basenc --base64url
        assert_eq!(&encode::<4, 6>(*b"foob"), b"Zm9vYg");
        assert_eq!(&encode::<3, 4>([0xfb, 0xff, 0xfe]), b"-__-");
        assert_eq!(decode(b"Zm9vYg"), Some(*b"foob"));
    }

    #[test]
    fn there_is_one_spelling() {
        for text in ["Zm9vYh", "Zm9vYg=", "Zm9vY", "Zm9vYgA", "Zm9v+g", "", "Zm9v g"] {
            assert_eq!(decode::<4>(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(bytes: [u8; 16]) {
            let text: [u8; 22] = encode(bytes);
            prop_assert_eq!(decode(&text), Some(bytes));
        }

        #[test]
        fn whatever_comes_is_an_answer(text in prop::collection::vec(any::<u8>(), 0..30)) {
            let decoded: Option<[u8; 16]> = decode(&text);
            prop_assert_eq!(decoded.map(encode::<16, 22>).is_some_and(|again| again[..] == text[..]), decoded.is_some());
        }
    }
}
