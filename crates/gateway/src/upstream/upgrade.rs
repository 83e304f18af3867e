//! Requests for another protocol.

use http::{Response, StatusCode};

use super::answer::AnswerFault;
use super::lease::Exchange;
use super::line::Content;
use crate::body::ProxyBody;
use crate::headers::upgrade::Upgrade;
use crate::tunnel::Switched;

/// Whether an answer changes protocols.
pub(super) fn is_change<B>(answer: &Response<B>) -> bool {
    answer.status() == StatusCode::SWITCHING_PROTOCOLS
}

/// Lets a change of protocols pass that is the one that was asked for.
pub(super) fn check<B>(upgrade: &Upgrade, answer: &Response<B>) -> Result<(), AnswerFault> {
    match upgrade.is_met(answer.headers()) {
        true => Ok(()),
        false => Err(AnswerFault::OtherUpgrade),
    }
}

/// The answer with the connection in its extensions, which lets go of the exchange at its end.
pub(super) async fn changed(
    mut answer: Response<Content>,
    exchange: Exchange,
) -> hyper::Result<Response<ProxyBody>> {
    let switched = hyper::upgrade::on(&mut answer).await?;
    let mut answer = answer.map(|_| ProxyBody::empty());
    let switched = Switched::new(switched, exchange);
    answer.extensions_mut().insert(switched);
    Ok(answer)
}
