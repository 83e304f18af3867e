//! What is done to a trail, and what a walk finds of it.

mod altered;
mod gone;
mod pruned;
mod stored;
mod trail;

use trail::{
    EMPTY, Trail, draft, encode, faulty, keyring, name, place, pruning, retirement, whole,
};
