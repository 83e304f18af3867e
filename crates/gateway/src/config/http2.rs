use toml::Spanned;

use super::HumanDuration;
use super::fault::Finding;
use super::file::{Count, Http2};
use super::settings::{Broken, Setting, settle};
use crate::server::Http2Config;

/// What clients may do that speak HTTP/2; nothing where it is turned off. What else is said of it
/// then must hold all the same.
pub(super) fn resolve_http2(http2: Http2, findings: &mut Vec<Finding>) -> Option<Http2Config> {
    type C = Http2Config;
    let count = |field, value: Count, apply: fn(&mut C) -> &mut usize| {
        Setting::count(field, value, move |mut config: C, count: usize| {
            *apply(&mut config) = count;
            config
        })
    };
    let settings = [
        count("streams", http2.streams, |config| &mut config.streams),
        count("resets", http2.resets, |config| &mut config.resets),
        count("control_frames", http2.control_frames, |config| {
            &mut config.control_frames
        }),
        Setting::text("ping", http2.ping, |mut config: C, value: HumanDuration| {
            config.ping = value.get();
            config
        }),
    ];
    let check = |config: &C| config.check().map_err(Broken::from);
    let config = settle(&C::default(), settings, check, findings);
    let enabled = http2.enabled.is_none_or(Spanned::into_inner);
    enabled.then_some(config)
}
