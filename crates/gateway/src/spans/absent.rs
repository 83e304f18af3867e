//! What stands for all of it in a program without the feature: nothing that could ever be made.

use super::OtlpConfig;
use crate::gateway::GatewayError;
use crate::setting::InvalidSetting;

/// Never there.
#[derive(Debug, Clone)]
pub(crate) enum SpanQueue {}

/// Never there.
#[derive(Debug)]
pub(crate) enum SpanExport {}

/// # Errors
///
/// Always: the feature is what it needs.
pub(crate) fn open(_: &OtlpConfig) -> Result<(SpanQueue, SpanExport), GatewayError> {
    let needed = "left out: this program was built without the feature `otlp`";
    Err(InvalidSetting::new("trace.otlp", needed).into())
}

impl SpanExport {
    pub(crate) async fn close(self) {
        match self {}
    }
}
