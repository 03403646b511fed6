//! What the assembler says about faulty text: cases in `errors.txt`, rewritten by `SKEP_BLESS=1`.

use std::path::PathBuf;

use skep_object::asm::assemble;

/// The line in front of each case, with its name.
const CASE: &str = "=== ";
/// The line between text and messages.
const SAYS: &str = "---\n";

#[test]
fn messages_tell_where_what_and_the_remedy() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/asm/errors.txt");
    let cases = std::fs::read_to_string(&path).unwrap();
    let mut blessed = String::new();
    let mut count = 0;
    for case in cases.split(CASE).skip(1) {
        let (name, rest) = case.split_once('\n').unwrap();
        let text = rest.split_once(SAYS).map_or(rest, |(text, _)| text);
        let errors = assemble("t.s", text).expect_err(name);
        assert!(!errors.list.is_empty(), "{name}: an error without a message");
        for diag in &errors.list {
            assert_eq!(text.lines().nth(diag.line as usize - 1).unwrap_or_default(), diag.text, "{name}");
            assert!(!diag.message.ends_with('.'), "{name}: {}", diag.message);
        }
        blessed.push_str(&format!("{CASE}{name}\n{text}{SAYS}{errors}\n\n"));
        count += errors.list.len();
    }
    assert!(count >= 40, "{count} messages");
    if std::env::var_os("SKEP_BLESS").is_some() {
        std::fs::write(&path, blessed).unwrap();
        return;
    }
    for (found, expected) in blessed.split(CASE).zip(cases.split(CASE)) {
        assert_eq!(found, expected);
    }
}

/// Lines and names can be as long as a file: messages show the part that they are about.
#[test]
fn messages_of_long_lines_are_short() {
    let check = |text: &str, shown: &str, column: u32| {
        let errors = assemble("t.s", text).expect_err(shown);
        let diag = &errors.list[0];
        let pointed = diag.text.chars().skip((diag.column - 1 - diag.skipped) as usize);
        let pointed: String = pointed.take(diag.width as usize).collect();
        assert_eq!((diag.column, &*pointed), (column, shown));
        let longest = errors.to_string().lines().map(str::len).max();
        assert!(longest < Some(600), "{longest:?}: {errors}");
    };
    let (spaces, name) = (" ".repeat(1_000_000), "a".repeat(1_000_000));
    check(&name, &name[..100], 1);
    check(&format!("{spaces}r1 = r11{spaces}"), "r11", 1_000_006);
    check(&format!("{spaces}\u{e4}"), "\u{e4}", 1_000_001);
    check(&format!("{}r1 = r11", "\u{e4}: ".repeat(1000)), "\u{e4}", 1);
    check(&format!(".quad {}1", "(".repeat(1_000_000)), "(", 72);
}
