use crate::audit::Told;
use crate::keyring::RootName;

/// The most roots that signed events, were retired and are gone. A store that
/// names more is not believed.
const MOST: usize = 256;

/// Roots that signed events and that the keyring lacks, and what the trail says
/// of their end.
#[derive(Debug, Default)]
pub(super) struct Gone {
    roots: Vec<GoneRoot>,
    retirements: Vec<RootRetirement>,
}

#[derive(Debug)]
struct GoneRoot {
    name: RootName,
    /// How many of the kept events it signed.
    events: u64,
    /// The last place at which it was met.
    last: u64,
}

/// An event of the trail that says that a root was retired.
#[derive(Debug)]
struct RootRetirement {
    root: RootName,
    sequence: u64,
    signer: RootName,
}

impl Gone {
    pub(super) fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// Meets the anchor or, with one more, the event of a root that is gone.
    pub(super) fn meet(
        &mut self,
        root: &RootName,
        sequence: u64,
        events: u64,
    ) -> Result<(), String> {
        if self.retirements.iter().any(|told| told.root == *root) {
            return Err(format!(
                "event {sequence} was signed under root {root}, which was retired before"
            ));
        }
        if let Some(gone) = self.roots.iter_mut().find(|gone| gone.name == *root) {
            gone.events = gone.events.saturating_add(events);
            gone.last = sequence;
            return Ok(());
        }
        if self.roots.len() == MOST {
            return Err(format!(
                "event {sequence} bears one more root that the keyring lacks"
            ));
        }
        self.roots.push(GoneRoot {
            name: root.clone(),
            events,
            last: sequence,
        });
        Ok(())
    }

    /// Hears that a root was retired.
    pub(super) fn retire(
        &mut self,
        root: RootName,
        sequence: u64,
        signer: &RootName,
    ) -> Result<(), String> {
        self.retirements
            .retain(|told| told.root != root || told.signer != *signer);
        if self.retirements.len() == MOST {
            return Err(format!("event {sequence} retires one more root"));
        }
        self.retirements.push(RootRetirement {
            root,
            sequence,
            signer: signer.clone(),
        });
        Ok(())
    }

    /// Judges at the end of a walk, with what the events up to a place are by
    /// the last that a root of the keyring signed and that tells it.
    pub(super) fn judge(&self, told: Option<&Told>) -> Result<(), String> {
        let beyond = |gone: &&GoneRoot| told.is_some_and(|told| gone.last > told.through);
        if let Some(GoneRoot { name, last, .. }) = self.roots.iter().find(beyond) {
            return Err(format!(
                "event {last} was signed under root {name}, which the keyring lacks, and no event \
                 follows that tells what it was"
            ));
        }
        let ended = self.ended();
        match self.roots.iter().find(|gone| !ended.contains(&&gone.name)) {
            Some(GoneRoot { name, .. }) => Err(format!(
                "events were signed under root {name}, which the keyring lacks, and none that can \
                 be verified says that it was retired"
            )),
            None => Ok(()),
        }
    }

    /// How many events no proof covers: of the roots that `told` names, or all
    /// of them where nothing was told.
    pub(super) fn unproven(&self, told: Option<&Told>) -> u64 {
        self.unproven_roots(told).map(|gone| gone.events).sum()
    }

    /// How many events there are of roots that are gone.
    pub(super) fn events(&self) -> u64 {
        self.roots.iter().map(|gone| gone.events).sum()
    }

    /// The roots whose events no proof covers.
    pub(super) fn unproven_names(&self, told: Option<&Told>) -> Vec<RootName> {
        let roots = self.unproven_roots(told);
        roots.map(|gone| gone.name.clone()).collect()
    }

    fn unproven_roots(&self, told: Option<&Told>) -> impl Iterator<Item = &GoneRoot> {
        let unproven =
            move |gone: &&GoneRoot| told.is_none_or(|told| told.unproven.contains(&gone.name));
        self.roots.iter().filter(unproven)
    }

    /// The roots whose retirement is believed. From the last event on, so that
    /// no root that is gone speaks for itself: it is heard once a later event
    /// says that it was retired in its turn.
    fn ended(&self) -> Vec<&RootName> {
        let mut told: Vec<&RootRetirement> = self.retirements.iter().collect();
        told.sort_unstable_by_key(|told| std::cmp::Reverse(told.sequence));
        let mut ended = Vec::new();
        for RootRetirement { root, signer, .. } in told {
            let is_gone = self.roots.iter().any(|gone| gone.name == *signer);
            if !is_gone || ended.contains(&signer) {
                ended.push(root);
            }
        }
        ended
    }
}
