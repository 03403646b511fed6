//! Files of types, and what this kernel says to them.

use std::fs;
use std::path::Path;
use std::process::Command;

use skep::btf::{Btf, BtfBuilder, Endian, IntEncoding, Linkage, SecVar, Type, TypeId};

use crate::tools;

/// Writes types that kernels take, and some that they do not.
pub(crate) fn write(dir: &Path) {
    let write = |name: &str, bytes: &[u8]| fs::write(dir.join(name), bytes).unwrap();
    let types = |add: fn(&mut BtfBuilder)| {
        let mut types = Btf::builder();
        types.int("int", 4, IntEncoding::Signed);
        add(&mut types);
        types.build().unwrap()
    };
    let int = TypeId(1);
    let good = types(|types| {
        let double = types.float("double", 8);
        let members = [types.member("x", double, 0), types.member("n", TypeId(1), 64)];
        types.structure("point", 16, &members);
    });
    write("good.btf", &good.to_bytes(Endian::HOST));
    let other = if Endian::HOST == Endian::Little { Endian::Big } else { Endian::Little };
    write("swapped.btf", &good.to_bytes(other));
    let order = types(|types| {
        let members = [types.member("b", TypeId(1), 32), types.member("a", TypeId(1), 0)];
        types.structure("pair", 8, &members);
    });
    write("order.btf", &order.to_bytes(Endian::HOST));
    let name = types(|types| {
        types.structure("Option<&str>", 16, &[]);
    });
    write("name.btf", &name.to_bytes(Endian::HOST));
    let cycle = types(|types| {
        types.add("", Type::Const(TypeId(3)));
        types.add("", Type::Volatile(TypeId(2)));
    });
    write("cycle.btf", &cycle.to_bytes(Endian::HOST));
    let mut cut = good.to_bytes(Endian::HOST);
    cut.truncate(60);
    write("cut.btf", &cut);

    // As compilers leave it: a section without a size, an extern variable, a signed character.
    let mut object =
        skep::assemble("data.s", "main: exit\n.data\nfirst: .quad 1\nsecond: .quad 2\n").unwrap();
    let mut types = Btf::builder();
    let char = types.int("char", 1, IntEncoding::SignedChar);
    let long = types.int("long", 8, IntEncoding::Signed);
    let vars = [("second", long), ("first", long), ("outside", int)];
    let vars = vars.map(|(name, ty)| types.var(name, ty, Linkage::Global));
    let missing = types.var("CONFIG_HZ", char, Linkage::Extern);
    let place = |var, size| SecVar { var, offset: 0, size };
    types.datasec(".data", 0, &[place(vars[0], 8), place(vars[1], 8)]);
    types.datasec(".kconfig", 0, &[place(missing, 1)]);
    object.btf = Some(types.build().unwrap());
    write("data.o", &skep::object::elf::write(&object));
}

#[test]
fn this_kernel_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_skep"))
            .args(["btf", "check"])
            .args(args)
            .current_dir(dir.path())
            .output();
        let output = output.unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        (text, output.status.code())
    };
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let asked = run(&["--kernel", "good.btf"]).0;
    if !asked.contains("takes them") || !release.starts_with("6.18.") {
        tools::skip(&format!(
            "types are not compared with this kernel ({}): {}",
            release.trim(),
            asked.trim()
        ));
        return;
    }
    for file in ["good.btf", "swapped.btf", "order.btf", "name.btf", "cycle.btf", "cut.btf", "data.o"] {
        let (by_rules, by_kernel) = (run(&[file]), run(&["--kernel", file]));
        let this = format!("this kernel ({})", release.trim());
        assert_eq!(by_kernel.0.replace(&this, "Linux 6.18"), by_rules.0, "{file}");
        assert_eq!(by_kernel.1, by_rules.1);
    }
}
