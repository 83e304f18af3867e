use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::config::{Config, Effective};

/// What the gateway was started with.
#[derive(Debug)]
pub(super) struct Started {
    config: Config,
    effective: Effective,
}

/// Fields of `[tls]` and `[trace]` that count at once: all but the listener, and where spans go.
const RELOADED: [&str; 6] = [
    "tls.certificates",
    "tls.clients",
    "tls.minimum",
    "tls.strict_sni",
    "trace.inbound",
    "trace.sampled",
];

impl Started {
    pub(super) fn new(config: Config, effective: Effective) -> Self {
        Self { config, effective }
    }

    /// The fields of another configuration that count after a restart alone.
    pub(super) fn restart_needed(
        &self,
        config: &Config,
        effective: &Effective,
    ) -> BTreeSet<String> {
        let mut fields = self.effective.differences(effective);
        fields.retain(|field| !RELOADED.contains(&field.as_str()));
        let (ours, theirs) = (&self.config, config);
        for (section, is_same) in [
            ("listen", ours.listen == theirs.listen),
            (
                "operations",
                ours.operations_listen == theirs.operations_listen,
            ),
            ("store", ours.store_path == theirs.store_path),
            ("keyring", ours.keyring_path == theirs.keyring_path),
            (
                "manager",
                ours.manager == theirs.manager && ours.rate_capacity == theirs.rate_capacity,
            ),
            ("timeouts", true),
            ("limits", true),
            ("http2", true),
            ("proxy_protocol", true),
            ("forwarded", true),
            // Its ratio is the policy's, and counts at once.
            ("trace", ours.otlp == theirs.otlp),
            ("access_log", true),
            ("tls", tls_listener(ours) == tls_listener(theirs)),
            ("credentials", true),
            ("services", true),
            ("upstreams", true),
            ("routes", true),
        ] {
            let of_section = |field: &String| section_of(field) == section;
            if is_same {
                // Written in another way, or in effect already.
                fields.retain(|field| !of_section(field));
            } else if !fields.iter().any(of_section) {
                // Its value stands in a file that has changed.
                fields.insert(section.to_owned());
            }
        }
        fields
    }
}

/// What of `[tls]` is that of the listener: the rest is read again.
fn tls_listener(config: &Config) -> Option<SocketAddr> {
    config.tls.as_ref().map(|tls| tls.listen)
}

fn section_of(field: &str) -> &str {
    field.split_once('.').map_or(field, |(section, _)| section)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Started;
    use crate::config::{Config, Effective};

    fn of(text: &str) -> (Config, Effective) {
        let config = Config::parse(text, Path::new("/etc/portcullis.toml")).expect(text);
        (config, Effective::of(text))
    }

    #[test]
    fn fields_that_count_after_a_restart_are_named_and_no_other() {
        let (config, effective) = of("[manager]\ncache_ttl = \"60s\"\n[limits]\nheaders = 50\n");
        let started = Started::new(config, effective);
        for (text, named) in [
            ("[limits]\nheaders = 50\n", &[][..]),
            (
                "[manager]\ncache_ttl = \"1m\"\n[limits]\nheaders = 50\n",
                &[],
            ),
            ("", &[]),
            (
                "[limits]\nheaders = 50\nbody_bytes = 9\n[http2]\nresets = 50\n[forwarded]\n\
                 trust = [\"::1\"]\n[trace]\ninbound = \"always\"\n[access_log]\nlines = 16\n",
                &[],
            ),
            (
                "listen = \"127.0.0.1:1\"\noperations.listen = \"127.0.0.1:2\"\n[limits]\nheaders = 50\n\
                 path_bytes = 64\nidle_upstream_connections = 1\n[timeouts]\nconnect = \"1s\"\n\
                 idle = \"1s\"\n[store]\npath = \"other.db\"\n[keyring]\npath = \"other\"\n\
                 [manager]\nnamespace = \"x\"\ncache_capacity = 2000000\n[credentials]\nheader = \"x-key\"\n\
                 [[services]]\nname = \"a\"\nprefix = \"/\"\nupstream = \"http://a\"\n",
                &[
                    "keyring.path",
                    "listen",
                    "manager.cache_capacity",
                    "manager.namespace",
                    "operations.listen",
                    "store.path",
                ],
            ),
        ] {
            let (config, effective) = of(text);
            let needed: Vec<_> = started
                .restart_needed(&config, &effective)
                .into_iter()
                .collect();
            assert_eq!(needed, named, "{text}");
        }
    }

    #[cfg(feature = "otlp")]
    #[test]
    fn where_spans_go_counts_after_a_restart_and_how_many_at_once() {
        let text = "[trace]\ninbound = \"never\"\n[trace.otlp]\nendpoint = \"http://a:4317\"\n";
        let (config, effective) = of(text);
        let started = Started::new(config, effective);
        for (text, named) in [
            (text.replace("never", "always"), &[][..]),
            (format!("{text}ratio = 0.5"), &[]),
            (format!("{text}queue = 64"), &["trace.otlp"]),
            (
                text.replace("//a", "//b").replace("never", "always"),
                &["trace.otlp"],
            ),
            ("[trace]\ninbound = \"never\"\n".to_owned(), &["trace.otlp"]),
        ] {
            let (config, effective) = of(&text);
            let needed = started.restart_needed(&config, &effective);
            assert_eq!(needed.into_iter().collect::<Vec<_>>(), named, "{text}");
        }
    }

    #[test]
    fn a_value_that_has_changed_in_its_file_is_told_by_its_section() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("portcullis.toml");
        let read = |address: &str| {
            std::fs::write(folder.path().join("address"), address).expect("written");
            std::fs::write(&path, "listen = { file = \"address\" }").expect("written");
            let reading = Config::read(&path);
            let effective = reading.effective();
            (reading.into_config().expect("valid"), effective)
        };
        let (config, effective) = read("127.0.0.1:1");
        let started = Started::new(config, effective);
        let (config, effective) = read("127.0.0.1:2");
        let needed = started.restart_needed(&config, &effective);
        assert_eq!(needed.into_iter().collect::<Vec<_>>(), ["listen"]);
    }
}
