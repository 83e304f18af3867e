//! Requests with hand-made lifelines, over a manager whose clock stands still.

mod answers;
mod ends;
mod fixture;
mod stopped;
mod time;
mod uploads;
mod whole;

use fixture::{Served, World};
