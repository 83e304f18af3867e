//! An upstream at several addresses of which one dies, freezes and comes back, under load.

mod load;
mod mortal;
mod shows;
