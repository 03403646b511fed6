//! What the compiler is asked to check.

use std::fmt::Write as _;

/// Collects assertions about a type while its members are written.
#[derive(Debug, Default)]
pub(super) struct Asserts {
    /// What the type is called; empty while none is collected.
    ty: String,
    /// The members on the way to those that are written, each with a dot.
    path: String,
    /// Where what is written starts in the type, in bytes.
    start: u64,
    text: String,
    is_on: bool,
}

/// A place in a type, to come back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    path: usize,
    start: u64,
    is_on: bool,
}

impl Asserts {
    pub(super) fn begin(&mut self, ty: String) {
        *self = Asserts { ty, is_on: true, text: std::mem::take(&mut self.text), ..Asserts::default() };
        self.text.clear();
    }

    /// A member has been written, that many bytes from where what is written starts.
    pub(super) fn member(&mut self, name: &str, offset: u64) {
        if self.is_on {
            let (ty, path, at) = (&self.ty, &self.path, self.start + offset);
            // A string takes it.
            let _ = writeln!(
                self.text,
                "_Static_assert(__builtin_offsetof({ty}, {path}{name}) == {at}, \"{ty}: {path}{name}\");"
            );
        }
    }

    /// The members of a member follow; it has a name or is anonymous.
    pub(super) fn enter(&mut self, name: &str, offset: u64) -> Place {
        let place = self.place();
        if self.is_on {
            self.path.push_str(name);
            if !name.is_empty() {
                self.path.push('.');
            }
            self.start += offset;
        }
        place
    }

    /// What follows has no place in the type.
    pub(super) fn mute(&mut self) -> Place {
        let place = self.place();
        self.is_on = false;
        place
    }

    pub(super) fn leave(&mut self, place: Place) {
        self.path.truncate(place.path);
        (self.start, self.is_on) = (place.start, place.is_on);
    }

    fn place(&self) -> Place {
        Place { path: self.path.len(), start: self.start, is_on: self.is_on }
    }

    /// All that was collected.
    pub(super) fn end(&mut self, size: u64, to: &mut String) {
        let ty = &self.ty;
        let _ = writeln!(to, "_Static_assert(sizeof({ty}) == {size}, \"sizeof {ty}\");");
        to.push_str(&self.text);
        to.push('\n');
        self.is_on = false;
    }
}
