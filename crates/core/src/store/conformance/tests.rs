//! The suite over stores with a fault each: it must find every one.

use std::collections::HashSet;

use crate::store::conformance::defective::{Defect, Defective};
use crate::store::conformance::rules;
use crate::store::conformance::suite::break_one;

const FINDS: &[(Defect, &str)] = &[
    (Defect::AnchorsUnchecked, "an_anchor_needs_its_event"),
    (Defect::BatchesRepeated, "a_repeated_batch_counts_once"),
    (
        Defect::CaseOfAsciiAlone,
        "names_are_searched_without_regard_to_case",
    ),
    (
        Defect::CommitsEndWithTheirCaller,
        "a_commit_goes_on_without_its_caller",
    ),
    (
        Defect::DigestsOverwritten,
        "an_update_keeps_the_digests_that_are_there",
    ),
    (Defect::DivergenceUnseen, "another_history_is_diverged"),
    (Defect::EndedSecretsCounted, "root_use_counts_what_stands"),
    (
        Defect::EndedSecretsCounted,
        "a_root_retires_once_nothing_stands_under_it",
    ),
    (
        Defect::EventsLost,
        "the_chain_is_whole_under_parallel_commits",
    ),
    (
        Defect::EventsUnfiltered,
        "events_are_found_by_service_and_key",
    ),
    (
        Defect::EventsFilteredLate,
        "events_are_found_by_service_and_key",
    ),
    (Defect::ExpiryLate, "a_status_changes_exactly_at_the_expiry"),
    (Defect::ExpiryLate, "parts_of_a_filter_combine"),
    (
        Defect::HeadReadLater,
        "a_loaded_key_belongs_to_its_revision",
    ),
    (
        Defect::KindsMixed,
        "parallel_creations_never_pass_the_quota",
    ),
    (
        Defect::LastAddressLost,
        "the_last_address_is_that_of_the_last_use",
    ),
    (Defect::LifeByOneClock, "a_longer_life_needs_room"),
    (Defect::LifeUnmeasured, "a_longer_life_needs_room"),
    (Defect::LimitIgnored, "a_page_holds_no_more_than_its_limit"),
    (
        Defect::MetadataLost,
        "records_read_back_as_they_were_written",
    ),
    (
        Defect::OneTagForAll,
        "each_commit_counts_once_and_draws_a_tag",
    ),
    (
        Defect::PagesByOffset,
        "pages_stay_stable_while_keys_come_and_change",
    ),
    (
        Defect::PagesByOffset,
        "a_walk_meets_each_key_once_whatever_changes",
    ),
    (
        Defect::PagesByOffset,
        "a_walk_meets_once_what_stays_in_its_place",
    ),
    (Defect::PagesSkipAKey, "plain_pages_follow_creation"),
    (Defect::PagesSkipAKey, "every_part_of_a_filter_counts"),
    (Defect::PagesUnordered, "plain_pages_follow_creation"),
    (Defect::PositionsUnchecked, "a_foreign_position_is_refused"),
    (
        Defect::PruningKeepsEvents,
        "pruning_removes_what_came_before_and_no_more",
    ),
    (
        Defect::PruningKeepsEvents,
        "a_chain_goes_on_after_all_was_pruned",
    ),
    (
        Defect::QuotaIgnored,
        "parallel_creations_never_pass_the_quota",
    ),
    (Defect::QuotaIgnored, "revoked_and_expired_keys_free_room"),
    (
        Defect::RedigestBlind,
        "digests_move_where_the_old_one_stands",
    ),
    (
        Defect::RedigestCounted,
        "digests_move_where_the_old_one_stands",
    ),
    (
        Defect::RefusalsAreFaults,
        "a_refusal_is_no_fault_of_the_store",
    ),
    (
        Defect::RetiredRootsGoOn,
        "nothing_is_made_under_a_retired_root",
    ),
    (
        Defect::RetirementIgnored,
        "a_retired_service_issues_nothing",
    ),
    (
        Defect::RootsOverwritten,
        "roots_are_remembered_as_first_stored",
    ),
    (
        Defect::RootsReadEarlier,
        "roots_are_remembered_as_first_stored",
    ),
    (
        Defect::RootsRetiredInUse,
        "a_root_retires_once_nothing_stands_under_it",
    ),
    (
        Defect::SecretsLost,
        "records_read_back_as_they_were_written",
    ),
    (
        Defect::ServiceVersionIgnored,
        "a_service_update_needs_the_version_it_replaces",
    ),
    (
        Defect::ServiceVersionIgnored,
        "of_parallel_service_updates_one_wins",
    ),
    (Defect::ServicesUnmentioned, "changes_name_what_changed"),
    (
        Defect::ServicesUnmentioned,
        "a_service_update_replaces_the_whole_record",
    ),
    (Defect::StepsByThemselves, "several_steps_are_one_revision"),
    (
        Defect::StepsByThemselves,
        "parallel_changes_of_several_steps_do_not_mix",
    ),
    (
        Defect::StepsHalfUndone,
        "a_failing_step_undoes_all_before_it",
    ),
    (
        Defect::StepsUnbounded,
        "a_change_has_at_least_one_step_and_a_bound",
    ),
    (
        Defect::TotalsOfPresentSecrets,
        "each_secret_has_counters_until_it_goes",
    ),
    (
        Defect::UsageOfKeysAlone,
        "each_secret_has_counters_until_it_goes",
    ),
    (Defect::UseUnordered, "the_most_used_keys_come_first"),
    (
        Defect::VersionIgnored,
        "an_update_needs_the_version_it_replaces",
    ),
    (Defect::VersionIgnored, "of_parallel_updates_one_wins"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_defect_is_found_by_the_rule_that_forbids_it() {
    let ignored = Defect::of_filters().map(|defect| (defect, "every_part_of_a_filter_counts"));
    for (defect, rule) in FINDS.iter().copied().chain(ignored) {
        let broken = break_one(rule, Defective::new(defect)).await;
        assert!(broken.is_some(), "{defect:?} passed {rule}");
    }
}

#[test]
fn every_rule_has_a_name_of_its_own() {
    let names: HashSet<_> = rules().collect();
    assert_eq!(names.len(), rules().count());
}
