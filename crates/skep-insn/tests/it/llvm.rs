//! LLVM 22 as judge: `llvm-objdump` prints our text, `llvm-mc` assembles it to our bytes, in both endians.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use skep_insn::{Callee, Endian, Imm64, Insn, RawInsn, SLOT_BYTES};

use crate::samples;

const MC: &str = "llvm-mc-22";
const OBJDUMP: &str = "llvm-objdump-22";
const OBJCOPY: &str = "llvm-objcopy-22";

/// Whether all tools are there. If not, the test is skipped visibly, or fails with `SKEP_REQUIRE=all`.
fn have(tools: &[&str]) -> bool {
    for tool in tools {
        let found =
            Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        if !found {
            let required = std::env::var_os("SKEP_REQUIRE").is_some_and(|value| value == "all");
            assert!(!required, "{tool} is not installed (Debian package llvm-22)");
            eprintln!("skipped: {tool} is not installed (Debian package llvm-22)");
            return false;
        }
    }
    true
}

/// A folder of a test's own, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("skep-insn-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// Runs a tool in the folder; it must succeed.
    fn run(&self, command: &str) -> String {
        let mut words = command.split(' ');
        let mut command = Command::new(words.next().unwrap());
        let output = command.args(words).current_dir(&self.0).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{command:?}: {}",
            errors.lines().take(10).collect::<Vec<_>>().join("\n")
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.0.join(file), text).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn bytes(insn: &Insn, endian: Endian) -> Vec<u8> {
    insn.encode().as_slice().iter().flat_map(|slot| slot.to_bytes(endian)).collect()
}

fn triple(endian: Endian) -> &'static str {
    match endian {
        Endian::Little => "bpfel",
        Endian::Big => "bpfeb",
    }
}

/// What LLVM prints where our text differs: it leaves out what would tell these from others.
fn llvm_text(insn: &Insn) -> String {
    let hex = |imm: i32| format!("{}{:#x}", if imm < 0 { "-" } else { "" }, imm.unsigned_abs());
    match *insn {
        Insn::Call(Callee::Subprog(imm) | Callee::Kfunc { btf_id: imm, .. }) => format!("call {}", hex(imm)),
        Insn::LoadImm64 { dst, imm } => {
            let (first, second) = match imm {
                Imm64::MapValue { fd, off } => (fd, off),
                Imm64::BtfId { id, fd } => (id, fd),
                Imm64::MapIdxValue { idx, off } => (idx, off),
                _ => return insn.to_string(),
            };
            if second == 0 {
                return insn.to_string();
            }
            format!("ld_pseudo {dst}, {:#x}, {first:#x}", imm.src())
        }
        Insn::LoadPacket { size, index: Some(index), .. } => {
            format!("r0 = *({} *)skb[{index}]", size.token())
        }
        _ => insn.to_string(),
    }
}

fn objdump_prints_our_text(endian: Endian) {
    if !have(&[MC, OBJDUMP]) {
        return;
    }
    let insns = samples::insns();
    let mut source = ".text\n".to_owned();
    for insn in &insns {
        let bytes: Vec<String> = bytes(insn, endian).iter().map(|byte| byte.to_string()).collect();
        writeln!(source, ".byte {}", bytes.join(",")).unwrap();
    }
    let triple = triple(endian);
    let folder = Folder::new(&format!("objdump-{triple}"));
    folder.write("a.s", &source);
    folder.run(&format!("{MC} -triple={triple} --filetype=obj a.s -o a.o"));
    let listing = folder.run(&format!("{OBJDUMP} -dz --no-show-raw-insn --mcpu=v4 a.o"));

    let mut lines = listing.lines().skip_while(|line| !line.ends_with("<.text>:")).skip(1);
    let mut at = 0;
    for insn in &insns {
        let line = lines.next().unwrap();
        let (slot, text) = line.trim_start().split_once(":").unwrap();
        assert_eq!(slot.parse(), Ok(at), "{line}");
        at += insn.slots();
        // Behind a jump stands its target's address; behind ld_pseudo a tab for a space.
        let text = text.split(" <.text").next().unwrap().trim().replace('\t', " ");
        assert_eq!(text, llvm_text(insn), "{insn:?}");
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn objdump_prints_our_text_of_little_endian_code() {
    objdump_prints_our_text(Endian::Little);
}

#[test]
fn objdump_prints_our_text_of_big_endian_code() {
    objdump_prints_our_text(Endian::Big);
}

fn mc_assembles_our_text(endian: Endian) {
    if !have(&[MC, OBJCOPY]) {
        return;
    }
    // What it cannot tell apart when it prints, it cannot read either; and it wants a label behind a long gotol.
    let readable = |insn: &Insn| match *insn {
        Insn::Jump { off, long: true } => i16::try_from(off).is_ok(),
        _ => insn.to_string() == llvm_text(insn),
    };
    let mut insns = samples::insns();
    insns.retain(readable);
    let mut source = String::new();
    for insn in &insns {
        writeln!(source, "{insn}").unwrap();
    }
    let triple = triple(endian);
    let folder = Folder::new(&format!("mc-{triple}"));
    folder.write("a.s", &source);
    folder.run(&format!("{MC} -triple={triple} -mcpu=v4 --filetype=obj a.s -o a.o"));
    folder.run(&format!("{OBJCOPY} -O binary --only-section=.text a.o a.bin"));
    let found = std::fs::read(folder.0.join("a.bin")).unwrap();
    let mut at = 0;
    for insn in &insns {
        let expected = bytes(insn, endian);
        assert_eq!(found.get(at..at + expected.len()), Some(&expected[..]), "{insn}");
        at += expected.len();
    }
    assert_eq!(found.len(), at);
}

#[test]
fn mc_assembles_our_text_to_our_little_endian_bytes() {
    mc_assembles_our_text(Endian::Little);
}

#[test]
fn mc_assembles_our_text_to_our_big_endian_bytes() {
    mc_assembles_our_text(Endian::Big);
}

/// An opcode that LLVM knows and we do not, or the other way round, would be missed by the tests above.
#[test]
fn llvm_knows_the_same_opcodes() {
    if !have(&[MC, OBJDUMP]) {
        return;
    }
    // Fields that are valid for one form or the other of each opcode.
    let fields = [(0, 0, 0, 0), (1, 0, 0, 16), (0, 0, 0, 0x100)];
    let slots = |code| fields.map(|(dst, src, off, imm)| RawInsn::new(code, dst, src, off, imm));
    let mut source = ".text\n".to_owned();
    for slot in (0..=u8::MAX).flat_map(slots) {
        let bytes: Vec<String> = slot.to_bytes(Endian::Little).iter().map(|byte| byte.to_string()).collect();
        writeln!(source, ".byte {}", bytes.join(",")).unwrap();
        if slot.code == 0x18 {
            writeln!(source, ".zero {SLOT_BYTES}").unwrap();
        }
    }
    let folder = Folder::new("opcodes");
    folder.write("a.s", &source);
    folder.run(&format!("{MC} -triple=bpfel --filetype=obj a.s -o a.o"));
    let listing = folder.run(&format!("{OBJDUMP} -dz --no-show-raw-insn --mcpu=v4 a.o"));
    let lines: Vec<&str> = listing.lines().skip_while(|line| !line.ends_with("<.text>:")).skip(1).collect();
    assert_eq!(lines.len(), 256 * fields.len());
    for (code, lines) in (0..=u8::MAX).zip(lines.chunks(fields.len())) {
        let llvm = lines.iter().any(|line| !line.contains("<unknown>"));
        let ours = slots(code).iter().any(|&slot| Insn::decode(&[slot, RawInsn::default()]).is_ok());
        assert_eq!(ours, llvm, "opcode {code:#04x}");
    }
}
