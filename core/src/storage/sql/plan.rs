//! What is done to make the tables.

/// How the tables are made.
pub(crate) struct Plan {
    /// Before all: makes the table of the versions.
    pub(super) first: String,
    /// Reads the version.
    pub(super) version: String,
    /// The statements that lead from each version to the next one, beginning with none.
    pub(super) steps: Vec<Vec<String>>,
}
