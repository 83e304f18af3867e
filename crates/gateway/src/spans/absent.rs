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

#[cfg(test)]
mod tests {
    use super::open;
    use crate::spans::OtlpConfig;

    #[test]
    fn nothing_is_opened_and_the_feature_is_named() {
        let endpoint = "http://127.0.0.1:4317".parse().expect("an endpoint");
        let error = open(&OtlpConfig::new(endpoint)).expect_err("never there");
        assert!(format!("{error:?}").contains("`otlp`"), "{error:?}");
    }
}
