//! Builds the core anew, with shuttle's types where requests meet: see
//! `crates/core/src/sync.rs`.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(shuttle)");
    println!("cargo::rustc-cfg=shuttle");
    println!("cargo::rerun-if-changed=build.rs");
}
