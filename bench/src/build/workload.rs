//! What every code generator is asked to compile, as calls of its own API.
//!
//! A peer implements [`Unit`] and [`Emit`] over its builder, the way a front end would use it: variables are what it offers for
//! variables that are assigned to (stack slots that its optimizer promotes, locals, ...).

/// A unit of work: becomes one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// So many small functions of four blocks with a loop, with different constants.
    Small(u32),
    /// One function of about so many instructions: arithmetic on four variables, a branch after every twelve.
    Long(u32),
    /// So many updates of a map in one block, each with its own key and value.
    Updates(u32),
}

impl Workload {
    pub(crate) const ALL: [Self; 5] =
        [Self::Small(1), Self::Small(1000), Self::Long(10_000), Self::Long(100_000), Self::Updates(1000)];

    /// A line of the table.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Small(1) => "one small function".into(),
            Self::Small(n) => format!("{n} small functions"),
            Self::Long(n) => format!("one function of {n}"),
            Self::Updates(n) => format!("{n} map updates"),
        }
    }

    /// Whether its functions can run without a map.
    pub(crate) fn runs(self) -> bool {
        !matches!(self, Self::Updates(_))
    }

    /// Describes it to a builder.
    pub(crate) fn write<U: Unit>(self, to: &mut U) {
        match self {
            Self::Small(functions) => (0..functions).for_each(|index| small(to, index)),
            Self::Long(insns) => long(to, insns),
            Self::Updates(count) => updates(to, count),
        }
    }
}

/// The first function that every workload defines; it takes a number and returns one.
pub(crate) const ENTRY: &str = "f0";

/// A two-operand operation on 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Add,
    Sub,
    Mul,
    Xor,
    Or,
    Shl,
    Shr,
}

/// What becomes one object.
pub(crate) trait Unit {
    /// A function being built.
    type Body<'a>: Emit
    where
        Self: 'a;

    /// Begins a visible function that takes one number and returns one; its first block is entered.
    fn begin(&mut self, name: &str) -> Self::Body<'_>;
}

/// What a workload needs of a builder. All numbers are `u64`.
pub(crate) trait Emit {
    type Value: Copy;
    type Var: Copy;
    type Block: Copy;

    /// The source line of what follows.
    fn line(&mut self, line: u32);
    /// The function's argument.
    fn argument(&mut self) -> Self::Value;
    fn number(&mut self, value: u64) -> Self::Value;
    fn binary(&mut self, op: Op, a: Self::Value, b: Self::Value) -> Self::Value;
    fn var(&mut self, name: &str) -> Self::Var;
    fn get(&mut self, var: Self::Var) -> Self::Value;
    fn set(&mut self, var: Self::Var, value: Self::Value);
    fn block(&mut self) -> Self::Block;
    fn enter(&mut self, block: Self::Block);
    fn jump(&mut self, to: Self::Block);
    /// Goes to `yes` if `a` is below `b`.
    fn branch_below(&mut self, a: Self::Value, b: Self::Value, yes: Self::Block, no: Self::Block);
    fn ret(&mut self, value: Self::Value);
    /// `bpf_map_update_elem` of the module's hash map of `u32` to `u64`.
    fn map_update(&mut self, key: u32, value: u64);
    /// The function is complete.
    fn end(self);
}

/// `sum = k; for (i = 0; i < n; i++) sum = sum * (2k + 3) + (i ^ k); return sum`
fn small<U: Unit>(unit: &mut U, index: u32) {
    let k = u64::from(index) + 1;
    let line = index * 8;
    let mut to = unit.begin(&format!("f{index}"));
    let (head, body, exit) = (to.block(), to.block(), to.block());
    to.line(line + 1);
    let (sum, i) = (to.var("sum"), to.var("i"));
    let start = to.number(k);
    to.set(sum, start);
    let zero = to.number(0);
    to.set(i, zero);
    to.jump(head);

    to.enter(head);
    to.line(line + 2);
    let (at, n) = (to.get(i), to.argument());
    to.branch_below(at, n, body, exit);

    to.enter(body);
    to.line(line + 3);
    let (old, factor) = (to.get(sum), to.number(2 * k + 3));
    let product = to.binary(Op::Mul, old, factor);
    let (at, k) = (to.get(i), to.number(k));
    let term = to.binary(Op::Xor, at, k);
    let next = to.binary(Op::Add, product, term);
    to.set(sum, next);
    to.line(line + 4);
    let (at, one) = (to.get(i), to.number(1));
    let next = to.binary(Op::Add, at, one);
    to.set(i, next);
    to.jump(head);

    to.enter(exit);
    to.line(line + 5);
    let result = to.get(sum);
    to.ret(result);
    to.end();
}

/// What [`small`] with index 0 computes.
pub(crate) fn small_result(n: u64) -> u64 {
    (0..n).fold(1, |sum: u64, i| sum.wrapping_mul(5).wrapping_add(i ^ 1))
}

fn long<U: Unit>(unit: &mut U, insns: u32) {
    let mut rng = Rng(7);
    let mut to = unit.begin(ENTRY);
    to.line(1);
    let vars = ["a", "b", "c", "d"].map(|name| to.var(name));
    let argument = to.argument();
    to.set(vars[0], argument);
    for (var, value) in vars.into_iter().zip([3, 5, 7, 11]).skip(1) {
        let value = to.number(value);
        to.set(var, value);
    }
    for at in 0..insns {
        to.line(2 + at);
        // Never the same one twice: `x ^ x` would leave optimizers nothing to compile.
        let index = rng.below(4);
        let (into, from) = (vars[index], vars[(index + 1 + rng.below(3)) % 4]);
        let a = to.get(into);
        if at % 12 == 11 {
            let (then, after) = (to.block(), to.block());
            let limit = to.number(rng.next() >> 34);
            to.branch_below(a, limit, then, after);
            to.enter(then);
            let (old, more) = (to.get(from), to.number(u64::from(at)));
            let new = to.binary(Op::Add, old, more);
            to.set(from, new);
            to.jump(after);
            to.enter(after);
            continue;
        }
        let op =
            [Op::Add, Op::Sub, Op::Xor, Op::Mul, Op::Add, Op::Xor, Op::Or, Op::Shl, Op::Shr][rng.below(9)];
        let b = match op {
            Op::Shl | Op::Shr => to.number(1 + rng.next() % 7),
            Op::Mul | Op::Or => to.number((rng.next() >> 40) | 1),
            _ => to.get(from),
        };
        let new = to.binary(op, a, b);
        to.set(into, new);
    }
    let mut result = to.get(vars[0]);
    for var in &vars[1..] {
        let more = to.get(*var);
        result = to.binary(Op::Xor, result, more);
    }
    to.ret(result);
    to.end();
}

fn updates<U: Unit>(unit: &mut U, count: u32) {
    let mut to = unit.begin(ENTRY);
    for key in 0..count {
        to.line(1 + key);
        to.map_update(key * 7, u64::from(key));
    }
    let zero = to.number(0);
    to.ret(zero);
    to.end();
}

/// xorshift64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits") % n
    }
}
