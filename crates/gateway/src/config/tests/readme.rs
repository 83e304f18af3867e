//! What the README says of the configuration is one.

use super::parse;

/// The blocks of the README that are TOML, but for that of a library's user.
fn blocks() -> Vec<&'static str> {
    let text = include_str!("../../../../../README.md");
    let blocks = text.split("```toml\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split_once("```"));
    let blocks = blocks.map(|(block, _)| block);
    blocks
        .filter(|block| !block.starts_with("[dependencies]"))
        .collect()
}

#[test]
fn the_readme_s_examples_are_one_valid_configuration() {
    let blocks = blocks();
    let config = parse(&blocks.join("\n")).unwrap_or_else(|error| panic!("{error}"));
    let routes = config.routes();
    let names: Vec<&str> = routes.iter().map(|route| &*route.name).collect();
    assert_eq!(blocks.len(), 3, "the service, the routes, and an upstream");
    assert_eq!(names, ["orders", "invoices"]);
    assert_eq!(config.upstreams().len(), 3);
}
