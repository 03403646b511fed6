//! Structured statements as closures.

use skep_btf::BpfType;

use super::core::{Bin, Cmp, Label};
use super::fb::Fb;
use super::operand::{Int, Operand};
use super::value::V;
use super::{Cell, Invariant, dynamic};

/// A loop that encloses the place: what is left or begun again.
#[derive(Clone, Copy)]
pub struct Here<'f> {
    cell: &'f Cell,
    label: Label,
    scope: Invariant<'f>,
}

impl std::fmt::Debug for Here<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.label, f)
    }
}

impl<'f> Here<'f> {
    /// Leaves the loop.
    #[track_caller]
    pub fn break_(self) {
        dynamic!(self.cell, b => b.break_(self.label));
    }

    /// Leaves the loop if the condition is true.
    #[track_caller]
    pub fn break_if(self, cond: V<'f, bool>) {
        dynamic!(self.cell, b => b.break_if(self.label, cond.value));
    }

    /// Goes to the next turn of the loop.
    #[track_caller]
    pub fn continue_(self) {
        dynamic!(self.cell, b => b.continue_(self.label));
    }
}

impl<'f> Fb<'f> {
    /// Does something if the condition is true.
    #[track_caller]
    pub fn if_<A>(&self, cond: V<'f, bool>, then: impl FnOnce(&Fb<'f>) -> A) {
        dynamic!(self.cell, b => b.begin_if(cond.value));
        then(self);
        self.end();
    }

    /// Does one thing if the condition is true, else the other.
    #[track_caller]
    pub fn if_else<A, B>(
        &self,
        cond: V<'f, bool>,
        then: impl FnOnce(&Fb<'f>) -> A,
        other: impl FnOnce(&Fb<'f>) -> B,
    ) {
        dynamic!(self.cell, b => b.begin_if(cond.value));
        then(self);
        dynamic!(self.cell, b => b.begin_else());
        other(self);
        self.end();
    }

    /// One value if the condition is true, else the other; only that one is calculated. `c ? a : b` of C.
    #[track_caller]
    #[must_use]
    pub fn choose<T: BpfType, A: Operand<'f, T>, B: Operand<'f, T>>(
        &self,
        cond: V<'f, bool>,
        then: impl FnOnce(&Fb<'f>) -> A,
        other: impl FnOnce(&Fb<'f>) -> B,
    ) -> V<'f, T> {
        let result = self.uninit::<T>("choice");
        self.if_else(cond, |b| result.set(then(b)), |b| result.set(other(b)));
        result.get()
    }

    /// Does something as long as the condition is true.
    #[track_caller]
    pub fn while_<A>(&self, cond: impl FnOnce(&Fb<'f>) -> V<'f, bool>, body: impl FnOnce(&Fb<'f>) -> A) {
        let label = dynamic!(self.cell, b => b.begin_loop());
        self.while_body(label, cond, body);
    }

    /// Does something as long as the condition is true, until the kernel has had enough (`may_goto`: cpu v4, Linux
    /// 6.9).
    #[track_caller]
    pub fn while_bounded<A>(
        &self,
        cond: impl FnOnce(&Fb<'f>) -> V<'f, bool>,
        body: impl FnOnce(&Fb<'f>) -> A,
    ) {
        let label = dynamic!(self.cell, b => b.begin_bounded_loop());
        self.while_body(label, cond, body);
    }

    #[track_caller]
    fn while_body<A>(
        &self,
        label: Label,
        cond: impl FnOnce(&Fb<'f>) -> V<'f, bool>,
        body: impl FnOnce(&Fb<'f>) -> A,
    ) {
        let cond = cond(self);
        dynamic!(self.cell, b => b.break_unless(label, cond.value));
        body(self);
        self.end();
    }

    /// Does something, and again as long as the condition is true.
    #[track_caller]
    pub fn do_while<A>(&self, body: impl FnOnce(&Fb<'f>) -> A, cond: impl FnOnce(&Fb<'f>) -> V<'f, bool>) {
        let label = dynamic!(self.cell, b => b.begin_loop());
        body(self);
        dynamic!(self.cell, b => b.begin_continue());
        let cond = cond(self);
        dynamic!(self.cell, b => b.break_unless(label, cond.value));
        self.end();
    }

    /// Does something again and again, until it breaks out.
    #[track_caller]
    pub fn loop_<A>(&self, body: impl FnOnce(&Fb<'f>, Here<'f>) -> A) {
        let label = dynamic!(self.cell, b => b.begin_loop());
        body(self, self.label(label));
        self.end();
    }

    /// Does something again and again, until it breaks out, or the kernel has had enough (`may_goto`: cpu v4, Linux
    /// 6.9).
    #[track_caller]
    pub fn loop_bounded<A>(&self, body: impl FnOnce(&Fb<'f>, Here<'f>) -> A) {
        let label = dynamic!(self.cell, b => b.begin_bounded_loop());
        body(self, self.label(label));
        self.end();
    }

    /// Does something for each number from `start` up to, but not including `end`, which is calculated once.
    #[track_caller]
    pub fn for_range<T: Int, A>(
        &self,
        start: impl Operand<'f, T>,
        end: impl Operand<'f, T>,
        body: impl FnOnce(&Fb<'f>, V<'f, T>) -> A,
    ) {
        let (var, at) = dynamic!(self.cell, b => {
            let ty = b.rust_type::<T>();
            let (start, end) = (start.value(&mut b), end.value(&mut b));
            let var = b.var("i", ty);
            b.set(var, start);
            let label = b.begin_loop();
            let at = b.get(var);
            let inside = b.cmp(Cmp::Lt, at, end);
            b.break_unless(label, inside);
            (var, at)
        });
        body(self, V::new(self.cell, at));
        dynamic!(self.cell, b => {
            b.begin_continue();
            if b.is_reachable() {
                let ty = b.rust_type::<T>();
                let (at, one) = (b.get(var), b.int(ty, 1));
                let next = b.bin(Bin::Add, at, one);
                b.set(var, next);
            }
        });
        self.end();
    }

    /// The loop that encloses this place most closely; poison, and a mistake when it is used, outside of all.
    #[must_use]
    pub fn here(&self) -> Here<'f> {
        let label = dynamic!(self.cell, b => b.innermost_loop());
        self.label(label.unwrap_or(Label::POISON))
    }

    /// Leaves the loop that encloses this place most closely.
    #[track_caller]
    pub fn break_(&self) {
        dynamic!(self.cell, b => match b.innermost_loop() {
            Some(label) => b.break_(label),
            None => b.no_loop("break"),
        });
    }

    /// Goes to the next turn of the loop that encloses this place most closely.
    #[track_caller]
    pub fn continue_(&self) {
        dynamic!(self.cell, b => match b.innermost_loop() {
            Some(label) => b.continue_(label),
            None => b.no_loop("continue"),
        });
    }

    /// Chooses by an integer: `b.switch(v).case(1, |b| ..).cases(&[2, 3], |b| ..).default(|b| ..)`.
    #[track_caller]
    pub fn switch<T: Int>(&self, value: V<'f, T>) -> Switch<'_, 'f, T> {
        dynamic!(self.cell, b => b.begin_switch(value.value));
        Switch { b: self, types: std::marker::PhantomData }
    }

    /// Says that this place is never reached.
    #[track_caller]
    pub fn unreachable(&self) {
        dynamic!(self.cell, b => b.unreachable());
    }

    #[track_caller]
    fn end(&self) {
        dynamic!(self.cell, b => b.end());
    }

    fn label(&self, label: Label) -> Here<'f> {
        Here { cell: self.cell, label, scope: Default::default() }
    }
}

/// A choice that is being built. It ends where it is dropped.
#[derive(Debug)]
pub struct Switch<'b, 'f, T> {
    b: &'b Fb<'f>,
    types: std::marker::PhantomData<T>,
}

impl<'f, T: Int> Switch<'_, 'f, T> {
    /// What to do for one number.
    #[track_caller]
    #[must_use = "the choice ends here unless a default follows; call `end`"]
    pub fn case<A>(self, number: T, body: impl FnOnce(&Fb<'f>) -> A) -> Self {
        self.cases(&[number], body)
    }

    /// What to do for some numbers.
    #[track_caller]
    #[must_use = "the choice ends here unless a default follows; call `end`"]
    pub fn cases<A>(self, numbers: &[T], body: impl FnOnce(&Fb<'f>) -> A) -> Self {
        let numbers: Vec<i128> = numbers.iter().map(|&number| number.into()).collect();
        dynamic!(self.b.cell, b => b.begin_case(&numbers));
        body(self.b);
        self
    }

    /// What to do for all other numbers; ends the choice.
    #[track_caller]
    pub fn default<A>(self, body: impl FnOnce(&Fb<'f>) -> A) {
        dynamic!(self.b.cell, b => b.begin_default());
        body(self.b);
    }

    /// Ends the choice: nothing is done for other numbers.
    pub fn end(self) {}
}

impl<T> Drop for Switch<'_, '_, T> {
    fn drop(&mut self) {
        self.b.end();
    }
}
