//! The demo's accounts. The login page shows them, but they are stored as in a real service: hashed with argon2.

use std::sync::Arc;

use actix_web::{error::BlockingError, web};
use argon2::{
    Argon2, PasswordHash, PasswordHasher as _, PasswordVerifier as _,
    password_hash::{self, SaltString},
};
use rand::{TryRng as _, rngs::SysRng};
use tokio::sync::Semaphore;

/// The accounts with their passwords, for the login page.
pub(crate) const DEMO: [(&str, &str); 2] = [("ada", "lovelace"), ("grace", "hopper")];

/// The most passwords that are checked at a time. Each check takes 19 MiB, and a flood of logins must not exhaust the memory.
const AT_A_TIME: usize = 4;

/// Why the accounts could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// There was no randomness for the salt of a hash.
    #[error("the operating system gave no random salt")]
    Salt(#[from] rand::rngs::SysError),
    /// A password could not be hashed.
    #[error("hashing a password failed: {0}")]
    Hash(password_hash::Error),
}

/// User names and password hashes.
pub struct Accounts {
    known: Vec<(&'static str, String)>,
    /// Checked for unknown users, so that they take as long as known ones.
    nobody: String,
    turns: Arc<Semaphore>,
}

impl Accounts {
    /// Hashes the demo's passwords. Takes a moment on purpose.
    ///
    /// # Errors
    ///
    /// When a password could not be salted or hashed.
    pub fn demo() -> Result<Self, AccountError> {
        let known =
            DEMO.iter().map(|&(user, password)| Ok((user, hash(password)?))).collect::<Result<_, AccountError>>()?;
        Ok(Self { known, nobody: hash("nobody has this password")?, turns: Arc::new(Semaphore::new(AT_A_TIME)) })
    }

    /// The user whose name and password these are. Takes a moment on purpose.
    fn verify(&self, user: &str, password: &str) -> Option<&'static str> {
        let account = self.known.iter().find(|(known, _)| *known == user);
        let stored = account.map_or(&self.nobody, |(_, hash)| hash);
        let matches = PasswordHash::new(stored)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        account.filter(|_| matches).map(|&(user, _)| user)
    }
}

/// The user whose name and password these are. Runs on the blocking pool, so that other requests do not wait for it.
pub(crate) async fn check(
    accounts: web::Data<Accounts>,
    user: String,
    password: String,
) -> Result<Option<&'static str>, BlockingError> {
    // Never closed, so this only waits.
    let turn = Arc::clone(&accounts.turns).acquire_owned().await;
    web::block(move || {
        // The turn ends with the work, not with the request: the client may disconnect before.
        let _turn = turn;
        accounts.verify(&user, &password)
    })
    .await
}

fn hash(password: &str) -> Result<String, AccountError> {
    let mut salt = [0_u8; 16];
    SysRng.try_fill_bytes(&mut salt)?;
    let salt = SaltString::encode_b64(&salt).map_err(AccountError::Hash)?;
    Ok(Argon2::default().hash_password(password.as_bytes(), &salt).map_err(AccountError::Hash)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_of_the_right_user() {
        let accounts = Accounts::demo().unwrap();
        assert_eq!(accounts.verify("ada", "lovelace"), Some("ada"));
        for (user, password) in [("ada", "hopper"), ("ada", ""), ("", ""), ("eve", "nobody has this password")] {
            assert_eq!(accounts.verify(user, password), None, "{user}");
        }
    }
}
