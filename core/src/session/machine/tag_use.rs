//! Noticing that a session with a tag was touched, so that its tag goes on leading to it.

use std::time::Duration;

use super::{Machine, State};
use crate::{
    record::{
        Access,
        reserved::{TAG, text_of},
    },
    session::tags::{Life, TagUse},
};

impl Machine {
    /// Notes that the session was touched. A session that was not read has no known tag.
    pub(super) fn note_tag_use(&mut self, access: &Access) {
        let Some(idle_timeout) = access.extend.as_ref().map(|extend| extend.idle_timeout) else { return };
        if let Some(tag_use) = self.tag_use_of(idle_timeout) {
            self.tag_use = Some(Box::new(tag_use));
        }
    }

    /// Notes the session as touched if a touch was due, before this shows in what was read of it.
    pub(super) fn note_tag_use_if_due(&mut self, access: &Access) {
        if matches!(&self.current.state, State::Found(view) if view.snapshot.record.is_touch_due(access)) {
            self.note_tag_use(access);
        }
    }

    fn tag_use_of(&self, idle_timeout: Duration) -> Option<TagUse> {
        let State::Found(view) = &self.current.state else { return None };
        let record = &view.snapshot.record;
        let principal = record.principal.clone()?;
        let idle_timeout = if record.is_remembered { record.idle_timeout } else { idle_timeout };
        let life = Life { idle_timeout, absolute_deadline: record.absolute_deadline };
        let tag = record.entries.get_str(TAG).and_then(text_of)?;
        Some(TagUse { tag, principal, life })
    }

    /// The use that was noted last, once.
    pub(crate) const fn take_tag_use(&mut self) -> Option<Box<TagUse>> {
        self.tag_use.take()
    }
}
