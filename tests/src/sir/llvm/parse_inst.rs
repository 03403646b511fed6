//! From text to [`syntax`](super::syntax): instructions.

use super::lex::Token;
use super::parse::Parser;
use super::syntax::{Block, Call, Callee, Func, Inst, Kind, Memory, Ty, Typed, Val};
use super::{Fault, Res};

impl<'a> Parser<'a> {
    /// The blocks of a function, up to its `}`.
    pub(super) fn blocks(&mut self, func: &Func<'a>) -> Res<Vec<Block<'a>>> {
        let mut blocks: Vec<Block<'a>> = Vec::new();
        loop {
            match self.peek() {
                Token::Punct('}') => {
                    self.next();
                    return Ok(blocks);
                }
                Token::Label(label) => {
                    self.next();
                    blocks.push(Block { label, insts: Vec::new() });
                }
                _ if blocks.is_empty() => {
                    // Unnamed parameters and blocks are counted together.
                    let unnamed = |name: &str| name.starts_with(|char: char| char.is_ascii_digit());
                    let count = func.params.iter().filter(|(_, name)| unnamed(name)).count();
                    blocks.push(Block { label: small_number(count), insts: Vec::new() });
                }
                _ => {}
            }
            if matches!(self.peek(), Token::Label(_) | Token::Punct('}')) {
                continue;
            }
            let inst = self.inst()?;
            if let (Some(inst), Some(block)) = (inst, blocks.last_mut()) {
                block.insts.push(inst);
            }
        }
    }

    /// An instruction; `None` for a record of debug information that says nothing here.
    fn inst(&mut self) -> Res<Option<Inst<'a>>> {
        let at = self.at();
        if let Token::Hash(record) = self.peek() {
            self.next();
            return self.record(at, record);
        }
        let mut dest = None;
        if let Token::Local(name) = self.peek() {
            self.next();
            self.punct('=')?;
            dest = Some(name);
        }
        let start = self.at();
        let Token::Word(word) = self.next() else { return self.expected("an instruction") };
        let kind = self.kind(start, word)?;
        let mut inst = Inst { at, dest, kind, dbg: None, access: None };
        loop {
            let comma = self.at();
            if !self.eat(',') {
                break;
            }
            let Token::Meta(name) = self.peek() else {
                self.rewind(comma);
                return self.expected("metadata or the next instruction");
            };
            self.next();
            let node = self.node()?;
            match name {
                "dbg" => inst.dbg = node,
                "llvm.preserve.access.index" => inst.access = node,
                _ => {}
            }
        }
        Ok(Some(inst))
    }

    /// `#dbg_declare(ptr %3, !38, !DIExpression(), !46)`
    fn record(&mut self, at: usize, record: &str) -> Res<Option<Inst<'a>>> {
        let start = self.at();
        if record == "dbg_declare" {
            self.punct('(')?;
            if self.eat_word("ptr")
                && let Token::Local(name) = self.peek()
            {
                self.next();
                self.punct(',')?;
                if let Some(node) = self.node()? {
                    self.rewind(start);
                    self.skip_parens()?;
                    let kind = Kind::Declare(name, node);
                    return Ok(Some(Inst { at, dest: None, kind, dbg: None, access: None }));
                }
            }
            self.rewind(start);
        }
        self.skip_parens()?;
        Ok(None)
    }

    fn kind(&mut self, at: usize, word: &'a str) -> Res<Kind<'a>> {
        match word {
            "alloca" => self.alloca(),
            "load" => {
                let mut memory = self.memory();
                let ty = self.ty()?;
                self.punct(',')?;
                let ptr = self.typed()?;
                self.order_and_align(&mut memory)?;
                Ok(Kind::Load { ty, ptr, memory })
            }
            "store" => {
                let mut memory = self.memory();
                let value = self.typed()?;
                self.punct(',')?;
                let ptr = self.typed()?;
                self.order_and_align(&mut memory)?;
                Ok(Kind::Store { value, ptr, memory })
            }
            "getelementptr" => {
                self.gep_flags()?;
                Ok(Kind::Gep(self.gep()?))
            }
            "add" | "sub" | "mul" | "udiv" | "sdiv" | "urem" | "srem" | "shl" | "lshr" | "ashr" | "and"
            | "or" | "xor" => {
                while let Token::Word("nuw" | "nsw" | "exact" | "disjoint") = self.peek() {
                    self.next();
                }
                let ty = self.ty()?;
                let a = self.val()?;
                self.punct(',')?;
                let b = self.val()?;
                Ok(Kind::Bin { op: word, ty, a, b })
            }
            "icmp" => {
                self.eat_word("samesign");
                let Token::Word(cond) = self.next() else { return self.expected("a condition") };
                let ty = self.ty()?;
                let a = self.val()?;
                self.punct(',')?;
                let b = self.val()?;
                Ok(Kind::Icmp { cond, ty, a, b })
            }
            "trunc" | "zext" | "sext" | "ptrtoint" | "inttoptr" | "bitcast" | "addrspacecast" => {
                while let Token::Word("nuw" | "nsw" | "nneg") = self.peek() {
                    self.next();
                }
                let from = self.typed()?;
                self.word("to")?;
                let to = self.ty()?;
                Ok(Kind::Cast { op: word, from, to })
            }
            "phi" => self.phi(),
            "select" => {
                let cond = self.typed()?;
                self.punct(',')?;
                let a = self.typed()?;
                self.punct(',')?;
                let b = self.typed()?;
                Ok(Kind::Select { cond, a, b })
            }
            "call" => Ok(Kind::Call(Box::new(self.call()?))),
            "tail" | "musttail" | "notail" => {
                self.word("call")?;
                Ok(Kind::Call(Box::new(self.call()?)))
            }
            "callbr" => {
                let call = Box::new(self.call()?);
                self.word("to")?;
                let normal = self.label()?;
                Ok(Kind::CallBranch { call, normal, others: self.labels()? })
            }
            "atomicrmw" => {
                let mut memory = self.memory();
                let Token::Word(op) = self.next() else { return self.expected("an operation") };
                let ptr = self.typed()?;
                self.punct(',')?;
                let value = self.typed()?;
                self.order_and_align(&mut memory)?;
                Ok(Kind::Rmw { op, ptr, value, memory })
            }
            "cmpxchg" => {
                self.eat_word("weak");
                let mut memory = self.memory();
                let ptr = self.typed()?;
                self.punct(',')?;
                let expected = self.typed()?;
                self.punct(',')?;
                let new = self.typed()?;
                self.order_and_align(&mut memory)?;
                Ok(Kind::CmpXchg { ptr, expected, new, memory })
            }
            "fence" => {
                let mut memory = Memory::default();
                self.order_and_align(&mut memory)?;
                match memory.order {
                    // For signal handlers on the same thread, which see memory as the program does.
                    Some("singlethread") | None => Ok(Kind::Fence("plain")),
                    Some(order) => Ok(Kind::Fence(order)),
                }
            }
            "extractvalue" => {
                let from = self.typed()?;
                Ok(Kind::Extract { from, path: self.path()? })
            }
            "insertvalue" => {
                let into = self.typed()?;
                self.punct(',')?;
                let value = self.typed()?;
                Ok(Kind::Insert { into, value, path: self.path()? })
            }
            "freeze" => Ok(Kind::Freeze(self.typed()?)),
            "br" => {
                if let Token::Word("label") = self.peek() {
                    return Ok(Kind::Jump(self.label()?));
                }
                let cond = self.typed()?;
                self.punct(',')?;
                let then = self.label()?;
                self.punct(',')?;
                Ok(Kind::Branch(cond.val, then, self.label()?))
            }
            "switch" => {
                let value = self.typed()?;
                self.punct(',')?;
                let default = self.label()?;
                self.punct('[')?;
                let mut cases = Vec::new();
                while !self.eat(']') {
                    self.ty()?;
                    let Val::Int(case) = self.val()? else { return self.expected("a number") };
                    self.punct(',')?;
                    cases.push((case, self.label()?));
                }
                Ok(Kind::Switch { value, default, cases })
            }
            "indirectbr" => {
                let target = self.typed()?;
                self.punct(',')?;
                Ok(Kind::IndirectJump(target, self.labels()?))
            }
            "ret" => {
                if self.eat_word("void") {
                    return Ok(Kind::Return(None));
                }
                Ok(Kind::Return(Some(self.typed()?)))
            }
            "unreachable" => Ok(Kind::Unreachable),
            _ => Err(Fault { at, message: format!("instruction '{word}' is not supported") }),
        }
    }

    fn alloca(&mut self) -> Res<Kind<'a>> {
        self.eat_word("inalloca");
        let ty = self.ty()?;
        let (mut count, mut align) = (None, 0);
        loop {
            let comma = self.at();
            if !self.eat(',') {
                break;
            }
            if self.eat_word("align") {
                align = self.number()?;
            } else if self.eat_word("addrspace") {
                self.skip_parens()?;
            } else if self.is_type() {
                count = Some(self.typed()?);
            } else {
                self.rewind(comma);
                break;
            }
        }
        Ok(Kind::Alloca { ty, count, align })
    }

    fn phi(&mut self) -> Res<Kind<'a>> {
        let ty = self.ty()?;
        let mut from = Vec::new();
        loop {
            self.punct('[')?;
            let val = self.val()?;
            self.punct(',')?;
            from.push((val, self.local()?));
            self.punct(']')?;
            let comma = self.at();
            if !self.eat(',') {
                break;
            }
            if self.peek() != Token::Punct('[') {
                self.rewind(comma);
                break;
            }
        }
        Ok(Kind::Phi { ty, from })
    }

    /// `atomic volatile`
    fn memory(&mut self) -> Memory<'a> {
        self.eat_word("atomic");
        Memory { volatile: self.eat_word("volatile"), ..Memory::default() }
    }

    /// `syncscope("..") seq_cst monotonic, align 8`
    fn order_and_align(&mut self, memory: &mut Memory<'a>) -> Res<()> {
        loop {
            match self.peek() {
                Token::Word("syncscope") => {
                    self.next();
                    self.punct('(')?;
                    let scope = self.string()?;
                    self.punct(')')?;
                    if scope == "singlethread" {
                        memory.order = Some("singlethread");
                    }
                }
                Token::Word(
                    order @ ("unordered" | "monotonic" | "acquire" | "release" | "acq_rel" | "seq_cst"),
                ) => {
                    self.next();
                    memory.order.get_or_insert(order);
                }
                Token::Punct(',') => {
                    let comma = self.at();
                    self.next();
                    if !self.eat_word("align") {
                        self.rewind(comma);
                        return Ok(());
                    }
                    memory.align = self.number()?;
                }
                _ => return Ok(()),
            }
        }
    }

    fn path(&mut self) -> Res<Vec<u32>> {
        let mut path = Vec::new();
        loop {
            let comma = self.at();
            if !self.eat(',') {
                return Ok(path);
            }
            if !matches!(self.peek(), Token::Number(_)) {
                self.rewind(comma);
                return Ok(path);
            }
            path.push(self.number()?);
        }
    }

    fn label(&mut self) -> Res<&'a str> {
        self.word("label")?;
        self.local()
    }

    /// `[label %a, label %b]`
    fn labels(&mut self) -> Res<Vec<&'a str>> {
        self.punct('[')?;
        let mut labels = Vec::new();
        while !self.eat(']') {
            labels.push(self.label()?);
            self.eat(',');
        }
        Ok(labels)
    }

    /// What follows the word `call`.
    fn call(&mut self) -> Res<Call<'a>> {
        self.attributes(false)?;
        let ret = self.ty()?;
        if self.peek() == Token::Punct('(') {
            // The whole type of a variadic function.
            self.skip_parens()?;
        }
        let callee = if self.eat_word("asm") {
            let mut effects = false;
            while let Token::Word(word) = self.peek() {
                self.next();
                effects |= word == "sideeffect";
            }
            let text = self.string()?;
            self.punct(',')?;
            Callee::Asm { text, constraints: self.string()?, effects }
        } else {
            Callee::Value(self.val()?)
        };
        self.punct('(')?;
        let (mut args, mut attrs) = (Vec::new(), Vec::new());
        while !self.eat(')') {
            let ty = self.ty()?;
            let metadata = ty == Ty::Other("metadata");
            let attr = self.attributes(true)?;
            let val = if metadata && self.is_type() { self.typed()?.val } else { self.val()? };
            args.push(Typed { ty, val });
            attrs.push(attr);
            if !self.eat(',') && self.peek() != Token::Punct(')') {
                return self.expected("',' or ')'");
            }
        }
        loop {
            match self.peek() {
                Token::Hash(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                    self.next();
                }
                Token::Word("nounwind" | "noreturn" | "memory" | "nomerge") => {
                    self.next();
                    if self.peek() == Token::Punct('(') {
                        self.skip_parens()?;
                    }
                }
                Token::Punct('[') => {
                    let at = self.at();
                    self.next();
                    // `[label %x]` belongs to a `callbr`; operand bundles are strings.
                    let bundle = matches!(self.peek(), Token::Str(_));
                    self.rewind(at);
                    if !bundle {
                        break;
                    }
                    self.skip_parens()?;
                }
                _ => break,
            }
        }
        Ok(Call { ret, callee, args, attrs })
    }
}

/// The label of an entry block: functions have few parameters.
fn small_number(number: usize) -> &'static str {
    const NUMBERS: [&str; 17] =
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"];
    NUMBERS.get(number).copied().unwrap_or("entry")
}
