/// What a store does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::conformance) enum Defect {
    AnchorsUnchecked,
    BatchesRepeated,
    CaseOfAsciiAlone,
    CommitsEndWithTheirCaller,
    DigestsOverwritten,
    DivergenceUnseen,
    EndedSecretsCounted,
    EventsLost,
    EventsUnfiltered,
    EventsFilteredLate,
    ExpiryLate,
    FilterPartIgnored(u32),
    HeadReadLater,
    KindsMixed,
    LastAddressLost,
    LifeByOneClock,
    LifeUnmeasured,
    LimitIgnored,
    MetadataLost,
    OneTagForAll,
    PagesByOffset,
    PagesSkipAKey,
    PagesUnordered,
    PositionsUnchecked,
    PruningKeepsEvents,
    QuotaIgnored,
    RedigestBlind,
    RedigestCounted,
    RefusalsAreFaults,
    RetirementIgnored,
    RetiredRootsGoOn,
    RootsOverwritten,
    RootsReadEarlier,
    RootsRetiredInUse,
    SecretsLost,
    ServiceVersionIgnored,
    ServicesUnmentioned,
    StepsByThemselves,
    StepsHalfUndone,
    StepsUnbounded,
    TotalsOfPresentSecrets,
    UsageOfKeysAlone,
    UseUnordered,
    VersionIgnored,
}

impl Defect {
    /// Those by which one part of a filter is passed over.
    pub(in crate::store::conformance) fn of_filters() -> impl Iterator<Item = Self> {
        (0..super::super::draw::PARTS_OF_A_FILTER).map(Self::FilterPartIgnored)
    }
}
