//! Where new session ids come from.

use super::{ClientInfo, InvalidId, SessionId};

/// Makes new session ids and says which texts may be ids at all.
///
/// The default is [`HashedIds`](super::HashedIds). An own one is for applications whose ids have a form of their own; it
/// brings its own validator, because a text that is not valid never reaches a storage.
pub trait IdGenerator: Send + Sync {
    /// A new id for this client. It must not be guessable: ASVS 7.2.3 asks for at least 128 bits from a cryptographic
    /// generator.
    ///
    /// # Errors
    ///
    /// [`IdError`] if no good id can be made now. The request that needed it fails; there is no fallback to a weaker id.
    fn generate(&self, client: &ClientInfo) -> Result<SessionId, IdError>;

    /// Reads a text that a client sent. What has not the form of an id of this generator is refused and never reaches a
    /// storage. By default: a standard id.
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

/// No id could be made. There is never a fallback to weaker randomness.
#[derive(Debug, thiserror::Error)]
#[error("no session id could be made: {reason}")]
pub struct IdError {
    reason: &'static str,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl IdError {
    /// An error with the reason in a few words.
    #[must_use]
    pub const fn new(reason: &'static str) -> Self {
        Self { reason, source: None }
    }

    /// Adds the error that caused this one. It must not hold an id.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// An [`IdGenerator`] of two closures: one that makes ids, one that knows their form (GoFrame's `SetIdFunc`).
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
    /// A generator that makes ids with `generate` and accepts texts for which `is_valid` holds.
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
