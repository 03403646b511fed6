//! `skep btf diff`: what differs between two sets.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use skep::btf::diff::{Changed, Diff, diff, spell};
use skep::btf::{Btf, Type, TypeId};

use crate::btf::input;

/// Tell which types were added, removed and changed, with the fields that have changed.
///
/// Types are matched by kind and name, and compared by what they are themselves: a struct has changed if one of its
/// members has, not if a struct that it points to has.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  skep btf diff vmlinux-6.12 vmlinux-6.18
  skep btf diff --json old.o new.o | jq '.changed[].name'")]
pub(crate) struct Args {
    /// The old types: an ELF file with BTF, a bare BTF blob, or a kernel's /sys/kernel/btf/vmlinux.
    old: PathBuf,
    /// The new types.
    new: PathBuf,
    /// Both files hold split BTF, which goes on where the BTF in this file ends.
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let base = args.base.as_deref().map(input::base).transpose()?;
    let (old, _) = input::on_base(&args.old, base.clone())?;
    let (new, _) = input::on_base(&args.new, base)?;
    let found = diff(&old, &new).context("cannot compare")?;
    let text = if args.json { json(&old, &new, &found) } else { text(&old, &new, &found) };
    crate::input::print(text)
}

fn text(old: &Btf, new: &Btf, found: &Diff) -> String {
    let mut text = String::new();
    for (sign, btf, ids) in [('-', old, &found.removed), ('+', new, &found.added)] {
        for &id in ids {
            text.push_str(&format!("{sign} {}\n", title(btf, id)));
        }
    }
    for Changed { new: id, changes, .. } in &found.changed {
        text.push_str(&format!("~ {}\n", title(new, *id)));
        for change in changes {
            text.push_str(&format!("    {change}\n"));
        }
    }
    let Diff { added, removed, changed, same } = found;
    let (added, removed, changed) = (added.len(), removed.len(), changed.len());
    text.push_str(&format!("{added} added, {removed} removed, {changed} changed, {same} the same\n"));
    text
}

/// `struct task_struct`, `func vfs_read: long (struct file *file)`
fn title(btf: &Btf, id: TypeId) -> String {
    let (kind, name) = (kind(btf, id), btf.name(id));
    match btf.ty(id) {
        Type::Func(func) => format!("{kind} {name}: {}", spell(btf, func.proto)),
        Type::Typedef(ty) => format!("{kind} {name}: {}", spell(btf, ty)),
        Type::Var(var) => format!("{kind} {name}: {}", spell(btf, var.ty)),
        Type::DeclTag(tag) => {
            format!("{kind} {name:?} of {} {}", self::kind(btf, tag.target), btf.name(tag.target))
        }
        Type::Enum(e) | Type::Enum64(e) if name.is_empty() => {
            let first = e.values.first().map_or("", |value| btf.string(value.name));
            format!("{kind} {{ {first}{} }}", if e.values.len() > 1 { ", …" } else { "" })
        }
        _ => format!("{kind} {name}"),
    }
}

fn kind(btf: &Btf, id: TypeId) -> String {
    btf.kind(id).map_or("void", |kind| kind.short_name()).to_lowercase()
}

fn json(old: &Btf, new: &Btf, found: &Diff) -> String {
    let ty = |btf: &Btf, id: TypeId| {
        format!("{{\"kind\":{},\"name\":{},\"id\":{}}}", quoted(&kind(btf, id)), quoted(btf.name(id)), id.0)
    };
    let list =
        |btf: &Btf, ids: &[TypeId]| ids.iter().map(|&id| ty(btf, id)).collect::<Vec<_>>().join(",\n  ");
    let changed: Vec<String> = found
        .changed
        .iter()
        .map(|changed| {
            let side = |text: &Option<String>| text.as_ref().map_or("null".to_owned(), |text| quoted(text));
            let changes: Vec<String> = changed
                .changes
                .iter()
                .map(|change| {
                    let (part, name) = (quoted(&change.part.to_string()), quoted(&change.name));
                    let (old, new) = (side(&change.old), side(&change.new));
                    format!("{{\"part\":{part},\"name\":{name},\"old\":{old},\"new\":{new}}}")
                })
                .collect();
            format!(
                "{{\"kind\":{},\"name\":{},\"old_id\":{},\"new_id\":{},\"changes\":[\n    {}]}}",
                quoted(&kind(new, changed.new)),
                quoted(new.name(changed.new)),
                changed.old.0,
                changed.new.0,
                changes.join(",\n    ")
            )
        })
        .collect();
    format!(
        "{{\"added\":[\n  {}],\n\"removed\":[\n  {}],\n\"changed\":[\n  {}],\n\"same\":{}}}\n",
        list(new, &found.added),
        list(old, &found.removed),
        changed.join(",\n  "),
        found.same
    )
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            // Writing to a string does not fail.
            c if c.is_control() => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
