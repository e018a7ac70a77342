//! Where in a file something was found, in numbers: names of members may be personal data.

use std::fmt;

use crate::Format;

/// The way to what was found: number by number, each with the format it counts in.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Place {
    steps: Vec<(Format, u32)>,
    format: Format,
}

impl Place {
    /// The format of what was found.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// The formats around it with the number of the member in each, the outermost first.
    #[must_use]
    pub fn steps(&self) -> &[(Format, u32)] {
        &self.steps
    }

    pub(crate) fn set(&mut self, format: Format) {
        self.format = format;
    }

    pub(crate) fn enter(&mut self, number: u32) {
        self.steps.push((self.format, number));
        self.format = Format::Unknown;
    }

    pub(crate) fn leave(&mut self) {
        if let Some((format, _)) = self.steps.pop() {
            self.format = format;
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (format, number) in &self.steps {
            write!(f, "{} {number} > ", format.name())?;
        }
        f.write_str(self.format.name())
    }
}
