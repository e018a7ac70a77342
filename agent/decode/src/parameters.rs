//! Bound parameters of a statement, without an allocation per value.

/// Values of `$1`, `$2`, … or `?` in order. Holds raw values for the length of one record: never printed, never kept.
#[derive(Default)]
pub struct Parameters {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Parameters {
    /// No parameters.
    #[must_use]
    pub fn new() -> Parameters {
        Parameters::default()
    }

    /// Forgets all values; keeps the memory, up to 64 KiB of it.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        if self.bytes.capacity() > 64 << 10 {
            self.bytes.shrink_to(4 << 10);
        }
    }

    /// Appends the next value, unescaped. NULL is an empty value.
    pub fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len());
    }

    /// The value of `$number` (from 1).
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&[u8]> {
        let index = number.checked_sub(1)?;
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        self.bytes.get(start..end)
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}
