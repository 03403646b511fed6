//! A program with two versions of one crate: their types have one path.

extern crate first;
extern crate second;

fn main() {
    let a = first::Config { size: std::env::args().count() as u32, name: None };
    let b = second::Config { size: 2, name: Some(3), more: [1, 2, 3] };
    let x = first::Alike { a: 1, config: &a };
    let y = second::Alike { a: 1, config: &b };
    let sum = first::size(&a, first::Choice::One(1), &x) + second::size(&b, second::Choice::Three { size: 3 }, &y);
    let generic = first::generic(a.size) + second::generic(b.size) + first::generic(1_u8);
    println!("{}", sum + generic);
}
