//! A small world for the tests of this crate: real keys, a clock that stands
//! still, a store that fails when it is told to.

mod world;

pub(crate) use world::{BILLING, Bytes, ORDERS, World, new_key, request, retyped};
