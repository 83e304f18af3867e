/// How the next request finds its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Balance {
    /// In turn, each as often as its weight says (smooth weighted round robin): of three requests
    /// to weights 2 and 1, the second goes to the lighter one.
    #[default]
    RoundRobin,
    /// Of two that are drawn by their weights, to the one with fewer requests under way for its
    /// weight (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001).
    LeastRequests,
}
