//! Integers: what is computed from what there is.

use skep_codegen::ir::{Asm, BinOp, CastOp, Cond, Op, Order, Type, UnOp, Value, Values};

use super::{Profile, Writer, int_type};

impl Writer<'_> {
    /// A constant.
    pub(super) fn constant(&mut self, ty: Type, value: i64) -> Value {
        self.push(Op::Const(ty.canonical(value)), Some(ty))
    }

    /// Some integer of this type: one that is there, another converted, or a constant.
    pub(super) fn int(&mut self, ty: Type) -> Value {
        let fitting: Vec<Value> =
            self.ints.iter().copied().filter(|&value| self.func.ty(value) == ty).collect();
        match self.random.below(8) {
            0 => self.some_constant(ty),
            1 | 2 if !self.ints.is_empty() => self.converted(ty),
            _ if !fitting.is_empty() => {
                // Recent ones more often: long chains.
                let recent = fitting.len().saturating_sub(6);
                let from = if self.random.once_in(3) { 0 } else { recent };
                fitting[from + self.random.below(fitting.len() - from)]
            }
            _ if !self.ints.is_empty() => self.converted(ty),
            _ => self.some_constant(ty),
        }
    }

    fn some_constant(&mut self, ty: Type) -> Value {
        let value = self.random.value().cast_signed();
        let value = if self.random.once_in(3) { value } else { value % 100 };
        self.constant(ty, value)
    }

    fn converted(&mut self, ty: Type) -> Value {
        let value = self.ints[self.random.below(self.ints.len())];
        self.as_type(value, ty)
    }

    /// An integer as one of another width.
    pub(super) fn as_type(&mut self, value: Value, ty: Type) -> Value {
        let from = self.func.ty(value);
        let op = match from.bits().cmp(&ty.bits()) {
            std::cmp::Ordering::Equal => return value,
            std::cmp::Ordering::Greater => CastOp::Trunc,
            std::cmp::Ordering::Less => self.random.pick(&[CastOp::Zext, CastOp::Zext, CastOp::Sext]),
        };
        self.push(Op::Cast(op, value), Some(ty))
    }

    /// Makes an integer.
    pub(super) fn compute(&mut self) {
        let ty = int_type(self.random);
        let value = match self.random.below(20) {
            0..11 => self.binary(ty),
            11..13 => self.unary(ty),
            13 => self.converted_twice(ty),
            14 | 15 => self.compare_value(),
            16 | 17 => {
                let c = self.int(Type::I1);
                let (a, b) = (self.int(ty), self.int(ty));
                self.push(Op::Select(c, a, b), Some(ty))
            }
            18 => self.some_constant(ty),
            _ => {
                let value = self.int(ty);
                self.push(Op::Pin(value), Some(ty))
            }
        };
        self.ints.push(value);
    }

    fn binary(&mut self, ty: Type) -> Value {
        let op = match self.random.below(3) {
            0 => self.random.pick(BinOp::ALL),
            1 => self.random.pick(&[BinOp::Add, BinOp::Sub, BinOp::Xor, BinOp::And, BinOp::Or]),
            _ => self.random.pick(&[BinOp::Add, BinOp::Mul, BinOp::Shl, BinOp::Lshr, BinOp::Ashr]),
        };
        let a = self.int(ty);
        let b = match (op, self.random.below(3)) {
            // Small counts, and constants, as people write them.
            (BinOp::Shl | BinOp::Lshr | BinOp::Ashr, 0 | 1) => {
                let count = i64::try_from(self.random.below(usize::from(ty.bits()))).expect("small");
                self.constant(ty, count)
            }
            (_, 0) => self.some_constant(ty),
            _ => self.int(ty),
        };
        self.push(Op::Bin(op, a, b), Some(ty))
    }

    fn unary(&mut self, ty: Type) -> Value {
        let op = self.random.pick(UnOp::ALL);
        let ty = match op {
            UnOp::Bswap => self.random.pick(&[Type::I16, Type::I32, Type::I64]),
            _ => ty,
        };
        let a = self.int(ty);
        self.push(Op::Un(op, a), Some(ty))
    }

    /// There and back again.
    fn converted_twice(&mut self, ty: Type) -> Value {
        let between = int_type(self.random);
        let value = self.int(ty);
        let value = self.as_type(value, between);
        self.as_type(value, ty)
    }

    fn compare_value(&mut self) -> Value {
        let (cond, a, b) = self.condition();
        self.push(Op::Cmp(cond, a, b), Some(Type::I1))
    }

    /// Something to branch on.
    pub(super) fn condition(&mut self) -> (Cond, Value, Value) {
        if self.random.once_in(10)
            && let Some(question) = self.pointer_condition()
        {
            return question;
        }
        let ty = if self.random.once_in(8) { Type::I1 } else { int_type(self.random) };
        let cond = self.random.pick(Cond::ALL);
        let a = self.int(ty);
        let b = match self.random.below(3) {
            0 => self.some_constant(ty),
            1 => self.constant(ty, 0),
            _ => self.int(ty),
        };
        (cond, a, b)
    }

    /// Pointers are compared with null; and with others of their region, where no verifier minds.
    fn pointer_condition(&mut self) -> Option<(Cond, Value, Value)> {
        let a = self.pointer(0, false)?;
        let same: Vec<Value> =
            self.pointers.iter().filter(|b| b.region == a.region).map(|b| b.value).collect();
        match self.profile {
            Profile::User if self.random.once_in(2) => {
                let cond = self.random.pick(&Cond::ALL[..10]);
                Some((cond, a.value, self.random.pick(&same)))
            }
            _ => {
                let null = self.push(Op::Const(0), Some(Type::PTR));
                Some((self.random.pick(&[Cond::Eq, Cond::Ne]), a.value, null))
            }
        }
    }

    /// What is neither computed nor an access: markers, fences, assembly.
    pub(super) fn aside(&mut self) {
        match self.random.below(4) {
            0 => {
                let name = format!("here_{}_{}", self.func.symbol.0, self.func.nodes.len());
                let room = self.random.pick(&[0, 0, 1, 3]);
                self.push(Op::Marker { name: name.into(), room }, None);
            }
            1 => {
                let order =
                    self.random.pick(&[Order::Relaxed, Order::Acquire, Order::Release, Order::SeqCst]);
                self.push(Op::Fence(order), None);
            }
            _ => self.assembly(),
        }
    }

    fn assembly(&mut self) {
        let pieces: &[(&str, usize, bool, u16)] = &[
            ("%0 += %2", 2, true, 0),
            ("%0 ^= 0x55", 1, true, 0),
            ("w0 = 5\nw1 = 6\n%0 += 1", 1, true, 0b11),
            ("if %0 s> %2 goto +1\n%0 = %2", 2, true, 0),
            ("%0 = 7", 0, false, 0),
            ("%0 = %1", 1, false, 0),
            ("r3 = %0\nr3 += r3", 1, false, 0b1000),
        ];
        let (text, inputs, tied, clobbers) = self.random.pick(pieces);
        // The last one has no result: %0 is its input.
        let result = !text.starts_with("r3");
        let inputs: Values = (0..inputs).map(|_| self.int(Type::I64)).collect();
        let volatile = !result || self.random.once_in(2);
        let asm = Asm { text: text.into(), inputs, tied, clobbers, memory: false, volatile };
        let value = self.push(Op::Asm(Box::new(asm)), result.then_some(Type::I64));
        if result {
            self.ints.push(value);
        }
    }
}
