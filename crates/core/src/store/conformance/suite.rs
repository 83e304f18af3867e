use std::sync::Arc;

use super::broken::{Broken, BrokenRule, Fault, Outcome};
use super::driver::Driver;
use super::{
    anchors, audit, changes, commits, listing, pages, quota, records, roots, services, steps,
    usage, walks,
};
use crate::store::{BoxFuture, Store};

/// One rule of the suite.
struct Rule {
    name: &'static str,
    check: fn(Driver) -> BoxFuture<'static, Outcome>,
}

/// Names each check after its function, so that a failure names the rule.
macro_rules! rules {
    ($($module:ident :: $check:ident),* $(,)?) => {
        &[$(Rule {
            name: stringify!($check),
            check: |driver| Box::pin($module::$check(driver)),
        }),*]
    };
}

const RULES: &[Rule] = rules![
    records::a_fresh_store_is_empty,
    records::records_read_back_as_they_were_written,
    records::an_update_replaces_the_whole_record,
    records::names_and_ids_are_taken_once,
    records::what_does_not_exist_is_not_found,
    records::an_update_needs_the_version_it_replaces,
    records::of_parallel_updates_one_wins,
    records::a_key_stays_with_its_service,
    services::a_service_update_replaces_the_whole_record,
    services::a_service_update_needs_the_version_it_replaces,
    services::of_parallel_service_updates_one_wins,
    services::a_retired_service_issues_nothing,
    services::a_changed_quota_holds_from_then_on,
    quota::parallel_creations_never_pass_the_quota,
    quota::revoked_and_expired_keys_free_room,
    quota::expired_keys_may_outnumber_the_quota,
    quota::a_longer_life_needs_room,
    quota::whoever_has_room_may_keep_it,
    commits::each_commit_counts_once_and_draws_a_tag,
    commits::parallel_commits_get_revisions_without_gap_or_repeat,
    commits::a_loaded_key_belongs_to_its_revision,
    commits::loaded_services_belong_to_their_revision,
    commits::a_failed_commit_leaves_nothing_behind,
    commits::a_commit_goes_on_without_its_caller,
    commits::a_refusal_is_no_fault_of_the_store,
    steps::several_steps_are_one_revision,
    steps::a_later_step_sees_the_earlier_ones,
    steps::a_failing_step_undoes_all_before_it,
    steps::a_record_touches_nothing_but_the_trail,
    steps::a_change_has_at_least_one_step_and_a_bound,
    steps::parallel_changes_of_several_steps_do_not_mix,
    changes::changes_name_what_changed,
    changes::too_many_changed_keys_are_all,
    changes::another_history_is_diverged,
    pages::plain_pages_follow_creation,
    pages::pages_stay_stable_while_keys_come_and_change,
    pages::a_page_holds_no_more_than_its_limit,
    listing::every_part_of_a_filter_counts,
    listing::parts_of_a_filter_combine,
    listing::a_status_changes_exactly_at_the_expiry,
    listing::names_are_searched_without_regard_to_case,
    listing::the_listing_follows_what_changes,
    walks::a_walk_meets_each_key_once_whatever_changes,
    walks::a_walk_meets_once_what_stays_in_its_place,
    walks::a_foreign_position_is_refused,
    usage::batches_add_up,
    usage::refusals_are_counted_by_their_class,
    usage::a_repeated_batch_counts_once,
    usage::usage_of_unknown_keys_is_forgotten,
    usage::usage_moves_nothing_else,
    usage::counters_never_wrap,
    usage::each_secret_has_counters_until_it_goes,
    usage::the_last_address_is_that_of_the_last_use,
    usage::the_most_used_keys_come_first,
    roots::roots_are_remembered_as_first_stored,
    roots::root_use_counts_what_stands,
    roots::a_root_retires_once_nothing_stands_under_it,
    roots::nothing_is_made_under_a_retired_root,
    roots::an_update_keeps_the_digests_that_are_there,
    roots::digests_move_where_the_old_one_stands,
    audit::the_chain_is_whole_under_parallel_commits,
    audit::events_come_in_order_and_in_portions,
    audit::events_are_found_by_service_and_key,
    anchors::anchors_are_kept_by_place,
    anchors::an_anchor_needs_its_event,
    anchors::pruning_removes_what_came_before_and_no_more,
    anchors::a_chain_goes_on_after_all_was_pruned,
];

/// The names of all rules, in the order in which they are checked.
pub fn rules() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.name)
}

/// Checks every rule, each over a fresh store of `make`.
///
/// Runs on a tokio runtime; rules about concurrency say more on one with
/// several threads.
///
/// # Errors
///
/// [`Broken`] with every rule that does not hold.
pub async fn run<S: Store>(make: impl AsyncFn() -> S) -> Result<(), Broken> {
    let mut broken = Vec::new();
    for rule in RULES {
        broken.extend(rule.break_with(make().await).await);
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(Broken { rules: broken })
    }
}

/// How the store breaks the rule of this name.
#[cfg(test)]
pub(super) async fn break_one(name: &str, store: impl Store) -> Option<BrokenRule> {
    let rule = RULES.iter().find(|rule| rule.name == name);
    rule.expect("a rule of this name").break_with(store).await
}

impl Rule {
    /// How the store breaks it; nothing where it does not.
    async fn break_with(&self, store: impl Store) -> Option<BrokenRule> {
        let outcome = match Driver::new(Arc::new(store)) {
            // A task of its own: a store that panics breaks this rule, and the
            // others are still checked.
            Ok(driver) => tokio::spawn((self.check)(driver))
                .await
                .unwrap_or_else(|error| Err(Fault::new(format!("panicked: {error}")))),
            Err(fault) => Err(fault),
        };
        let fault = outcome.err()?;
        Some(BrokenRule {
            rule: self.name,
            fault,
        })
    }
}
