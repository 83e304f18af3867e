use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use crate::config::{Sources, SourcesDigest, UpstreamPlan};
use crate::tls::UpstreamTls;
use crate::upstream::{EndpointCounts, HttpUpstream, InvalidUpstream, Upstream};

/// The upstreams of a configuration, by name.
#[derive(Default)]
pub(crate) struct Upstreams {
    by_name: HashMap<Arc<str>, Kept>,
}

/// An upstream, and what it is built from.
pub(crate) struct Kept {
    pub(crate) plan: UpstreamPlan,
    /// What stands in the files that its plan names.
    files: SourcesDigest,
    pub(crate) upstream: Arc<dyn Upstream>,
    /// The same, to be asked.
    asked: HttpUpstream,
}

impl Upstreams {
    /// Those of another configuration. One of the same name with the same settings, and the same in the files that they name, is the same one,
    /// with all of its connections; whatever else there was ends with its last request.
    ///
    /// # Errors
    ///
    /// [`InvalidUpstream`] for a setting out of range, or certificates that cannot be used.
    pub(crate) fn next(
        &self,
        plans: impl IntoIterator<Item = UpstreamPlan>,
    ) -> Result<Self, InvalidUpstream> {
        let mut by_name = HashMap::new();
        for plan in plans {
            let files = files_of(&plan);
            let is_same = |kept: &&Kept| kept.plan.config == plan.config && kept.files == files;
            let (upstream, asked) = match self.by_name.get(&plan.name).filter(is_same) {
                Some(kept) => (Arc::clone(&kept.upstream), kept.asked.clone()),
                None => {
                    let upstream = HttpUpstream::new(&plan.name, plan.config.clone())?;
                    (Arc::new(upstream.clone()) as _, upstream)
                }
            };
            let name = Arc::clone(&plan.name);
            let kept = Kept {
                plan,
                files,
                upstream,
                asked,
            };
            by_name.insert(name, kept);
        }
        Ok(Self { by_name })
    }

    /// How the endpoints of each are now, by name.
    pub(crate) fn endpoints(&self) -> BTreeMap<String, EndpointCounts> {
        let kept = self.by_name.iter();
        kept.map(|(name, kept)| (name.to_string(), kept.asked.endpoints()))
            .collect()
    }

    /// The upstream of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Kept> {
        self.by_name.get(name)
    }
}

fn files_of(plan: &UpstreamPlan) -> SourcesDigest {
    let mut sources = Sources::new();
    for file in plan.config.tls.iter().flat_map(UpstreamTls::files) {
        sources.note(file);
    }
    sources.digest()
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::uri::Authority;

    use super::Upstreams;
    use crate::config::UpstreamPlan;
    use crate::headers::host::HostPolicy;
    use crate::tls::UpstreamTls;
    use crate::tls::tests::{Ca, Folder};
    use crate::upstream::{Upstream, UpstreamConfig};

    fn plan(name: &str, authority: &'static str) -> UpstreamPlan {
        UpstreamPlan {
            name: name.into(),
            host: HostPolicy::default(),
            config: UpstreamConfig::new(Authority::from_static(authority)),
        }
    }

    fn upstreams(before: &Upstreams, plans: [UpstreamPlan; 2]) -> Upstreams {
        before.next(plans).expect("valid")
    }

    #[test]
    fn an_upstream_without_a_change_is_kept_and_every_other_is_new() {
        let first = upstreams(&Upstreams::default(), [plan("a", "a:1"), plan("b", "b:1")]);
        let next = upstreams(&first, [plan("a", "a:1"), plan("b", "b:2")]);
        let same = |one: &Upstreams, other: &Upstreams, name: &str| {
            let (one, other) = (one.get(name).expect(name), other.get(name).expect(name));
            Arc::ptr_eq(&one.upstream, &other.upstream)
        };
        assert!(same(&first, &next, "a"));
        assert!(!same(&first, &next, "b"));
        // Another name is another upstream, wherever it is.
        let renamed = upstreams(&next, [plan("c", "a:1"), plan("b", "b:2")]);
        assert!(same(&next, &renamed, "b") && renamed.get("a").is_none());
        assert!(!Arc::ptr_eq(
            &next.get("a").expect("a").upstream,
            &renamed.get("c").expect("c").upstream
        ));
    }

    #[test]
    fn an_upstream_whose_roots_change_is_new() {
        let (folder, ca) = (Folder::new(), Ca::new("ca"));
        let mut secure = plan("a", "localhost:1");
        secure.config.tls = Some(UpstreamTls {
            roots: Some(folder.file("roots.pem", &ca.pem)),
            ..UpstreamTls::default()
        });
        let next = |before: &Upstreams| before.next([secure.clone()]).expect("valid");
        let same = |one: &Upstreams, other: &Upstreams| {
            let (one, other) = (one.get("a").expect("a"), other.get("a").expect("a"));
            Arc::ptr_eq(&one.upstream, &other.upstream)
        };
        let first = next(&Upstreams::default());
        let second = next(&first);
        assert!(same(&first, &second));
        folder.file("roots.pem", &Ca::new("other").pem);
        assert!(!same(&second, &next(&second)));
    }

    #[test]
    fn one_that_is_gone_ends_with_its_last_request() {
        let first = upstreams(&Upstreams::default(), [plan("a", "a:1"), plan("b", "b:1")]);
        let in_use: Arc<dyn Upstream> = Arc::clone(&first.get("a").expect("a").upstream);
        let unused = Arc::downgrade(&first.get("b").expect("b").upstream);
        let next = first.next([]).expect("valid");
        drop(first);
        assert!(next.get("a").is_none());
        assert_eq!(in_use.name(), "a");
        assert!(unused.upgrade().is_none());
    }
}
