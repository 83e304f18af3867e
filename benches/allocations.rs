//! How many allocations a request costs on the hit path.
//!
//! The allocator counts for each thread by itself, and each test runs on its own: neither the
//! manager's background tasks nor the other tests are in the figures. What a call does for the
//! cache's upkeep is, as it happens on the caller's thread.

#![expect(
    clippy::expect_used,
    reason = "what the tests are made of is made outside of them"
)]

use std::sync::LazyLock;

use allocation_counter::measure;
use portcullis::manager::Validation;
use portcullis::{ApiKeyLayer, Verdict};
use portcullis_benches::{Exchange, Shape, World};
use tower::Layer;

const MILLION: u64 = 1_000_000;
const KEYS: usize = 100;

static WORLD: LazyLock<World> = LazyLock::new(|| World::new(KEYS).expect("a world"));

/// Allocations per call, over so many calls that must all be true.
fn counted(what: &str, calls: u64, mut call: impl FnMut(u64) -> bool) -> f64 {
    let mut good = 0;
    let info = measure(|| {
        for turn in 0..calls {
            good += u64::from(call(turn));
        }
    });
    assert_eq!(good, calls, "{what}: every call is a hit that passes");
    let each = info.count_total as f64 / calls as f64;
    println!(
        "{what}: {} allocations in {calls} calls, {each:.4} each",
        info.count_total
    );
    each
}

#[test]
fn validation_on_a_hit_allocates_nothing_but_upkeep() {
    let (manager, issue) = (WORLD.manager(), &WORLD.rated);
    let each = counted("validate", MILLION, |turn| {
        let validation = manager.try_validate(issue.token(turn), &issue.context());
        matches!(validation, Validation::Decided(Verdict::Granted(_)))
    });
    assert!(each <= 0.02, "{each}");
}

#[test]
fn admission_without_a_rate_allocates_nothing_but_upkeep() {
    let (gate, issue) = (&WORLD.gate, &WORLD.free);
    let each = counted("validate and admit, no rate", MILLION, |turn| {
        issue.is_admitted(gate, turn)
    });
    assert!(each <= 0.02, "{each}");
}

#[test]
fn admission_with_a_rate_allocates_nothing_but_upkeep() {
    let (gate, issue) = (&WORLD.gate, &WORLD.rated);
    let each = counted("validate and admit, with a rate", MILLION, |turn| {
        issue.is_admitted(gate, turn)
    });
    assert!(each <= 0.02, "{each}");
}

#[test]
fn layer_allocates_three_times_a_request_at_most() {
    let more = of_the_layer(Shape::TYPICAL, MILLION / 4);
    assert!(more <= 3.02, "{more}");
}

/// The tables of a request's extensions and of an answer's fields belong to `http`: one that is
/// not there yet, or is full, is made or grows under what the layer puts into it. That is four
/// allocations more at the worst.
#[test]
fn layer_over_requests_of_every_shape_makes_tables_grow_at_worst() {
    for extensions in 0..=4 {
        for answer in [0, 4, 6] {
            let shape = Shape {
                extensions,
                answer,
                ..Shape::TYPICAL
            };
            let more = of_the_layer(shape, 10_000);
            assert!(more <= 7.02, "{shape:?}: {more}");
        }
    }
    let more = of_the_layer(Shape::EMPTY, 10_000);
    assert!(more <= 7.02, "empty: {more}");
}

/// Allocations per call of the layer, less those of the same call without it.
fn of_the_layer(shape: Shape, calls: u64) -> f64 {
    let issue = &WORLD.rated;
    let exchange = Exchange::new(&issue.tokens, shape).expect("tokens are header values");
    let layer = ApiKeyLayer::builder(WORLD.gate.clone(), issue.service.clone())
        .require(issue.requirement.clone())
        .build();
    let (mut bare, mut layered) = (exchange.inner(), layer.layer(exchange.inner()));
    let without = counted("  the inner service", calls, |turn| {
        exchange.run(&mut bare, issue.at(turn))
    });
    let with = counted("  the layer over it", calls, |turn| {
        exchange.run(&mut layered, issue.at(turn))
    });
    println!("{shape:?}: {:.4} more", with - without);
    with - without
}
