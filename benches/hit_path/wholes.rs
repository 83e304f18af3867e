use std::hint::black_box;

use portcullis::ApiKeyLayer;
use portcullis_benches::{Exchange, Failure, Shape, Timings, World};
use tower::Layer;

pub(crate) const VALIDATE: &str = "validate";
pub(crate) const ADMIT_FREE: &str = "validate and admit, no rate";
pub(crate) const ADMIT_RATED: &str = "validate and admit, with a rate";
pub(crate) const INNER: &str = "the service behind, alone";
pub(crate) const LAYER: &str = "the layer over the service behind";

/// The measured calls. What they go to is warm.
pub(crate) fn add<'a>(world: &'a World, timings: &mut Timings<'a>) -> Result<(), Failure> {
    let (gate, manager) = (&world.gate, world.manager());
    let (free, rated) = (&world.free, &world.rated);
    timings.add(VALIDATE, move |turn| {
        black_box(manager.try_validate(rated.token(turn), &rated.context()));
    });
    timings.add(ADMIT_FREE, move |turn| {
        black_box(gate.try_decide(free.token(turn), &free.context()));
    });
    timings.add(ADMIT_RATED, move |turn| {
        black_box(gate.try_decide(rated.token(turn), &rated.context()));
    });

    let exchange = Exchange::new(&rated.tokens, Shape::TYPICAL)?;
    let mut inner = exchange.inner();
    timings.add(INNER, move |turn| {
        black_box(exchange.run(&mut inner, rated.at(turn)));
    });
    let exchange = Exchange::new(&rated.tokens, Shape::TYPICAL)?;
    let mut layered = ApiKeyLayer::builder(gate.clone(), rated.service.clone())
        .require(rated.requirement.clone())
        .build()
        .layer(exchange.inner());
    timings.add(LAYER, move |turn| {
        black_box(exchange.run(&mut layered, rated.at(turn)));
    });
    Ok(())
}
