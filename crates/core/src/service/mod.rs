//! The API that keys are issued for.

mod name;
mod record;

pub use name::ServiceName;
pub use record::{Retirement, Service};
