//! Ids that are not random.

use gsession::SessionId;

/// A well-formed id that nobody issued.
pub(crate) fn planted() -> SessionId {
    SessionId::from_random([7; 32])
}

/// Texts that cannot be ids of the default generator, though a cookie may hold them.
pub(crate) fn malformed() -> Vec<String> {
    let good = planted();
    let good = good.as_str();
    vec![
        String::new(),
        "x".to_owned(),
        "../../etc/passwd".to_owned(),
        good[..42].to_owned(),
        format!("{good}A"),
        format!("{}=", &good[..42]),
        format!("{}/", &good[..42]),
        // The unused bits of the last character are not zero: a second spelling of the same bytes.
        format!("{}B", &"A".repeat(42)),
        format!("\"{good}\""),
        good.replace('H', "%48"),
        "A".repeat(4_000),
    ]
}
