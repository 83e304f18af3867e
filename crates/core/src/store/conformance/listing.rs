use std::collections::HashSet;

use super::broken::{Outcome, same};
use super::draw::PARTS_OF_A_FILTER;
use super::drawn::Drawn;
use super::driver::Driver;
use super::samples::{ORDERS, at, key, service};
use crate::key::{Key, KeyFilter, KeyId, KeyStatus, NamePart};

pub(super) async fn every_part_of_a_filter_counts(driver: Driver) -> Outcome {
    let mut drawn = Drawn::write(&driver, 1, 300).await?;
    for part in 0..PARTS_OF_A_FILTER {
        for limit in [1_000, 100, 9, 2, 1_000, 100, 9, 100, 100, 9] {
            let filter = drawn.draw.filter(1 << part)?;
            let now = at(i64::from(drawn.draw.below(22)));
            drawn.expect(&driver, &filter, limit, now).await?;
        }
    }
    drawn
        .expect(&driver, &KeyFilter::default(), 7, at(10))
        .await
}

pub(super) async fn parts_of_a_filter_combine(driver: Driver) -> Outcome {
    let mut drawn = Drawn::write(&driver, 2, 400).await?;
    drawn.use_some(&driver, 1).await?;
    for round in 0..300 {
        // Two parts, of every pair in turn; then more of them.
        let mut parts = 1 << (round % PARTS_OF_A_FILTER);
        parts |= 1 << (round / PARTS_OF_A_FILTER % PARTS_OF_A_FILTER);
        if round > PARTS_OF_A_FILTER * PARTS_OF_A_FILTER {
            parts |= drawn.draw.below(1 << PARTS_OF_A_FILTER);
        }
        let filter = drawn.draw.filter(parts)?;
        let now = at(i64::from(drawn.draw.below(22)));
        let limit = if drawn.draw.one_in(4) { 3 } else { 50 };
        drawn.expect(&driver, &filter, limit, now).await?;
    }
    Ok(())
}

pub(super) async fn a_status_changes_exactly_at_the_expiry(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 100)).await?;
    let ending = Key {
        expires_at: Some(at(100)),
        ..key(ORDERS, 0)?
    };
    driver.create_key(ending.clone()).await?;
    for (status, before, after) in [
        (KeyStatus::Active, true, false),
        (KeyStatus::Expired, false, true),
    ] {
        let filter = KeyFilter {
            status: Some(status),
            ..KeyFilter::default()
        };
        for (now, listed) in [(99, before), (100, after), (101, after)] {
            let found = driver.list(&filter, 10, at(now)).await?;
            let what = format!("{} at {now}", status.as_str());
            same(&what, &(found.len() == 1), &listed)?;
        }
    }
    for (before, listed) in [(100, false), (101, true)] {
        let filter = KeyFilter {
            expires_before: Some(at(before)),
            ..KeyFilter::default()
        };
        let found = driver.list(&filter, 10, at(0)).await?;
        same("expiring before", &(found.len() == 1), &listed)?;
    }
    Ok(())
}

pub(super) async fn names_are_searched_without_regard_to_case(driver: Driver) -> Outcome {
    driver.create_service(service(ORDERS, 100)).await?;
    let names = [
        "İzmir",
        "STRAẞE 9",
        "Straße 9",
        "ΟΔΥΣΣΕΎΣ",
        "οδυσσεύς",
        "Ǆungla",
        "50%_off*",
        "5000off",
        "a'b\"c\\d",
        "Ａｂｃ",
        "🦀🦀🦀",
        "K elvin",
        "ⅧⅨⅩ",
    ];
    let mut keys = Vec::new();
    for name in names {
        let named = Key {
            name: name.parse()?,
            ..key(ORDERS, 0)?
        };
        driver.create_key(named.clone()).await?;
        keys.push(named);
    }
    let parts = [
        "i̇z",
        "izm",
        "İZM",
        "straß",
        "STRASS",
        "ẞE ",
        "σσεύ",
        "ΣΣΕΎΣ",
        "εύς",
        "ǆun",
        "ǅUN",
        "50%",
        "0%_",
        "%_o",
        "___",
        "%%%",
        "off",
        "*off",
        "off*",
        "'b\"",
        "c\\d",
        "ａｂＣ",
        "🦀🦀🦀",
        "🦀🦀🦀🦀",
        "k e",
        "K E",
        "ⅷⅸ",
        "ⅷⅸⅹ",
        "elvin",
    ];
    for part in parts {
        let part = match part.parse::<NamePart>() {
            Ok(part) => part,
            // Shorter than what may be searched for.
            Err(_) => continue,
        };
        let expected: HashSet<KeyId> = keys
            .iter()
            .filter(|key| part.is_in(&key.name))
            .map(|key| key.id)
            .collect();
        let filter = KeyFilter {
            name: Some(part.clone()),
            ..KeyFilter::default()
        };
        let found = driver.list(&filter, 3, at(0)).await?;
        let found: HashSet<KeyId> = found.iter().map(|key| key.id).collect();
        same(&format!("names with {part}"), &found, &expected)?;
    }
    Ok(())
}

pub(super) async fn the_listing_follows_what_changes(driver: Driver) -> Outcome {
    let mut drawn = Drawn::write(&driver, 3, 40).await?;
    for round in 0..4 {
        for at in 0..drawn.keys.len() {
            let fresh = drawn.draw.key()?;
            let Some(key) = drawn.keys.get_mut(at) else {
                continue;
            };
            let next = Key {
                id: key.id,
                service: key.service.clone(),
                created_at: key.created_at,
                version: key.version,
                ..fresh
            };
            driver.update_key(next.clone()).await?;
            *key = Key {
                version: next.version + 1,
                ..next
            };
        }
        drawn.use_some(&driver, 1).await?;
        for part in 0..PARTS_OF_A_FILTER {
            let filter = drawn.draw.filter(1 << part)?;
            drawn.expect(&driver, &filter, 5, at(round * 5)).await?;
        }
    }
    Ok(())
}
