//! Questions whether an address is well.

use std::sync::{Arc, Weak};
use std::time::Duration;

use http::header::{CONNECTION, HOST, HeaderValue, USER_AGENT};
use http::{Request, Uri};
use tokio::time::{Instant, sleep, timeout};

use crate::body::{BodySource, IdleTimeout, ProxyBody};
use crate::upstream::chance::{soon_within, varied};
use crate::upstream::config::HealthConfig;
use crate::upstream::http2;
use crate::upstream::line::Line;
use crate::upstream::member::Member;
use crate::upstream::progress::{Progress, Watched};
use crate::upstream::retry::Stage;

/// Asks for as long as the member exists and somebody waits for this.
pub(in crate::upstream) async fn ask(member: Weak<Member>, config: HealthConfig) {
    let mut answers = Answers::default();
    // Not all at the same time after a start.
    sleep(soon_within(config.interval.min(Duration::from_secs(1)))).await;
    loop {
        let Some(asked) = member.upgrade() else {
            return;
        };
        let is_good = timeout(config.timeout, question(&asked, &config)).await;
        let is_good = is_good.unwrap_or(false);
        asked.terms.meters.checked(is_good);
        if let Some(is_up) = answers.count(is_good, &config) {
            judge(&asked, is_up);
        }
        drop(asked);
        sleep(varied(config.interval)).await;
    }
}

/// Answers of one kind, one after the other.
#[derive(Debug, Default)]
struct Answers {
    good: usize,
    bad: usize,
}

impl Answers {
    /// Says whether the address is up or down, once there are as many as that takes.
    fn count(&mut self, is_good: bool, config: &HealthConfig) -> Option<bool> {
        match is_good {
            true => (self.good, self.bad) = (self.good.saturating_add(1), 0),
            false => (self.good, self.bad) = (0, self.bad.saturating_add(1)),
        }
        if self.good >= config.healthy {
            Some(true)
        } else if self.bad >= config.unhealthy {
            Some(false)
        } else {
            None
        }
    }
}

fn judge(member: &Member, is_up: bool) {
    let is_news = member.health.set_down(!is_up);
    let is_back = is_up && member.health.lift(Instant::now());
    let (upstream, endpoint) = (&*member.terms.name, &*member.endpoint.label);
    let address = member.address;
    if is_up && (is_news || is_back) {
        tracing::info!(upstream, endpoint, %address, "an address of an upstream is well again");
    } else if is_news {
        tracing::warn!(upstream, endpoint, %address, "an address of an upstream is not well");
    }
}

/// One question, on a connection of its own: a server that takes no more connections is not well.
async fn question(member: &Arc<Member>, config: &HealthConfig) -> bool {
    let Ok(line) = member.dial_alone().await else {
        return false;
    };
    let body = IdleTimeout::new(ProxyBody::empty(), config.timeout, BodySource::Client);
    let progress = Arc::new(Progress::new());
    let mut request = Request::new(Watched::new(body, Arc::clone(&progress)));
    *request.uri_mut() = Uri::from(config.path.clone());
    let headers = request.headers_mut();
    let host = member.terms.config.host.as_ref();
    let host = host.unwrap_or(&member.endpoint.host).clone();
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, HeaderValue::from_static("portcullis-health"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let status = match line {
        Line::Http1(mut connection) => {
            let answer = connection.send(request).await;
            answer.ok().map(|answer| answer.status())
        }
        Line::Http2(share) => {
            let begun = http2::attempt(member, share, Stage::OnFresh, request, &progress).await;
            begun.ok().map(|(answer, _)| answer.status())
        }
    };
    status.is_some_and(|status| config.status.contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_several_answers_of_a_kind_one_after_the_other() {
        let config = HealthConfig::new("/".parse().unwrap());
        let mut answers = Answers::default();
        for (is_good, said) in [
            (false, None),
            (false, None),
            (true, None),
            (false, None),
            (false, None),
            (false, Some(false)),
            (true, None),
            (false, None),
            (true, None),
            (true, Some(true)),
            (true, Some(true)),
            (false, None),
        ] {
            assert_eq!(answers.count(is_good, &config), said);
        }
    }
}
