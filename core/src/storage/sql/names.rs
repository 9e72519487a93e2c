//! The names of the tables.

use super::invalid_setting::InvalidSetting;

/// What the names begin with by default.
pub(super) const PREFIX: &str = "gsession_";
/// With what follows, an index of Postgres can still be named.
const LONGEST_PREFIX: usize = 32;
/// The longest name in Postgres.
const LONGEST_SCHEMA: usize = 63;

/// The names of the tables, quoted as they are used in statements.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    schema: Option<Box<str>>,
    prefix: Box<str>,
}

impl Names {
    pub(super) fn new(schema: Option<&str>, prefix: &str) -> Result<Self, InvalidSetting> {
        if !is_name(prefix, LONGEST_PREFIX) {
            return Err(InvalidSetting::Prefix);
        }
        if schema.is_some_and(|schema| !is_name(schema, LONGEST_SCHEMA)) {
            return Err(InvalidSetting::Schema);
        }
        Ok(Self { schema: schema.map(Into::into), prefix: prefix.into() })
    }

    /// The table of the sessions.
    pub(super) fn sessions(&self) -> String {
        self.table("sessions")
    }

    /// The table of the versions.
    pub(super) fn migrations(&self) -> String {
        self.table("migrations")
    }

    /// A name without the schema, as in `CREATE INDEX`.
    pub(super) fn index(&self, name: &str) -> String {
        format!("\"{}{name}\"", self.prefix)
    }

    fn table(&self, name: &str) -> String {
        let schema = self.schema.as_ref().map(|schema| format!("\"{schema}\".")).unwrap_or_default();
        format!("{schema}{}", self.index(name))
    }

    /// The schema, if it is named.
    #[cfg(feature = "postgres")]
    pub(super) fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }
}

/// Whether it can be a name, or the beginning of one: letters, digits and underscores, and no digit first.
fn is_name(name: &str, longest: usize) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let bytes = name.as_bytes();
    bytes.first().is_some_and(is_letter)
        && bytes.len() <= longest
        && bytes.iter().all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_names() {
        for name in ["a", "_", "Gsession_2", &"x".repeat(LONGEST_PREFIX)] {
            assert!(Names::new(Some(name), name).is_ok(), "{name}");
        }
        for name in ["", "2a", "a b", "a\"b", "a;", "a.b", "ä", "a-b", "a\0", &"x".repeat(LONGEST_PREFIX + 1)] {
            assert!(Names::new(None, name).is_err(), "{name}");
        }
        for name in ["", "a.b", "a\"", &"x".repeat(LONGEST_SCHEMA + 1)] {
            assert!(Names::new(Some(name), "gsession_").is_err(), "{name}");
        }
        assert_eq!(Names::new(Some("auth"), "shop_").unwrap().sessions(), "\"auth\".\"shop_sessions\"");
        assert_eq!(Names::new(None, PREFIX).unwrap().migrations(), "\"gsession_migrations\"");
    }
}
