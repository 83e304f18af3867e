//! What every author of a store writes: one call for the rules, one for the
//! model. Where they fail, they say which rule, or which operation.

use portcullis::store::conformance;

use super::OwnStore;

#[tokio::test(flavor = "multi_thread")]
async fn the_store_keeps_every_rule() {
    let outcome = conformance::run(async || OwnStore::default()).await;
    assert!(outcome.is_ok(), "{}", outcome.expect_err("rules broken"));
}

#[tokio::test]
async fn the_store_answers_as_the_model_does() {
    for seed in 0..3 {
        let outcome = conformance::compare(OwnStore::default(), seed, 2_000).await;
        assert!(outcome.is_ok(), "{}", outcome.expect_err("a difference"));
    }
}
