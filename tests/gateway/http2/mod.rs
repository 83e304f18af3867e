//! HTTP/2 from the outside: by frames where it is malformed or hostile, by a client of its own
//! where it is not.

mod cases;
mod ends;
mod floods;
mod malformed;
mod passed;
