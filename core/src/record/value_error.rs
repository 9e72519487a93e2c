//! Why a value cannot be kept, or cannot be read.

/// Why a value could not be written as JSON or read as the wanted type.
///
/// A value is refused when it is set, not when somebody reads it: what [`set`](crate::Session::set) accepts,
/// [`get`](crate::Session::get) returns, equal. What the type itself leaves out or cannot tell apart is beyond that: fields with
/// `#[serde(skip)]`, `Serialize` and `Deserialize` that do not agree, untagged enums with variants that look alike as JSON.
///
/// The message of the JSON library is left out on purpose, because it quotes the value (H6, ASVS 16.2.5).
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
    /// The value is of another type than the wanted one.
    #[error("the value is not of the wanted type (column {column} of its JSON)")]
    WrongType {
        /// Where in the JSON text, counted from 1.
        column: usize,
    },
    /// The stored value has an integer that [`serde_json::Value`] cannot hold with all its digits. Only another program, such as
    /// one with GoFrame, can have stored it.
    #[error("the value has an integer beyond 64 bits, which would be rounded: read it as an i128 or a u128")]
    InexactInteger,
    /// A float is NaN or infinite. JSON has no such numbers.
    #[error("the value has a float that is NaN or infinite, which JSON cannot carry: use an Option or a string")]
    NotFinite,
    /// An `i128` or a `u128`, however small. serde cannot read one inside of an enum with a tag, an untagged enum or a flattened
    /// struct, and other programs round it.
    #[error(
        "the value has an integer of 128 bits, which serde cannot read back inside of some enums: use 64 bits or a string"
    )]
    WideInteger,
    /// A map has keys that are neither strings, integers nor booleans. A `char` and a variant without data are strings; an
    /// `Option` is what it holds, and `None` is no key.
    #[error("the value has a map whose keys are not strings, integers or booleans: use a list of pairs")]
    UnsupportedKey,
    /// The value has maps whose keys are integers or booleans, and also a string as key, or a name of a field, that looks like
    /// one. JSON writes both alike, so inside of an enum with a tag, an untagged enum or a flattened struct serde could take
    /// the one for the other.
    #[error(
        "the value has keys that are numbers or booleans, and strings that look like them: keep them in two entries"
    )]
    AmbiguousKey,
    /// An object has the same key twice, for example from a flattened map that repeats a field, or the tag of an enum.
    #[error("the value has the same key twice in one object, so it could not be read")]
    DuplicateKey,
    /// An object has a key that begins with `$serde_json::private::`. `serde_json` takes such an object for a number or a
    /// `RawValue` of its own when it is read.
    #[error("the value has a key that serde_json keeps for itself, so it could not be read")]
    ReservedKey,
    /// A `Some` looks like `None` in JSON, because what is in it is written as `null`: `Some(None)`, `Some(())`.
    #[error("the value has a Some that JSON cannot tell from None: use an enum instead of nested Options")]
    AmbiguousSome,
    /// A `RawValue` of serde_json: its text would be stored without being checked.
    #[error("the value has a RawValue, whose text would be stored unchecked: use a Value or a string")]
    RawValue,
    /// The `Serialize` of the value itself failed.
    #[error("the value cannot be written as JSON: its `Serialize` returned an error")]
    NotSerializable,
}
