use std::fmt;

/// The longest name that an error repeats: shorter than any token.
const NAME_SHOWN: usize = 40;

/// Where in a JSON text a reader is: as a JSON pointer (RFC 6901) has it, with
/// `?` for a name that may be a secret or misleading.
#[derive(Debug, Default)]
pub(super) struct Path(Vec<Step>);

#[derive(Debug)]
enum Step {
    Name(String),
    Item(usize),
}

impl Path {
    pub(super) fn enter_member(&mut self, name: &str) {
        let plain =
            |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
        let shown = !name.is_empty() && name.len() <= NAME_SHOWN && name.chars().all(plain);
        self.0
            .push(Step::Name(if shown { name } else { "?" }.to_owned()));
    }

    pub(super) fn enter_item(&mut self, at: usize) {
        self.0.push(Step::Item(at));
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the top");
        }
        self.0.iter().try_for_each(|step| match step {
            Step::Name(name) => write!(f, "/{name}"),
            Step::Item(at) => write!(f, "/{at}"),
        })
    }
}
