use super::super::broken::Fault;
use super::super::draw::Draw;
use super::super::driver::Driver;
use super::super::samples::{at, root, service};
use super::writes::Write;
use crate::audit::Anchor;
use crate::key::{Key, KeyId};
use crate::service::ServiceName;
use crate::store::{AuditHead, Change, Operation, Redigest};
use crate::usage::{NodeId, UsageBatch, UsageDelta};

/// What is done next: drawn so that it meets what the model holds now, and
/// often enough does not.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) draw: Draw,
    keys: Vec<KeyId>,
    services: Vec<ServiceName>,
    nodes: [(NodeId, u64); 3],
    /// One in so many operations is to be refused.
    mistakes: u32,
}

impl Plan {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            draw: Draw::new(seed),
            keys: Vec::new(),
            services: Vec::new(),
            nodes: [(); 3].map(|()| (NodeId::random(), 0)),
            mistakes: 8,
        }
    }

    /// Learns of what was committed.
    pub(super) fn learn(&mut self, change: &Change) {
        for step in &change.steps {
            match &step.operation {
                Operation::CreateKey { key, .. } => self.keys.push(key.id),
                Operation::CreateService(service) => self.services.push(service.name.clone()),
                _ => {}
            }
        }
    }

    pub(super) async fn write(&mut self, model: &Driver) -> Result<Write, Fault> {
        Ok(match self.draw.below(100) {
            0..12 => Write::AddUsage(self.batch()),
            12..16 => Write::Redigest(self.redigests(model).await?),
            16 => Write::RememberRoots(vec![root(self.draw.any_root()?.as_str(), 1)?]),
            17 => Write::RememberRoots(Vec::new()),
            18..22 => self.several(model, 2, 6).await?,
            22 => self.several(model, 20, 60).await?,
            23 if self.draw.one_in(4) => Write::Commit(model.steps(Vec::new())),
            _ => {
                let operation = self.operation(model).await?;
                Write::Commit(model.change(operation))
            }
        })
    }

    /// A change of several steps, seldom one with a mistake.
    async fn several(&mut self, model: &Driver, least: u32, most: u32) -> Result<Write, Fault> {
        let count = least + self.draw.below(most - least + 1);
        let before = self.mistakes;
        self.mistakes = 8 * count;
        let mut operations = Vec::new();
        for _ in 0..count {
            operations.push(self.operation(model).await?);
        }
        self.mistakes = before;
        Ok(Write::Commit(model.steps(operations)))
    }

    fn mistake(&mut self) -> bool {
        let mistakes = self.mistakes;
        self.draw.one_in(mistakes)
    }

    async fn operation(&mut self, model: &Driver) -> Result<Operation, Fault> {
        Ok(match self.draw.below(100) {
            0..6 => Operation::Record,
            6..8 => {
                let quota = 1 + self.draw.below(60);
                Operation::CreateService(service(self.draw.any_service(), quota))
            }
            8..16 => self.service_update(model).await?,
            16..46 => self.creation()?,
            46..90 => self.update(model).await?,
            90..93 => Operation::RetireRoot {
                name: self.draw.any_root()?,
                now: self.draw.now(),
            },
            99 if self.draw.one_in(4) => Operation::PruneAudit(self.anchor(model).await?),
            _ => Operation::AnchorAudit(self.anchor(model).await?),
        })
    }

    fn creation(&mut self) -> Result<Operation, Fault> {
        let mut key = self.draw.young_key()?;
        if self.mistake()
            && let Some(taken) = self.known_id()
        {
            key.id = taken;
        }
        key.service = self.any_service();
        let now = self.draw.now();
        Ok(Operation::CreateKey { key, now })
    }

    pub(super) fn known_id(&mut self) -> Option<KeyId> {
        self.draw.random.choice(&self.keys).copied()
    }

    /// A name that most often is a service's.
    pub(super) fn any_service(&mut self) -> ServiceName {
        let known = self.draw.random.choice(&self.services).cloned();
        let known = known.filter(|_| !self.draw.one_in(20));
        known.unwrap_or_else(|| self.draw.any_service())
    }

    /// An id that most often is a key's.
    pub(super) fn any_id(&mut self) -> KeyId {
        let known = self.known_id().filter(|_| !self.draw.one_in(20));
        known.unwrap_or_else(|| self.draw.id())
    }

    async fn service_update(&mut self, model: &Driver) -> Result<Operation, Fault> {
        let name = self.any_service();
        let all = model.store.load_services().await?.services;
        let standing = all.into_iter().find(|standing| standing.name == name);
        let standing = standing.unwrap_or_else(|| service(name, 1));
        let mut expected = standing.version;
        let mut next = self.draw.other_service(&standing)?;
        next.version = expected + 1 + u64::from(self.draw.below(2));
        if self.mistake() {
            match self.draw.below(3) {
                0 => expected += 1,
                1 => next.version = expected,
                _ => next.created_at = at(99),
            }
        }
        let service = next;
        Ok(Operation::UpdateService { service, expected })
    }

    async fn update(&mut self, model: &Driver) -> Result<Operation, Fault> {
        let id = self.any_id();
        let standing = match model.load(id).await?.key {
            Some(key) => key,
            None => Key {
                id,
                ..self.draw.young_key()?
            },
        };
        let mut expected = standing.version;
        let mut next = self.draw.other_key(&standing)?;
        next.version = expected + 1 + u64::from(self.draw.below(2));
        if self.mistake() {
            match self.draw.below(4) {
                0 => expected += 1,
                1 => next.version = expected,
                2 => next.created_at = at(99),
                _ => next.service = self.any_service(),
            }
        }
        let (key, now) = (next, self.draw.now());
        Ok(Operation::UpdateKey { key, expected, now })
    }

    async fn anchor(&mut self, model: &Driver) -> Result<Anchor, Fault> {
        let head = model.store.audit_head().await?;
        let after = self.draw.random.u64(..=head.sequence);
        let found = model.events(after, 1).await?;
        let mut place = found.first().map_or(head, |event| AuditHead {
            sequence: event.sequence,
            mac: event.mac,
        });
        if self.mistake() {
            match self.draw.below(3) {
                0 => place.mac = [7; 32],
                1 => place.sequence = self.draw.random.u64(..),
                _ => place.sequence = place.sequence.saturating_sub(1),
            }
        }
        Ok(model.anchor(place, self.draw.now()))
    }

    async fn redigests(&mut self, model: &Driver) -> Result<Vec<Redigest>, Fault> {
        let mut batch = Vec::new();
        for _ in 0..1 + self.draw.below(4) {
            let id = self.any_id();
            let key = model.load(id).await?.key;
            let secrets = key.map(|key| key.secrets).unwrap_or_default();
            let mut old = self.draw.digest();
            let mut secret = 1 + self.draw.below(3);
            if let Some(standing) = self.draw.random.choice(&secrets)
                && !self.mistake()
            {
                (secret, old) = (standing.number, standing.digest);
            }
            batch.push(Redigest {
                key: id,
                secret,
                old,
                new: self.draw.digest(),
                root: match self.draw.one_in(10) {
                    true => self.draw.any_root()?,
                    false => self.draw.root_of_secret()?,
                },
            });
        }
        Ok(batch)
    }

    fn batch(&mut self) -> UsageBatch {
        let rows = (0..self.draw.below(6)).map(|_| UsageDelta {
            key: self.any_id(),
            secret: 1 + self.draw.below(4),
            usage: self.draw.usage(),
        });
        let rows = rows.collect();
        let fresh = !self.draw.one_in(5);
        let at = self.draw.now();
        let place = self.draw.random.usize(..self.nodes.len());
        let mut batch = UsageBatch {
            node: NodeId::random(),
            number: 1,
            at,
            rows,
        };
        if let Some((node, number)) = self.nodes.get_mut(place) {
            // The first one is number 1, and then the same may come again.
            *number = (*number + u64::from(fresh)).max(1);
            (batch.node, batch.number) = (*node, *number);
        }
        batch
    }
}
