//! The default generator: GoFrame's recipe with real randomness.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use rand::{TryRng, rngs::SysRng};
use sha2::{Digest, Sha256};

use super::{ClientInfo, IdError, IdGenerator, SessionId};

/// Separates these hashes from any other use of SHA-256 on the same data.
const DOMAIN: &[u8] = b"gsession id v1\0";

/// Generates ids as SHA-256 over a domain tag, the client's address and headers, the machine, the process, a nanosecond
/// clock, a process-wide sequence and 32 bytes from the operating system's generator.
///
/// GoFrame's `guid.S(address, headers)` has the same inputs, but only about three random characters. Here the random
/// input alone has 256 bits, and the hash hides the others, so ids show no time order.
///
/// ```
/// use gsession::{ClientInfo, HashedIds, IdGenerator};
///
/// let ids = HashedIds::new();
/// let client = ClientInfo::default();
/// assert_ne!(ids.generate(&client)?, ids.generate(&client)?);
/// # Ok::<(), gsession::IdError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct HashedIds;

impl HashedIds {
    /// The default generator.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl IdGenerator for HashedIds {
    fn generate(&self, client: &ClientInfo) -> Result<SessionId, IdError> {
        hash_with(&mut SysRng, client)
    }
}

/// The recipe over any source of randomness, so that a test can make the source fail.
fn hash_with<R>(source: &mut R, client: &ClientInfo) -> Result<SessionId, IdError>
where
    R: TryRng<Error: std::error::Error + Send + Sync + 'static>,
{
    static SEQUENCE: AtomicU64 = AtomicU64::new(0);
    let mut random = [0_u8; 32];
    source
        .try_fill_bytes(&mut random)
        .map_err(|error| IdError::new("the operating system's random generator failed").with_source(error))?;

    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    hash.update(random);
    hash.update(SEQUENCE.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    hash.update(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_le_bytes());
    hash.update(std::process::id().to_le_bytes());
    hash.update(machine().to_le_bytes());
    match client.remote_addr() {
        Some(address) => hash.update(address.to_string().as_bytes()),
        None => hash.update(b"-"),
    }
    hash.update([0]);
    hash.update(client.header_bytes());
    Ok(SessionId::from_random(hash.finalize().into()))
}

/// A number that differs between machines: a hash of the names the system has for itself.
fn machine() -> u64 {
    static MACHINE: OnceLock<u64> = OnceLock::new();
    *MACHINE.get_or_init(|| {
        let mut hash = Sha256::new();
        for file in ["/etc/machine-id", "/etc/hostname", "/proc/sys/kernel/random/boot_id"] {
            hash.update(std::fs::read(file).unwrap_or_default());
            hash.update([0]);
        }
        hash.update(std::env::var_os("COMPUTERNAME").unwrap_or_default().as_encoded_bytes());
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(hash.finalize());
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no entropy")]
    struct NoEntropy;

    /// A generator that always returns the same bytes, or fails.
    struct Broken(Option<u8>);

    impl TryRng for Broken {
        type Error = NoEntropy;

        fn try_next_u32(&mut self) -> Result<u32, NoEntropy> {
            self.0.map(|byte| u32::from_le_bytes([byte; 4])).ok_or(NoEntropy)
        }

        fn try_next_u64(&mut self) -> Result<u64, NoEntropy> {
            self.0.map(|byte| u64::from_le_bytes([byte; 8])).ok_or(NoEntropy)
        }

        fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), NoEntropy> {
            dst.fill(self.0.ok_or(NoEntropy)?);
            Ok(())
        }
    }

    #[test]
    fn a_failing_generator_is_an_error_never_a_fallback() {
        let error = hash_with(&mut Broken(None), &ClientInfo::default()).expect_err("no entropy, no id");
        assert!(error.to_string().contains("random generator failed"), "{error}");
        assert_eq!(std::error::Error::source(&error).map(ToString::to_string).as_deref(), Some("no entropy"));
    }

    #[test]
    fn a_stuck_generator_still_gives_different_ids() {
        let ids: HashSet<_> =
            (0..1000).map(|_| hash_with(&mut Broken(Some(7)), &ClientInfo::default()).unwrap()).collect();
        assert_eq!(ids.len(), 1000);
    }

    #[test]
    fn ids_differ_and_are_valid() {
        let ids: HashSet<_> = (0..10_000).map(|_| HashedIds.generate(&ClientInfo::default()).unwrap()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| HashedIds.parse(id.as_str()).as_ref() == Ok(id)));
    }

    #[test]
    fn every_bit_of_an_id_moves() {
        // Over 4,096 ids each of the 256 bits is set about half of the time; 10 standard deviations are 320.
        let mut set = [0_u32; 256];
        for _ in 0..4096 {
            let id = HashedIds.generate(&ClientInfo::default()).unwrap();
            let key = id.as_str().as_bytes();
            let mut bit = 0;
            for &character in key {
                let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                    .find(char::from(character))
                    .unwrap();
                for shift in (0..6).rev() {
                    if bit < 256 {
                        set[bit] += (value >> shift & 1) as u32;
                    }
                    bit += 1;
                }
            }
        }
        assert!(set.iter().all(|&count| count.abs_diff(2048) < 320), "{set:?}");
    }
}
