use portcullis_core::store::{PagePosition, StoreErrorKind};

use crate::sqlite::error::Failure;

/// A place in a walk: the next entry to look at is the first at or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Which stretch of the plan.
    pub(super) stretch: u8,
    /// What the stretch is ordered by.
    pub(super) value: i64,
    /// The row's number.
    pub(super) number: i64,
}

/// What a walk is ordered by: the first byte of its positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Creation = 1,
    LastUse = 2,
    Expiry = 3,
}

impl Place {
    /// The place behind this entry.
    pub(super) fn after(self) -> Self {
        let number = self.number.saturating_add(1);
        Self { number, ..self }
    }

    /// The place as a position: the order and the stretch, a byte each, value
    /// and number, eight bytes each.
    pub(super) fn write(self, order: Order) -> Option<PagePosition> {
        let mut bytes = vec![order as u8, self.stretch];
        bytes.extend_from_slice(&self.value.to_be_bytes());
        bytes.extend_from_slice(&self.number.to_be_bytes());
        PagePosition::new(&bytes).ok()
    }

    /// Reads a position of a walk in this order, of so many stretches.
    pub(super) fn read(
        position: &PagePosition,
        order: Order,
        stretches: usize,
    ) -> Result<Self, Failure> {
        let foreign = || {
            let message = "the position is not one of this store for this filter";
            Failure::new(StoreErrorKind::Invalid, message)
        };
        let bytes = <[u8; 18]>::try_from(position.as_bytes()).map_err(|_| foreign())?;
        let [of, stretch, numbers @ ..] = bytes;
        let (value, number) = numbers.split_first_chunk::<8>().ok_or_else(foreign)?;
        let place = Self {
            stretch,
            value: i64::from_be_bytes(*value),
            number: i64::from_be_bytes(number.try_into().map_err(|_| foreign())?),
        };
        let ours = of == order as u8 && usize::from(stretch) < stretches;
        if ours && place.number >= 0 {
            Ok(place)
        } else {
            Err(foreign())
        }
    }
}
