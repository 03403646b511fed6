//! What the builder declares, before this kernel: types of every sort, maps of every kind.

use skep::MapKind::{self, *};
use skep::btf::maps::MapType;
use skep::build::Inner;
use skep::build::core::{self, Data, MapSpec, Member, Ty};
use skep::{Module, Object, Options, kernel};

/// Loads an object, or says why that cannot be tried. What the kernel did not take is told.
fn load(object: &Object) -> Option<Result<Vec<String>, String>> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if !status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0")) {
        crate::skip("loading programs needs root");
        return None;
    }
    Some(kernel::load(object).map(|loaded| loaded.remarks().to_vec()).map_err(|error| {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(error) = source {
            text.push_str(&format!(": {error}"));
            source = error.source();
        }
        text
    }))
}

#[test]
fn the_kernel_takes_types_of_every_sort() {
    let mut m = core::Module::new("types");
    m.license("GPL");
    let (byte, odd, wide_odd, long) = (m.signed(8), m.signed(12), m.unsigned(23), m.unsigned(64));
    let (flag, char, int) = (m.bool(), m.char(), m.signed(32));
    let (double, wide) = (m.rust::<f64>(), m.rust::<u128>());
    let node = m.declare_struct("my::Node<u32, &str>", 24);
    let link = m.pointer(node);
    m.define_struct(node, &[Member::new("next", link), Member::new("type", long), Member::new("größe", odd)]);
    let color = m.enumeration("color::E", byte, &[("Red::A", -1), ("b c", 5)]);
    let big = m.enumeration("big", long, &[("X", -1)]);
    let named = m.typedef("t::t", big);
    let named = m.constant(named);
    let named = m.volatile(named);
    let task = m.opaque("task_struct");
    let task = m.pointer(task);
    let either = m.union("", &[Member::new("a", long), Member::new("b", odd)]);
    let packed = m.packed(
        "packed",
        &[
            Member::new("a", byte),
            Member::new("unaligned", double),
            Member::new("b", long),
            Member::new("bits", long).bits(33),
            Member::new("flag", flag).bits(1),
            Member::new("wide", wide),
        ],
    );
    let text = m.array(char, 0);
    let texts = m.array(text, 3);
    let arena = m.arena_pointer(long);
    let call = m.func_type(Ty::VOID, &[("", task), ("a b", link)]);
    let call = m.pointer(call);
    let all = m.structure(
        "all",
        &[
            Member::new("node", node),
            Member::new("color", color),
            Member::new("named", named),
            Member::new("task", task),
            Member::new("", either),
            Member::new("packed", packed),
            Member::new("odd", wide_odd),
            Member::new("bits", wide_odd).bits(20),
            Member::new("more", odd).bits(12),
            Member::new("arena", arena),
            Member::new("call", call),
            Member::new("texts", texts),
            Member::new("text", text),
        ],
    );
    let global = m.global("some::global<x>", all, Data::Zero);
    m.read_only_global("constant", int, Data::Bytes(&[1, 2]));
    m.map("map", &MapSpec::new(MapType::HASH).key(int).value(all).entries(2));
    let cx = m.opaque("xdp_md");
    let cx = m.pointer(cx);
    let ty = m.func_type(int, &[("ctx", cx)]);
    let program = m.declare("program::x", ty);
    m.set_section(program, "xdp");
    let mut b = m.define(program);
    let place = b.global(global);
    for name in ["bits", "more", "color", "named", "odd", "b"] {
        let field = b.field(place, name);
        let value = b.load(field);
        b.store(field, value);
    }
    b.string("text");
    let pass = b.int(int, 2);
    b.ret(Some(pass));
    b.finish();
    let object = m.compile(&Options::new()).unwrap();
    // A remark would say that the types were left out.
    assert!(load(&object).is_none_or(|result| result == Ok(Vec::new())), "{:?}", load(&object));
}

#[test]
fn the_kernel_takes_maps_of_every_kind() {
    let mut taken = 0;
    for &kind in MapKind::ALL {
        let mut m = Module::new("maps");
        m.license("GPL");
        macro_rules! map {
            ($key:ty, $value:ty, $entries:expr) => {
                m.map::<$key, $value>("map", kind).entries($entries).done().raw()
            };
        }
        let map = match kind {
            Array | PerCpuArray => map!(u32, u64, 4),
            LpmTrie => map!([u32; 2], u64, 4),
            StackTrace => map!(u32, [u64; 16], 4),
            Queue | Stack | BloomFilter => map!((), u64, 4),
            RingBuf | UserRingBuf => map!((), u64, 4096),
            SkStorage | InodeStorage | TaskStorage | CgrpStorage => map!(i32, u64, 0),
            CgroupStorage | PerCpuCgroupStorage => map!(u64, u64, 0),
            Arena => map!((), (), 4),
            ArrayOfMaps | HashOfMaps => {
                let inner = m.map::<u32, u64>("inner", Hash).entries(4).done();
                let outer = m.map::<u32, Inner<u32, u64>>("map", kind).entries(4).inner(inner);
                outer.hold_map(1, inner).done().raw()
            }
            Hash | PerCpuHash | LruHash | LruPerCpuHash | SockHash => map!(u64, u64, 4),
            // Its value is a struct of this very kernel.
            StructOps => continue,
            _ => map!((), (), 4),
        };
        m.program("socket", "program", |b, _| {
            b.core(|c| c.map_address(map));
            b.ret(0);
        });
        let object = m.compile(&Options::new()).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        let Some(result) = load(&object) else { return };
        assert_eq!(result, Ok(Vec::new()), "{kind:?}");
        taken += 1;
    }
    assert_eq!(taken, MapKind::ALL.len() - 1);
}
