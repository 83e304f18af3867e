//! What an upstream is, as plain data: two that are equal behave the same.

mod balance;
mod ejection;
mod endpoint;
mod health;
mod percent;
mod protocol;
mod retry;
mod upstream;

pub use balance::Balance;
pub use ejection::EjectionConfig;
pub use endpoint::EndpointConfig;
pub use health::{HealthConfig, StatusRange};
pub use percent::Percent;
pub use protocol::Protocol;
pub use retry::RetryConfig;
pub use upstream::UpstreamConfig;
