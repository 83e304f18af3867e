/// The file that `portcullis init` writes: every field with its default, as a comment.
pub const TEMPLATE: &str = include_str!("template.toml");
