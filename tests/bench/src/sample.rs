//! The sessions whose size is measured: alike in memory, in Redis and on disk.

use anyhow::{Result, ensure};
use gsession::{ClientInfo, Manager, Saved};

/// Whose sessions they are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owners {
    Nobody,
    /// A user for each.
    Users,
}

/// Makes sessions with four small entries each; answers the bytes of all their keys and JSON texts.
pub(crate) fn fill(manager: &Manager, sessions: u32, owners: Owners) -> Result<u64> {
    let mut bytes = 0;
    for number in 0..sessions {
        let session = manager.begin(None, ClientInfo::default);
        let mut put = |key: &str, value: serde_json::Value| -> Result<()> {
            session.set(key, &value)?;
            bytes += (key.len() + value.to_string().len()) as u64;
            Ok(())
        };
        put("user", format!("user-{number:07}").into())?;
        put("role", "member".into())?;
        put("cart", vec![number % 97, number % 89].into())?;
        put("seen", (1_700_000_000 + number).into())?;
        if matches!(owners, Owners::Users) {
            session.set_principal(&format!("user-{number:07}"))?;
        }
        ensure!(session.save()? == Saved::Created, "a session was not stored");
    }
    Ok(bytes)
}
