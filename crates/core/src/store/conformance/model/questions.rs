use super::super::broken::Fault;
use super::super::draw::PARTS_OF_A_FILTER;
use super::super::driver::Driver;
use super::plan::Plan;
use super::reads::{Read, Since};
use crate::key::KeyFilter;
use crate::store::{EventsRequest, PagePosition};

impl Plan {
    /// Something to read of a store that has made `revisions` commits.
    pub(super) async fn read(&mut self, model: &Driver, revisions: usize) -> Result<Read, Fault> {
        let last = model.store.audit_head().await?.sequence;
        Ok(match self.draw.below(100) {
            0..30 => Read::Load(self.any_id()),
            30..33 => Read::Services,
            33..36 => Read::Head,
            36..54 => Read::Changes(self.since(revisions)),
            54..60 => Read::Walk {
                filter: self.filter()?,
                limit: if self.draw.one_in(5) { 20 } else { 300 },
                now: self.draw.now(),
            },
            60..62 => Read::Position(self.filter()?, self.position()?),
            62..74 => Read::Usage((0..self.draw.below(5)).map(|_| self.any_id()).collect()),
            74..76 => Read::MostUsed(self.draw.below(50)),
            76..82 => Read::RootUse(self.draw.any_root()?, self.draw.now()),
            82..94 => Read::Events(self.events(last)),
            94..97 => Read::Anchors,
            _ => Read::AuditHead,
        })
    }

    fn since(&mut self, revisions: usize) -> Since {
        let at = self.draw.random.usize(..=revisions);
        match self.draw.below(10) {
            0 => Since::Foreign(at),
            1 => Since::Beyond(1 + u64::from(self.draw.below(9))),
            // Followers ask for the last few.
            2..8 => Since::Known(revisions.saturating_sub(at % 20)),
            _ => Since::Known(at),
        }
    }

    fn filter(&mut self) -> Result<KeyFilter, Fault> {
        let parts = match self.draw.below(10) {
            0 => 0,
            1..5 => 1 << self.draw.below(PARTS_OF_A_FILTER),
            _ => {
                let part = 1 << self.draw.below(PARTS_OF_A_FILTER);
                part | self.draw.below(1 << PARTS_OF_A_FILTER)
                    & self.draw.below(1 << PARTS_OF_A_FILTER)
            }
        };
        let filter = self.draw.filter(parts)?;
        let service = filter.service.is_some().then(|| self.any_service());
        Ok(KeyFilter { service, ..filter })
    }

    /// A position that no store writes.
    fn position(&mut self) -> Result<PagePosition, Fault> {
        let lengths = [1, 2, PagePosition::MAX_BYTES];
        let length = self.draw.random.choice(&lengths).copied();
        let mut bytes = vec![0; length.unwrap_or(1)];
        self.draw.random.fill(&mut bytes);
        Ok(PagePosition::new(&bytes)?)
    }

    fn events(&mut self, last: u64) -> EventsRequest {
        EventsRequest {
            after: self.draw.random.u64(..=last),
            limit: 1 + self.draw.below(40),
            service: self.draw.one_in(3).then(|| self.any_service()),
            key: if self.draw.one_in(4) {
                self.known_id()
            } else {
                None
            },
        }
    }
}
