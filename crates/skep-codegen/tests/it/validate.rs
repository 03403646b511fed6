//! What the validator says of functions that no text can say.

use skep_codegen::ir::{
    BinOp, Block, Callee, Edge, Func, Loc, Module, Op, Slot, SymbolId, SymbolKind, Term, Type, Value, text,
    validate,
};

const SOURCE: &str = "\
module \"made.c\"

fn @f(i64) -> i64 !1 {
b0(v0: i64 !1):
  v1 = add i64 v0, v0 !2
  jump b1(v1) !3
b1(v2: i64 !4):
  ret v2 !4
}

fn @g() !5 {
b0:
  ret !5
}
";

/// Changes the function `f`, and compares the first fault.
fn check(change: impl FnOnce(&mut Func), expected: &str) {
    check_module(|module| change(&mut module.funcs[0]), expected);
}

fn check_module(change: impl FnOnce(&mut Module), expected: &str) {
    let mut module = text::parse("made.sir", SOURCE).unwrap();
    validate::module(&module).unwrap();
    change(&mut module);
    let diags = validate::module(&module).expect_err(expected);
    assert_eq!(diags.0[0].to_string(), expected);
    // Whatever is wrong can be shown.
    assert!(!text::print(&module).is_empty());
}

#[test]
fn places() {
    let at = "SK012 f at made.c";
    check(|f| f.blocks.clear(), &format!("{at}:1: it has no blocks, expected at least one"));
    check(
        |f| f.blocks[1].insts.push(Value(1)),
        &format!("{at}:2: b1: v1 = add i64 v0, v0: it stands in b0 as well"),
    );
    check(|f| f.blocks[1].insts.push(Value(9)), "SK012 f: b1: value 9 does not exist");
    check(|f| f.blocks[1].params.push(Value(9)), "SK012 f: b1: value 9 does not exist");
    check(
        |f| f.blocks[0].insts.clear(),
        &format!("{at}:3: b0: jump b1(v?1): operand v?1 stands in no block"),
    );
    check(
        |f| f.blocks[0].insts.push(Value(2)),
        &format!("{at}:4: b0: v2 = param i64: a parameter stands among the instructions"),
    );
    check(
        |f| f.blocks[1].params[0] = Value(1),
        &format!("{at}:2: b1: parameter v1: it stands in b0 as well"),
    );
    check(
        |f| f.nodes[2].op = Op::Const(3),
        &format!("{at}:4: b1: parameter i64 3: an instruction stands among the parameters"),
    );
    check(
        |f| f.nodes[1].op = Op::Param,
        &format!("{at}:2: b0: v1 = param i64: a parameter stands among the instructions"),
    );
    check(|f| f.nodes[2].ty = None, &format!("{at}:4: b1: parameter v?2: it has no type"));
    check(
        |f| f.blocks[1].term = Term::Jump(Edge::to(Block(7))),
        &format!("{at}:4: b1: jump b7: b7 does not exist"),
    );
}

#[test]
fn operands_and_types() {
    let at = "SK012 f at made.c:2: b0";
    let op = |op: Op, ty: Option<Type>| move |f: &mut Func| (f.nodes[1].op, f.nodes[1].ty) = (op, ty);
    let sum = |a, b| Op::Bin(BinOp::Add, Value(a), Value(b));
    check(
        op(sum(0, 77), Some(Type::I64)),
        &format!("{at}: v1 = add i64 v0, v?77: operand v?77 is no value, expected i64"),
    );
    check(op(sum(0, 0), None), &format!("{at}: add ? v0, v0: it makes a value, but has no type"));
    let (zero, wide) = (Type::Int(0), Type::Int(65));
    check(
        op(sum(0, 0), Some(wide)),
        &format!("{at}: v1 = add i65 v0, v0: there is no type i65, expected i1 to i64 or ptr"),
    );
    check(
        op(Op::Const(0), Some(zero)),
        &format!("{at}: const i0 0: there is no type i0, expected i1 to i64 or ptr"),
    );
    check(
        op(Op::Const(128), Some(Type::I8)),
        &format!("{at}: const i8 128: 128 is not kept as i8 is, expected -128"),
    );
    check(
        op(Op::Const(5), Some(Type::PTR)),
        &format!("{at}: const ptr 5: 5 is no constant of ptr, expected null; use inttoptr"),
    );
    check(op(Op::Slot(Slot(3)), Some(Type::PTR)), &format!("{at}: v1 = slot s3: s3 does not exist"));
    check(
        op(Op::Slot(Slot(3)), Some(Type::I64)),
        &format!("{at}: v1 = slot s3: its result is i64, expected ptr"),
    );
    check(
        op(Op::Symbol(SymbolId(8)), Some(Type::PTR)),
        &format!("{at}: v1 = symbol @?8: symbol 8 does not exist"),
    );
    let call = Op::Call { callee: Callee::Symbol(SymbolId(8)), args: [].into_iter().collect() };
    check(op(call, Some(Type::I64)), &format!("{at}: v1 = call i64 @?8(): symbol 8 does not exist"));
    let marker = Op::Marker { name: "m".into(), room: 0 };
    check(
        op(marker, Some(Type::I64)),
        &format!("{at}: v1 = marker @m: it makes no value, but has the type i64"),
    );
    let cases = vec![(200, Edge::to(Block(2)))];
    check(
        |f| {
            f.nodes[1].ty = Some(Type::I8);
            f.new_block(Loc::UNKNOWN);
            f.blocks[0].term = Term::Switch { value: Value(1), cases, default: Edge::to(Block(2)) };
        },
        &format!("{at}: v1 = add i8 v0, v0: operand v0 is i64, expected i8"),
    );
    check(
        |f| f.nodes[1].loc = Loc(99),
        "SK012 f: b0: v1 = add i64 v0, v0: source position 99 does not exist",
    );
}

#[test]
fn symbols() {
    check_module(
        |module| module.symbols[1].kind = SymbolKind::Func(0),
        "SK012 g at made.c:5: function 0 has another symbol",
    );
    check_module(
        |module| module.symbols[1].kind = SymbolKind::Func(7),
        "SK007 g at made.c:5: it has no body",
    );
    check_module(
        |module| module.funcs[1].symbol = SymbolId(7),
        "SK012 g at made.c:5: function 1 has another symbol",
    );
    check_module(
        |module| module.symbols[1].name = "f".to_owned(),
        "SK002 f at made.c:5: another symbol has this name",
    );
    check_module(|module| module.symbols[1].loc = Loc(99), "SK012 g: source position 99 does not exist");
    check_module(
        |module| module.places[1].file = 9,
        "SK012: source position 1 is in file 9, which does not exist",
    );
}

#[test]
fn instructions_without_a_line_are_counted() {
    let module = text::parse("made.sir", SOURCE).unwrap();
    assert_eq!(validate::without_line(&module.funcs[0]), 0);
    let source = SOURCE.replace(" !2", "").replace("ret !5", "ret");
    let module = text::parse("made.sir", &source).unwrap();
    assert_eq!(validate::without_line(&module.funcs[0]), 1);
    assert_eq!(validate::without_line(&module.funcs[1]), 1);
}
