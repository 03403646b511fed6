//! The cases in `filetests/cases`: each file is a program, and what comes of it on every engine.
//!
//! `SKEP_BLESS=1` writes what came into the files; `SKEP_CASE=name` runs those whose path has `name` in it.

use std::fs;
use std::path::{Path, PathBuf};

use skep_tests::engine::Engine;
use skep_tests::filetest::Case;
use skep_tests::kernel::Kernel;
use skep_tests::report::tell;

#[test]
fn cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("filetests/cases");
    let bless = std::env::var_os("SKEP_BLESS").is_some();
    let only = std::env::var("SKEP_CASE").unwrap_or_default();
    let kernel = Kernel::open_or_skip("cases in the kernel");
    let kernel = kernel.as_ref().map(|kernel| kernel as &dyn Engine);
    let mut counts = [0; 4];
    let [all, returned, in_kernel, failed] = &mut counts;
    for path in files(&root) {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        if !name.contains(&only) {
            continue;
        }
        *all += 1;
        match run(&path, kernel, bless) {
            Ok((case, outcomes)) => {
                *returned += i32::from(outcomes.returned().is_some());
                *in_kernel += i32::from(outcomes.ran_on("kernel"));
                assert!(case.wants_kernel() || !outcomes.ran_on("kernel"));
            }
            Err(message) => {
                *failed += 1;
                eprintln!("{name}: {message}");
            }
        }
    }
    assert_eq!(*failed, 0, "cases failed; SKEP_BLESS=1 takes what came as what is expected");
    tell(&format!("cases: {all} files, {returned} of them return on all engines, {in_kernel} in the kernel"));
    if only.is_empty() {
        assert!(*all >= 90 && *returned >= 60, "{all} cases, {returned} that return");
        assert!(kernel.is_none() || *in_kernel >= 45, "{in_kernel} cases in the kernel only");
    }
}

fn run(
    path: &Path,
    kernel: Option<&dyn Engine>,
    bless: bool,
) -> Result<(Case, skep_tests::filetest::Outcomes), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let case = Case::parse(&file.unwrap_or_default(), &text)?;
    let outcomes = case.outcomes(kernel)?;
    let found = outcomes.text();
    if found != case.expected() {
        // Without the kernel, what it would have done is not known.
        if !bless || (kernel.is_none() && case.wants_kernel()) {
            return Err(format!("expected\n{}\nfound\n{found}", case.expected()));
        }
        fs::write(path, case.blessed(&found)).map_err(|error| error.to_string())?;
    }
    Ok((case, outcomes))
}

/// All files below, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}
