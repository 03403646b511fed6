//! Types of kinds that are newer than this crate.

use std::sync::Arc;

use skep_btf::lazy::{Follow, LazyBtf};
use skep_btf::{Btf, BtfBuilder, Endian, Kind, Type, TypeId, dedup, oracle};

/// What the layout section says of each kind: bytes once per type, and for each element.
fn layout(kinds: usize) -> Vec<[u8; 2]> {
    let mut layout = vec![[0, 0]; kinds];
    let known = [
        (1, [4, 0]),
        (3, [12, 0]),
        (4, [0, 12]),
        (5, [0, 12]),
        (6, [0, 8]),
        (13, [0, 8]),
        (14, [4, 0]),
        (15, [0, 12]),
        (17, [4, 0]),
        (19, [0, 12]),
        (20, [4, 8]),
    ];
    for (kind, sizes) in known.into_iter().filter(|&(kind, _)| kind < kinds) {
        layout[kind] = sizes;
    }
    layout
}

/// `int`, a type of kind 20 with two elements, and a pointer to each.
fn section(layout: &[[u8; 2]], endian: Endian) -> Vec<u8> {
    let types =
        [&[1, 1 << 24, 4, 32][..], &[5, 20 << 24 | 2, 77, 1, 2, 3, 4, 5], &[0, 2 << 24, 1], &[0, 2 << 24, 2]]
            .concat();
    let strings = b"\0int\0new\0";
    let len = |bytes: usize| u32::try_from(bytes).unwrap();
    let (types_len, layout_len) = (len(types.len() * 4), len(layout.len() * 4));
    let header = [32, 0, types_len, types_len + layout_len, len(strings.len()), types_len, layout_len];
    let mut out = match endian {
        Endian::Little => vec![0x9f, 0xeb, 1, 0],
        Endian::Big => vec![0xeb, 0x9f, 1, 0],
    };
    let push = |out: &mut Vec<u8>, words: &[u32]| {
        for word in words {
            out.extend(if endian == Endian::Big { word.to_be_bytes() } else { word.to_le_bytes() });
        }
    };
    push(&mut out, &header);
    push(&mut out, &types);
    layout.iter().for_each(|&[once, each]| out.extend([once, each, 0, 0]));
    out.extend(strings);
    out
}

#[test]
fn they_are_kept_where_their_length_is_told() {
    for endian in [Endian::Little, Endian::Big] {
        let bytes = section(&layout(21), endian);
        let btf = oracle::btf(&bytes).unwrap();
        assert_eq!(btf.to_bytes(endian), bytes, "as it was");
        let unknown = TypeId(2);
        assert_eq!((btf.count(), btf.kind(unknown), btf.name(unknown)), (4, None, "new"));
        assert_eq!((btf.ty(unknown), btf.ty(TypeId(4))), (Type::Void, Type::Ptr(unknown)));
        assert_eq!(btf.size_of(unknown), None);
        assert_eq!(btf.find_by_name(Kind::Int, "int"), Some(TypeId(1)));

        let mut more = BtfBuilder::from(btf.clone());
        more.float("float", 4);
        let more = more.build().unwrap();
        assert!(Btf::parse(&more.to_bytes(endian)).unwrap() == more);
        let mut split = Btf::builder_on(Arc::new(btf.clone()));
        split.ptr(TypeId(4));
        let flat = split.build().unwrap().flatten();
        let again = Btf::parse(&flat.to_bytes(endian)).unwrap();
        assert!(again == flat && again.kind(unknown).is_none() && again != btf);

        let lazy = LazyBtf::new(&bytes).unwrap();
        assert_eq!((lazy.count(), lazy.find_all("int")), (Ok(4), Ok(vec![(TypeId(1), Kind::Int)])));
        assert_eq!(lazy.extract(&[TypeId(3)], Follow::All).unwrap().btf.count(), 2);
        assert!(lazy.extract(&[TypeId(4)], Follow::All).is_err());

        let (part, ids) = btf.subset(btf.ids());
        assert_eq!((part.count(), ids[2], part.ty(TypeId(3))), (3, TypeId::VOID, Type::Ptr(TypeId::VOID)));
        assert!(Btf::parse(&part.to_bytes(endian)).unwrap() == part);

        let error = dedup(&[&btf], &dedup::Options::new()).unwrap_err().to_string();
        assert_eq!(
            error,
            "type [2] is of a kind that this version does not know, expected a known one, since what it refers to is to be \
             changed"
        );
    }
}

#[test]
fn nothing_is_guessed() {
    let refused = |layout: &[[u8; 2]]| {
        let error = Btf::parse(&section(layout, Endian::Little)).unwrap_err().to_string();
        assert_eq!(error, ".BTF+0x30: type [2] has the unknown kind 20, expected 1 to 19");
        assert!(LazyBtf::new(&section(layout, Endian::Little)).unwrap().count().is_err());
    };
    refused(&[]);
    refused(&layout(20));
    // A layout that is wrong about what is known, or that is not about words.
    let mut wrong = layout(21);
    wrong[1] = [8, 0];
    refused(&wrong);
    let mut wrong = layout(21);
    wrong[20] = [3, 8];
    refused(&wrong);
    // Longer than what is left.
    let mut wrong = layout(21);
    wrong[20] = [252, 8];
    refused(&wrong);
}
