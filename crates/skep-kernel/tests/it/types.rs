//! What the kernel makes of types, and what is done where it does not take them.

use std::sync::Arc;

use skep_btf::{Btf, BtfBuilder, IntEncoding, Kind, Linkage, SecVar, TypeId};
use skep_kernel::{Loaded, Options, load};
use skep_object::Image;

use crate::support::{image, loaded, may_load, run};

/// Calls back, and has a map that must have types; returns 10.
const PROGRAM: &str = "
        .map    tasks, type=task_storage, key=4, value=24, flags=1
        .map    m, type=hash, key=4, value=8, max_entries=4
        .text
        .type step, @function
step:   r3 = *(u64 *)(r2 + 0)
        r3 += r1
        *(u64 *)(r2 + 0) = r3
        r0 = 0
        exit
        .section socket
        .globl main
main:   *(u64 *)(r10 - 8) = 0
        r1 = 5
        r2 = step ll
        r3 = r10
        r3 += -8
        r4 = 0
        call    bpf_loop
        r1 = m ll
        r1 = tasks ll
        r0 = *(u64 *)(r10 - 8)
        exit
        .license \"GPL\"
";

/// The program with more types.
fn with_types(add: impl FnOnce(&mut BtfBuilder)) -> Image {
    let mut image = image(PROGRAM);
    let mut types = BtfBuilder::from(Btf::clone(image.btf.as_deref().unwrap()));
    add(&mut types);
    image.btf = Some(Arc::new(types.build().unwrap()));
    image
}

fn loads(image: &Image) -> Loaded {
    let loaded = load(image, &Options::new()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(run(&loaded, "main"), 10);
    loaded
}

#[test]
fn an_image_may_have_no_types() {
    if !may_load() {
        return;
    }
    let mut image = image(PROGRAM);
    image.btf = None;
    for func in &mut image.funcs {
        func.ty = None;
        func.lines.clear();
    }
    assert_eq!(loads(&image).remarks(), [""; 0]);
}

#[test]
fn what_the_kernel_takes_otherwise_is_changed() {
    if !may_load() {
        return;
    }
    let image = with_types(|types| {
        let char = types.int("char", 1, IntEncoding::SignedChar);
        let long = types.int("long", 8, IntEncoding::Signed);
        // Defined elsewhere, and without a place.
        let elsewhere = types.var("elsewhere", long, Linkage::Extern);
        let void = types.var("address", TypeId::VOID, Linkage::Extern);
        let params = [types.param("", char), types.param("", long)];
        let proto = types.func_proto(long, &params);
        let kfunc = types.func("some_kfunc", proto, Linkage::Extern);
        let vars = [elsewhere, void, kfunc].map(|var| SecVar { var, offset: 0, size: 0 });
        types.datasec(".ksyms", 0, &vars);
        // Sizes that nobody has filled in, and variables that lie on each other.
        let one = types.var("one", long, Linkage::Global);
        let two = types.var("two", long, Linkage::Global);
        let at = |var, offset| SecVar { var, offset, size: 8 };
        types.datasec(".data.unfinished", 0, &[at(one, 0)]);
        types.datasec(".data.overlap", 16, &[at(one, 0), at(two, 4)]);
        types.decl_tag("tagged", elsewhere, None);
    });
    assert_eq!(loads(&image).remarks(), [""; 0]);
}

#[test]
fn what_the_kernel_does_not_take_is_left_out() {
    if !may_load() {
        return;
    }
    let image = with_types(|types| {
        let long = types.int("long", 8, IntEncoding::Signed);
        let member = types.member("x", long, 0);
        types.structure("Option<&str>", 8, &[member]);
    });
    assert!(image.btf.as_deref().unwrap().find_by_name(Kind::Struct, "Option<&str>").is_some());
    let loaded = loads(&image);
    let [remark] = loaded.remarks() else { panic!("{:?}", loaded.remarks()) };
    assert!(remark.starts_with("the kernel refuses the types (BTF): type ["), "{remark}");
    assert!(remark.ends_with("BTF_KIND_STRUCT: Invalid name"), "{remark}");
}

#[test]
fn lines_are_known_without_types() {
    if !may_load() {
        return;
    }
    let mut image = with_types(|types| {
        types.structure("Option<&str>", 8, &[]);
    });
    let main = image.funcs.iter_mut().find(|func| func.name == "main").unwrap();
    main.code.last_mut().unwrap().code = 0x0f;
    main.code.last_mut().unwrap().imm = 0;
    main.code.push(skep_insn::Insn::Exit.encode().as_slice()[0]);
    main.code.insert(0, skep_insn::RawInsn::new(0xbf, 0, 3, 0, 0));
    for r in &mut main.refs {
        r.at = r.at.next();
    }
    for line in &mut main.lines {
        line.at = line.at.next();
    }
    main.lines[0].at = skep_insn::Slot(0);
    let Err(skep_kernel::Error::Refused(refusal)) = load(&image, &Options::new()) else {
        panic!("it was loaded")
    };
    assert!(refusal.log.contains("; main:   *(u64 *)(r10 - 8) = 0 @ test.s:"), "{}", refusal.log);
}

#[test]
fn global_functions_of_assembly_are_verified_in_their_callers() {
    if !may_load() {
        return;
    }
    // Its type says `int add(void *ctx)`, so alone it would be refused.
    let text = "
        .section .text.add
        .globl add
add:    r0 = r1
        r0 += r2
        r3 = *(u64 *)(r10 + 0)
        exit
        .section socket
        .globl main
main:   r1 = 4
        r2 = 5
        call    add
        exit";
    let loaded = loaded(&text.replace("        r3 = *(u64 *)(r10 + 0)\n", ""));
    assert_eq!(run(&loaded, "main"), 9);
    assert_eq!(
        loaded.remarks(),
        ["program 'main': its global functions are verified in their callers, since alone they are refused"]
    );
    let Err(skep_kernel::Error::Refused(refusal)) = load(&image(text), &Options::new()) else {
        panic!("it was loaded")
    };
    assert_eq!(refusal.place.unwrap().function, "add");
}
