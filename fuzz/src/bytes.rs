//! Bytes read as choices: what is left when they run out is zero, so every input means something.

pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// One of so many.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(self.number()) % end.max(1)
    }

    /// At most so many bytes.
    pub(crate) fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A text of at most so many bytes; its length comes first.
    pub(crate) fn text(&mut self, most: usize) -> String {
        let length = usize::from(self.byte()).min(most);
        String::from_utf8_lossy(self.take(length)).into_owned()
    }

    /// All that is left, as a text.
    pub(crate) fn rest(&mut self) -> String {
        String::from_utf8_lossy(self.take(usize::MAX)).into_owned()
    }
}
