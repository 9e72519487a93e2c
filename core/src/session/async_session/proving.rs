//! Proving that an id was used again.

use super::Shared;
use crate::{
    OnReuse, StorageError,
    observe::EndReason,
    session::machine::{Verdict, Write},
};

impl Shared {
    /// Finds out whether an id was used again, and ends its session if it was.
    pub(super) async fn prove(&self, suspicion: &Write) -> Result<(), StorageError> {
        let committed = self.storage.commit(&suspicion.key, &suspicion.commit).await?;
        let verdict = self.machine.lock().suspected(suspicion, &committed, &self.config);
        match verdict {
            Verdict::Unfounded => {}
            Verdict::Refused(refused) => self.observers().refused(&refused),
            Verdict::Reused { on_reuse, is_news } => {
                if is_news {
                    self.observers().theft_suspected(suspicion.key, on_reuse);
                }
                if on_reuse == OnReuse::EndSession {
                    self.storage.end(suspicion.key, EndReason::IdReused).await?;
                    self.machine.lock().ended_as_stolen(suspicion.key);
                }
            }
        }
        Ok(())
    }
}
