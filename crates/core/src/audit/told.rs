use crate::audit::{Action, AuditEvent, Content, EventDraft, Outcome};
use crate::error::Invalid;
use crate::keyring::RootName;

/// The field in which the event of a pruning names the last event that it
/// removed.
pub(crate) const PRUNED_THROUGH: &str = "through";

/// The field in which an event tells the content up to a place.
pub(crate) const CONTENT: &str = "content";

/// The field that names the place.
const PLACE: &str = "sequence";

/// The field that names the roots whose events nobody could prove any more.
const UNPROVEN: &str = "unproven";

/// The field of a [`KeyringRetire`](Action::KeyringRetire) that names the root.
/// A verification depends on it.
pub(crate) const RETIRED_ROOT: &str = "root";

/// What an event tells of all events up to a place: by whoever walked over them
/// and found them whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// The last event that it tells of; 0 where there was none.
    pub(crate) through: u64,
    /// What the events up to it are.
    pub(crate) content: Content,
    /// Roots that were gone by then, and whose events nothing proved.
    pub(crate) unproven: Vec<RootName>,
}

impl Told {
    /// Has the event tell it.
    pub(crate) fn on(&self, event: EventDraft) -> EventDraft {
        let names: Vec<&str> = self.unproven.iter().map(RootName::as_str).collect();
        event
            .after(PLACE, self.through)
            .after(CONTENT, self.content)
            .after_if(UNPROVEN, (!names.is_empty()).then(|| names.join(" ")))
    }

    /// What the event tells; nothing where it is of an earlier version, or of
    /// another kind.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where it tells something that does not read.
    pub(crate) fn of(event: &AuditEvent) -> Result<Option<Self>, Invalid> {
        let told = matches!(event.action, Action::AuditAnchor | Action::KeyringRetire)
            && event.outcome == Outcome::Done;
        let Some(content) = event.new_text(CONTENT).filter(|_| told) else {
            return Ok(None);
        };
        let through = event.new_text(PLACE).and_then(|text| text.parse().ok());
        let unproven = event.new_text(UNPROVEN).unwrap_or_default();
        Ok(Some(Self {
            through: through.ok_or_else(|| Invalid::new(PLACE, "a sequence"))?,
            content: content.parse()?,
            unproven: unproven
                .split_ascii_whitespace()
                .map(str::parse)
                .collect::<Result<_, _>>()?,
        }))
    }
}

/// The root of which the event says that the manager retired it.
pub(super) fn retired_root(event: &AuditEvent) -> Option<RootName> {
    let done = event.action == Action::KeyringRetire && event.outcome == Outcome::Done;
    event.new_text(RETIRED_ROOT).filter(|_| done)?.parse().ok()
}

/// The content up to `through`, where the event says that the manager removed
/// what was up to there.
pub(super) fn pruned_content(event: &AuditEvent, through: u64) -> Option<Content> {
    let pruned = event.action == Action::AuditPrune
        && event.outcome == Outcome::Done
        && event.new_text(PRUNED_THROUGH)?.parse() == Ok(through);
    let told = event.new_text(CONTENT).and_then(|text| text.parse().ok());
    pruned.then(|| told.unwrap_or(Content::EMPTY))
}
