//! The change of one entry.

use std::sync::Arc;

use super::JsonText;

/// The change of one entry: its key and, unless it removes the entry, the JSON text, in one allocation.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    /// The key, then the JSON text.
    block: Arc<[u8]>,
    key_length: usize,
    removes: bool,
}

impl Edit {
    /// Sets `key` to a JSON text; `None` removes it.
    pub(super) fn new(key: &str, json: Option<&[u8]>) -> Self {
        let (key, text) = (key.as_bytes(), json.unwrap_or_default());
        // Written in place, because a Vec would have to be copied.
        let mut block: Arc<[u8]> = std::iter::repeat_n(0, key.len() + text.len()).collect();
        if let Some(block) = Arc::get_mut(&mut block) {
            let (start, rest) = block.split_at_mut(key.len());
            start.copy_from_slice(key);
            rest.copy_from_slice(text);
        }
        Self { block, key_length: key.len(), removes: json.is_none() }
    }

    pub(super) fn key(&self) -> &[u8] {
        self.block.get(..self.key_length).unwrap_or_default()
    }

    /// The new JSON text; `None` if the entry is removed.
    pub(super) fn json(&self) -> Option<&[u8]> {
        self.block.get(self.key_length..).filter(|_| !self.removes)
    }

    /// The same, shared.
    pub(super) fn json_text(&self) -> Option<JsonText> {
        (!self.removes).then(|| JsonText::part(Arc::clone(&self.block), self.key_length..self.block.len()))
    }

    /// The key and the new JSON text as strings.
    pub(super) fn texts(&self) -> (&str, Option<&str>) {
        // Both were strings, so the fallback is never used.
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        (text(self.key()), self.json().map(text))
    }

    /// The bytes of the key and the value.
    pub(super) fn bytes(&self) -> usize {
        self.block.len()
    }
}
