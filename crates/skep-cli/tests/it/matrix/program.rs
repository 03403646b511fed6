//! Programs and their directives.

use std::path::PathBuf;

use crate::tools;

/// A C program of `tests/programs`.
pub(super) struct Program {
    /// Its file without the extension.
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// Bytes of memory that it works on.
    pub(super) mem: usize,
    /// The least level of instructions.
    cpu: u32,
    /// Compilers and flags that it is left out with.
    not: Vec<(String, Vec<String>)>,
    /// Its memory holds addresses at the end.
    pub(super) mem_differs: bool,
    /// How deep its calls nest.
    pub(super) depth: u32,
    /// Functions that it refers to and never calls.
    pub(super) imports: Vec<String>,
}

impl Program {
    /// All programs, by name.
    pub(super) fn all() -> Vec<Program> {
        let dir = tools::repository("tests/programs");
        let files = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
        let mut programs: Vec<Program> =
            files.filter(|path| path.extension().is_some_and(|e| e == "c")).map(Program::read).collect();
        programs.sort_by(|a, b| a.name.cmp(&b.name));
        assert!(programs.len() >= 79, "{} programs in {}", programs.len(), dir.display());
        programs
    }

    fn read(path: PathBuf) -> Program {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut program = Program {
            name,
            path,
            mem: 256,
            cpu: 1,
            not: Vec::new(),
            mem_differs: false,
            depth: 8,
            imports: Vec::new(),
        };
        // The first line says what the program is about.
        for line in text.lines().skip(1).take_while(|line| !line.starts_with("#include")) {
            let Some((word, value)) = line.strip_prefix("// ").and_then(|line| line.split_once(": ")) else {
                continue;
            };
            // Behind what is demanded, a reason may follow.
            let what = value.split(':').next().unwrap().trim();
            match word {
                "mem" => program.mem = what.parse().unwrap(),
                "cpu" => program.cpu = what.trim_start_matches('v').trim_end_matches('+').parse().unwrap(),
                "depth" => program.depth = what.parse().unwrap(),
                "mem-differs" => program.mem_differs = true,
                "imports" => program.imports.push(what.to_owned()),
                "not" => {
                    let mut words = what.split_whitespace().map(str::to_owned);
                    program.not.push((words.next().unwrap(), words.collect()));
                }
                "uses" => {}
                // A sentence with a colon in it.
                _ if word.contains(' ') || word.starts_with(char::is_uppercase) => {}
                _ => panic!("{}: unknown directive '{word}'", program.path.display()),
            }
        }
        program
    }

    /// Whether it is to be compiled so.
    pub(super) fn compiles(&self, compiler: &str, cpu: u32, flags: &[String]) -> bool {
        let left_out = |(name, with): &(String, Vec<String>)| {
            name == compiler && with.iter().all(|flag| flags.contains(flag))
        };
        cpu >= self.cpu && !self.not.iter().any(left_out)
    }
}
