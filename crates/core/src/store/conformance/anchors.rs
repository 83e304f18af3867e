use super::broken::{Outcome, refused, same};
use super::changes;
use super::driver::{Driver, EMPTY};
use super::samples::{ORDERS, at, key, service};
use super::whole::Whole;
use crate::store::{AuditHead, EventsRequest, Operation, StoreErrorKind};

/// A trail of five events, and the place of each.
async fn five_events(driver: &Driver) -> Result<[AuditHead; 5], super::Fault> {
    driver.create_service(service(ORDERS, 100)).await?;
    let mut places = [driver.store.audit_head().await?; 5];
    for place in places.iter_mut().skip(1) {
        driver.create_key(key(ORDERS, 0)?).await?;
        *place = driver.store.audit_head().await?;
    }
    Ok(places)
}

pub(super) async fn anchors_are_kept_by_place(driver: Driver) -> Outcome {
    same("at first", &driver.store.anchors().await?, &Vec::new())?;
    let [_, second, _, fourth, _] = five_events(&driver).await?;
    let (early, late) = (driver.anchor(second, at(1)), driver.anchor(fourth, at(2)));
    let before = driver.store.head().await?;
    for anchor in [&late, &early] {
        driver
            .commit(Operation::AnchorAudit(anchor.clone()))
            .await?;
    }
    changes::expect(&driver, before, &[], false).await?;
    let anchors = driver.store.anchors().await?;
    same(
        "the anchors, by place",
        &anchors,
        &vec![early, late.clone()],
    )?;
    let again = driver.anchor(second, at(3));
    driver.commit(Operation::AnchorAudit(again.clone())).await?;
    let anchors = driver.store.anchors().await?;
    same("a later one at a place", &anchors, &vec![again, late])?;
    driver.check_chain(EMPTY).await
}

pub(super) async fn an_anchor_needs_its_event(driver: Driver) -> Outcome {
    let [first, second, .., last] = five_events(&driver).await?;
    let before = Whole::read(&driver).await?;
    let beyond = AuditHead {
        sequence: last.sequence + 1,
        ..last
    };
    let far = AuditHead {
        sequence: u64::MAX,
        ..last
    };
    let mut forged = second;
    if let Some(byte) = forged.mac.last_mut() {
        *byte ^= 1;
    }
    let displaced = AuditHead {
        sequence: first.sequence,
        ..second
    };
    for (what, place) in [
        ("the start of the chain", EMPTY),
        ("an event that is yet to come", beyond),
        ("the greatest sequence", far),
        ("another value", forged),
        ("the value of another event", displaced),
    ] {
        let anchor = driver.anchor(place, at(0));
        let (kept, pruned) = (
            driver.commit(Operation::AnchorAudit(anchor.clone())).await,
            driver.commit(Operation::PruneAudit(anchor)).await,
        );
        refused(
            &format!("an anchor at {what}"),
            kept,
            StoreErrorKind::Conflict,
        )?;
        refused(
            &format!("pruning to {what}"),
            pruned,
            StoreErrorKind::Conflict,
        )?;
    }
    same("the store", &Whole::read(&driver).await?, &before)
}

pub(super) async fn pruning_removes_what_came_before_and_no_more(driver: Driver) -> Outcome {
    let [first, second, third, fourth, _] = five_events(&driver).await?;
    for place in [first, second, fourth] {
        let anchor = Operation::AnchorAudit(driver.anchor(place, at(1)));
        driver.commit(anchor).await?;
    }
    let before = Whole::read(&driver).await?;
    let pruned = driver.anchor(third, at(2));
    let head = driver.commit(Operation::PruneAudit(pruned.clone())).await?;
    same("the revision", &head.revision.count(), &9)?;
    changes::expect(&driver, before.head, &[], false).await?;

    let after = Whole::read(&driver).await?;
    let sequences: Vec<u64> = after.events.iter().map(|event| event.sequence).collect();
    same("the events", &sequences, &vec![4, 5, 6, 7, 8, 9])?;
    let anchors = vec![pruned, driver.anchor(fourth, at(1))];
    same("the anchors", &after.anchors, &anchors)?;
    driver.check_chain(third).await?;
    same("the services", &after.services, &before.services)?;
    same("the keys", &after.keys, &before.keys)?;
    for after in 0..4 {
        let request = EventsRequest {
            after,
            limit: 2,
            ..EventsRequest::default()
        };
        let events = driver.store.events(request).await?;
        let sequences: Vec<u64> = events.iter().map(|event| event.sequence).collect();
        same("the first events that are kept", &sequences, &vec![4, 5])?;
    }
    for gone in [second, third] {
        let anchor = driver.anchor(gone, at(3));
        let again = driver.commit(Operation::PruneAudit(anchor)).await;
        refused("an event that is gone", again, StoreErrorKind::Conflict)?;
    }
    Ok(())
}

pub(super) async fn a_chain_goes_on_after_all_was_pruned(driver: Driver) -> Outcome {
    let [first, .., last] = five_events(&driver).await?;
    driver
        .commit(Operation::PruneAudit(driver.anchor(first, at(1))))
        .await?;
    let place = driver.store.audit_head().await?;
    same(
        "the event of pruning",
        &place.sequence,
        &(last.sequence + 1),
    )?;
    let all = driver.anchor(place, at(2));
    driver.commit(Operation::PruneAudit(all.clone())).await?;
    driver.create_key(key(ORDERS, 0)?).await?;
    let sequences: Vec<u64> = driver
        .events(0, 10)
        .await?
        .iter()
        .map(|event| event.sequence)
        .collect();
    same("the events", &sequences, &vec![7, 8])?;
    same("the anchors", &driver.store.anchors().await?, &vec![all])?;
    driver.check_chain(place).await
}
