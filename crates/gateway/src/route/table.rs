use crate::path::{CanonicalPath, Prefix};

/// What each part of the path space leads to. Of all prefixes that hold a path, the longest
/// counts.
#[derive(Debug)]
pub(crate) struct RouteTable<S> {
    /// The longest first.
    routes: Vec<(Prefix, S)>,
}

impl<S> RouteTable<S> {
    /// A table of these routes; the configuration has no prefix twice.
    pub(crate) fn new(routes: impl IntoIterator<Item = (Prefix, S)>) -> Self {
        let mut routes: Vec<_> = routes.into_iter().collect();
        routes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.depth()));
        Self { routes }
    }

    /// What the path leads to.
    pub(crate) fn find(&self, path: &CanonicalPath) -> Option<&S> {
        let found = self
            .routes
            .iter()
            .find(|(prefix, _)| path.starts_with_prefix(prefix));
        found.map(|(_, route)| route)
    }
}

#[cfg(test)]
mod tests {
    use super::RouteTable;
    use crate::path::CanonicalPath;

    #[test]
    fn the_longest_prefix_counts_in_whatever_order_they_are_written() {
        let prefixes = ["/", "/orders", "/orders/admin", "/o"];
        let parsed = prefixes.map(|prefix| (prefix.parse().expect(prefix), prefix));
        for rotation in 0..parsed.len() {
            let mut parsed = parsed.clone();
            parsed.rotate_left(rotation);
            let table = RouteTable::new(parsed);
            for (path, route) in [
                ("/", "/"),
                ("/orders", "/orders"),
                ("/orders/", "/orders"),
                ("/orders/7", "/orders"),
                ("/orders2", "/"),
                ("/orders/admin", "/orders/admin"),
                ("/orders/x/../admin/y", "/orders/admin"),
                ("/orders/%61dmin", "/orders/admin"),
                ("/orders/administrator", "/orders"),
                ("/o/x", "/o"),
            ] {
                let path = CanonicalPath::from_uri(&path.parse().expect(path)).expect("canonical");
                assert_eq!(table.find(&path), Some(&route), "{path:?}");
            }
        }
    }
}
