//! Changes that are made, and those that are not.

use crate::error::ErrorKind;
use crate::key::{Key, KeyId};
use crate::manager::KeyPatch;
use crate::manager::tests::Fixture;

impl Fixture {
    pub(super) async fn update(&self, id: KeyId, patch: KeyPatch) -> Key {
        let updated = self.manager.update_key(id, patch, &self.actor).await;
        updated.expect("updated")
    }

    pub(super) async fn refuse(&self, id: KeyId, patch: KeyPatch) -> (ErrorKind, String) {
        let before = self.manager.key(id).await.ok();
        let updated = self.manager.update_key(id, patch, &self.actor).await;
        let error = updated.expect_err("refused");
        assert_eq!(self.manager.key(id).await.ok(), before, "nothing changed");
        (error.kind(), error.to_string())
    }
}

pub(super) fn patch(json: &str) -> KeyPatch {
    json.parse().expect(json)
}
