//! How a storage is: how many sessions it has, and whether it works.

use super::AsyncManager;
use crate::StorageError;

impl AsyncManager {
    /// Counts the live sessions in the storage, those of all realms, by their stored deadlines. It looks at each session: see
    /// [`Storage::count`](crate::Storage::count) for what that costs.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the storage fails or cannot count.
    pub async fn count(&self) -> Result<u64, StorageError> {
        self.storage.count(self.now()).await
    }

    /// Whether the storage can store and read sessions now: for an endpoint that says whether the service is ready, and for a test at
    /// startup.
    ///
    /// | storage | what it does |
    /// |---|---|
    /// | memory | nothing |
    /// | files | makes a small file in one of the sub-folders, reads it and removes it, as a new session would. A full disk, missing rights and a folder that has gone and cannot be made again are errors |
    /// | Redis | asks every primary what it is, and writes and removes a key under the prefix there: two or three commands each. It takes no longer than the timeouts allow for each of them |
    /// | Postgres, SQLite | checks the version of the tables, and writes, reads and removes a row that counts as no session: five statements. Missing tables, missing rights and a server that takes no writes are errors |
    /// | a storage of your own | loads a session that does not exist, unless it does [better](crate::Storage::check) |
    ///
    /// ```
    /// use gsession::{AsyncManager, MemoryStorage};
    ///
    /// # futures::executor::block_on(async {
    /// let manager = AsyncManager::new(MemoryStorage::new());
    /// let status = if manager.check().await.is_ok() { 200 } else { 503 };
    /// # assert_eq!(status, 200);
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`StorageError`] whose source names the reason. It has no secrets in it, but addresses and paths: log it, do not send it to
    /// clients.
    pub async fn check(&self) -> Result<(), StorageError> {
        self.storage.check().await
    }
}
