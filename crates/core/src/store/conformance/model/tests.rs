use crate::store::MemoryStore;
use crate::store::conformance::compare;
use crate::store::conformance::defective::{Defect, Defective};

#[tokio::test]
async fn a_store_that_answers_as_the_model_does_shows_no_difference() {
    let tally = compare(MemoryStore::new(), 1, 3_000).await;
    let tally = tally.expect("no difference");
    let count: u64 = tally.iter().map(|(_, _, count)| count).sum();
    assert_eq!(count, 3_000);
    let again = compare(MemoryStore::new(), 1, 3_000).await;
    assert_eq!(again.expect("no difference"), tally, "one seed, one course");
}

#[tokio::test]
async fn a_store_that_answers_otherwise_is_found_with_what_led_to_it() {
    let defects = [
        Defect::AnchorsUnchecked,
        Defect::BatchesRepeated,
        Defect::DigestsOverwritten,
        Defect::DivergenceUnseen,
        Defect::EndedSecretsCounted,
        Defect::EventsLost,
        Defect::EventsUnfiltered,
        Defect::KindsMixed,
        Defect::LastAddressLost,
        Defect::MetadataLost,
        Defect::OneTagForAll,
        Defect::PagesSkipAKey,
        Defect::PositionsUnchecked,
        Defect::PruningKeepsEvents,
        Defect::QuotaIgnored,
        Defect::RedigestBlind,
        Defect::RetirementIgnored,
        Defect::RootsOverwritten,
        Defect::RootsRetiredInUse,
        Defect::ServiceVersionIgnored,
        Defect::ServicesUnmentioned,
        Defect::StepsByThemselves,
        Defect::StepsHalfUndone,
        Defect::TotalsOfPresentSecrets,
        Defect::UsageOfKeysAlone,
        Defect::VersionIgnored,
    ];
    for defect in defects.into_iter().chain(Defect::of_filters()) {
        let difference = compare(Defective::new(defect), 7, 10_000).await;
        let difference = difference.expect_err(&format!("{defect:?}")).to_string();
        let told = difference.lines().count();
        assert!(
            difference.starts_with("seed 7, operation ") && told > 2,
            "{difference}"
        );
    }
}
