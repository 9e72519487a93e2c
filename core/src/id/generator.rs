//! Generators of new session ids.

use super::{ClientInfo, InvalidId, SessionId};

/// Generates new session ids, and decides which texts can be ids.
///
/// The default is [`HashedIds`](super::HashedIds). Implement your own if your ids have another format. It validates ids
/// too: an invalid text never reaches a storage.
pub trait IdGenerator: Send + Sync {
    /// Returns a new id for this client. It must not be guessable: ASVS 7.2.3 asks for at least 128 bits from a
    /// cryptographic generator.
    ///
    /// # Errors
    ///
    /// [`IdError`] if no good id can be generated. The request that needs it fails; never fall back to a weaker id.
    fn generate(&self, client: &ClientInfo) -> Result<SessionId, IdError>;

    /// Parses a text that a client sent. A text that does not have the format of this generator's ids is rejected and
    /// never reaches a storage. The default accepts standard ids.
    ///
    /// # Errors
    ///
    /// [`InvalidId`] if the text cannot be an id of this generator.
    fn parse(&self, text: &str) -> Result<SessionId, InvalidId> {
        SessionId::parse(text)
    }
}

impl<G: IdGenerator + ?Sized> IdGenerator for std::sync::Arc<G> {
    fn generate(&self, client: &ClientInfo) -> Result<SessionId, IdError> {
        (**self).generate(client)
    }

    fn parse(&self, text: &str) -> Result<SessionId, InvalidId> {
        (**self).parse(text)
    }
}

/// No id could be generated. There is never a fallback to weaker randomness.
#[derive(Debug, thiserror::Error)]
#[error("no session id could be generated: {reason}")]
pub struct IdError {
    reason: &'static str,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl IdError {
    /// An error with a short reason.
    #[must_use]
    pub const fn new(reason: &'static str) -> Self {
        Self { reason, source: None }
    }

    /// Adds the error that caused this one. It must not contain an id.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// An [`IdGenerator`] from two closures: one generates ids, one validates them (GoFrame's `SetIdFunc`).
///
/// ```
/// use gsession::{ClientInfo, CustomIds, IdGenerator, SessionId, HashedIds};
///
/// let standard = HashedIds::new();
/// let ids = CustomIds::new(
///     move |client| {
///         let random = standard.generate(client)?;
///         SessionId::custom(&format!("eu1.{}", random.as_str())).map_err(|e| gsession::IdError::new("bad prefix").with_source(e))
///     },
///     |text| text.strip_prefix("eu1.").is_some_and(|rest| SessionId::parse(rest).is_ok()),
/// );
/// let id = ids.generate(&ClientInfo::default())?;
/// assert_eq!(ids.parse(id.as_str()), Ok(id));
/// assert!(ids.parse("us1.whatever").is_err());
/// # Ok::<(), gsession::IdError>(())
/// ```
pub struct CustomIds<G, V> {
    generate: G,
    is_valid: V,
}

impl<G, V> CustomIds<G, V>
where
    G: Fn(&ClientInfo) -> Result<SessionId, IdError> + Send + Sync,
    V: Fn(&str) -> bool + Send + Sync,
{
    /// A generator that calls `generate` for new ids, and accepts texts for which `is_valid` returns true.
    pub const fn new(generate: G, is_valid: V) -> Self {
        Self { generate, is_valid }
    }
}

impl<G, V> IdGenerator for CustomIds<G, V>
where
    G: Fn(&ClientInfo) -> Result<SessionId, IdError> + Send + Sync,
    V: Fn(&str) -> bool + Send + Sync,
{
    fn generate(&self, client: &ClientInfo) -> Result<SessionId, IdError> {
        (self.generate)(client)
    }

    fn parse(&self, text: &str) -> Result<SessionId, InvalidId> {
        if (self.is_valid)(text) { SessionId::custom(text) } else { Err(InvalidId::Refused) }
    }
}
