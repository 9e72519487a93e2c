//! Why a value cannot be stored, or cannot be read.

/// Why a value could not be written as JSON, or could not be read as the requested type.
///
/// A value is refused when it is set, not when it is read: [`get`](crate::Session::get) returns a value equal to the one that
/// [`set`](crate::Session::set) accepted. This does not cover what the type itself loses: fields with `#[serde(skip)]`,
/// `Serialize` and `Deserialize` implementations that do not match, and untagged enums whose variants look alike in JSON.
///
/// The message of the JSON library is omitted on purpose, because it quotes the value ([H6](crate::design#h6), ASVS 16.2.5).
///
/// ```
/// use gsession::{ClientInfo, Error, Manager, MemoryStorage, ValueError};
///
/// let session = Manager::new(MemoryStorage::new()).begin(None, ClientInfo::default);
/// let refused = session.set("price", &f64::NAN);
/// assert!(matches!(refused, Err(Error::Value { source: ValueError::NotFinite, .. })));
/// # session.abandon();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The value has another type than the requested one.
    #[error("the value is not of the wanted type (column {column} of its JSON)")]
    WrongType {
        /// The column in the JSON text, counted from 1.
        column: usize,
    },
    /// The stored value has an integer that [`serde_json::Value`] cannot represent exactly. It was stored by another program,
    /// such as one that uses GoFrame.
    #[error("the value has an integer beyond 64 bits, which would be rounded: read it as an i128 or a u128")]
    InexactInteger,
    /// A float is NaN or infinite. JSON has no such numbers.
    #[error("the value has a float that is NaN or infinite, which JSON cannot carry: use an Option or a string")]
    NotFinite,
    /// The value has an `i128` or a `u128`, even a small one. serde cannot read these inside a tagged enum, an untagged enum or
    /// a flattened struct, and other programs round them.
    #[error(
        "the value has an integer of 128 bits, which serde cannot read back inside of some enums: use 64 bits or a string"
    )]
    WideInteger,
    /// A map has keys other than strings, integers and booleans. A `char` and a variant without data count as strings. A `Some`
    /// counts as its content; a `None` cannot be a key.
    #[error("the value has a map whose keys are not strings, integers or booleans: use a list of pairs")]
    UnsupportedKey,
    /// The value has a map with integer or boolean keys, and also a string key or a field name that looks like one. JSON spells
    /// both alike, so serde could confuse them inside a tagged enum, an untagged enum or a flattened struct.
    #[error(
        "the value has keys that are numbers or booleans, and strings that look like them: keep them in two entries"
    )]
    AmbiguousKey,
    /// An object has the same key twice, for example from a flattened map that repeats a field, or the tag of an enum.
    #[error("the value has the same key twice in one object, so it could not be read")]
    DuplicateKey,
    /// An object has a key that begins with `$serde_json::private::`. When reading, `serde_json` takes such an object for its own
    /// representation of a number or a `RawValue`.
    #[error("the value has a key that serde_json keeps for itself, so it could not be read")]
    ReservedKey,
    /// A `Some` looks like `None` in JSON, because its content is written as `null`: `Some(None)`, `Some(())`.
    #[error("the value has a Some that JSON cannot tell from None: use an enum instead of nested Options")]
    AmbiguousSome,
    /// The value has a `RawValue` of serde_json. Its text would be stored unchecked.
    #[error("the value has a RawValue, whose text would be stored unchecked: use a Value or a string")]
    RawValue,
    /// The value's own `Serialize` implementation failed.
    #[error("the value cannot be written as JSON: its `Serialize` returned an error")]
    NotSerializable,
}
