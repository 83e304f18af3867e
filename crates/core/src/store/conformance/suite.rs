use std::sync::Arc;

use super::broken::{Broken, BrokenRule, Fault, Outcome};
use super::driver::Driver;
use super::{audit, changes, commits, pages, quota, records, usage};
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
    records::roots_are_remembered_as_first_stored,
    quota::parallel_creations_never_pass_the_quota,
    quota::revoked_and_expired_keys_free_room,
    quota::expired_keys_may_outnumber_the_quota,
    commits::each_commit_counts_once_and_draws_a_tag,
    commits::parallel_commits_get_revisions_without_gap_or_repeat,
    commits::a_loaded_key_belongs_to_its_revision,
    commits::loaded_services_belong_to_their_revision,
    commits::a_failed_commit_leaves_nothing_behind,
    commits::a_commit_goes_on_without_its_caller,
    changes::changes_name_what_changed,
    changes::too_many_changed_keys_are_all,
    changes::another_history_is_diverged,
    pages::pages_follow_creation_and_id,
    pages::pages_stay_stable_while_keys_come_and_change,
    pages::a_page_holds_no_more_than_its_limit,
    usage::batches_add_up,
    usage::a_repeated_batch_counts_once,
    usage::usage_of_unknown_keys_is_forgotten,
    usage::usage_moves_nothing_else,
    usage::counters_never_wrap,
    audit::the_chain_is_whole_under_parallel_commits,
    audit::events_come_in_order_and_in_portions,
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
    for Rule { name, check } in RULES {
        let store: Arc<dyn Store> = Arc::new(make().await);
        let outcome = match Driver::new(store) {
            // A task of its own: a store that panics breaks this rule, and the
            // others are still checked.
            Ok(driver) => tokio::spawn(check(driver))
                .await
                .unwrap_or_else(|error| Err(Fault::new(format!("panicked: {error}")))),
            Err(fault) => Err(fault),
        };
        if let Err(fault) = outcome {
            broken.push(BrokenRule { rule: name, fault });
        }
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(Broken { rules: broken })
    }
}
