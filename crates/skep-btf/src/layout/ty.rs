//! Types of members, as text.

/// The type of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ty {
    /// By its name, with the word before it that C wants: `struct list_head`, `u32`.
    Name(String),
    /// It has no name; its layout is printed instead.
    Nested,
    /// A pointer.
    Pointer(Box<Ty>),
    /// `const`, `volatile` or `restrict`.
    Qualified(&'static str, Box<Ty>),
    /// An array of that many elements.
    Array(Box<Ty>, u64),
    /// A function.
    Function {
        /// What it returns.
        ret: Box<Ty>,
        /// What it takes.
        params: Vec<Ty>,
        /// Whether it takes more than that.
        variadic: bool,
    },
}

impl Ty {
    /// `void`
    #[must_use]
    pub fn void() -> Ty {
        Ty::Name("void".to_owned())
    }

    /// What C has before the name of what has the type, and the name with what is around it: `void` and
    /// `(*name)(int)`.
    #[must_use]
    pub fn declare(&self, name: &str) -> (String, String) {
        let (mut ty, mut declarator, mut stars) = (self, name.to_owned(), String::new());
        let mut qualifiers = String::new();
        loop {
            match ty {
                Ty::Pointer(to) => {
                    let space = if qualifiers.is_empty() || stars.is_empty() { "" } else { " " };
                    stars = format!("*{}{space}{stars}", qualifiers.trim_end());
                    qualifiers.clear();
                    ty = to;
                }
                Ty::Qualified(word, inner) => {
                    // What is const in a const array is so once.
                    if !qualifiers.contains(word) {
                        qualifiers.push_str(word);
                        qualifiers.push(' ');
                    }
                    ty = inner;
                }
                Ty::Array(elem, len) => {
                    declarator = format!("{}[{len}]", grouped(&mut stars, &declarator));
                    ty = elem;
                }
                Ty::Function { ret, params, variadic } => {
                    let mut list: Vec<String> = params.iter().map(Ty::unnamed).collect();
                    if *variadic {
                        list.push("...".to_owned());
                    }
                    let list = if list.is_empty() { "void".to_owned() } else { list.join(", ") };
                    declarator = format!("{}({list})", grouped(&mut stars, &declarator));
                    ty = ret;
                }
                Ty::Name(base) => return (join(&format!("{qualifiers}{base}"), &stars), declarator),
                Ty::Nested => return (join(qualifiers.trim_end(), &stars), declarator),
            }
        }
    }

    /// Whether it is a pointer, or an array of such.
    pub(super) fn is_pointer(&self) -> bool {
        match self {
            Ty::Pointer(_) => true,
            Ty::Qualified(_, inner) | Ty::Array(inner, _) => inner.is_pointer(),
            Ty::Name(_) | Ty::Nested | Ty::Function { .. } => false,
        }
    }

    fn unnamed(&self) -> String {
        let (before, declarator) = self.declare("");
        join(&before, &declarator)
    }
}

fn join(before: &str, behind: &str) -> String {
    if before.is_empty() || behind.is_empty() {
        format!("{before}{behind}")
    } else {
        format!("{before} {behind}")
    }
}

/// Takes the stars to the name, and both in parentheses if there are any.
fn grouped(stars: &mut String, declarator: &str) -> String {
    match std::mem::take(stars) {
        stars if stars.is_empty() => declarator.to_owned(),
        stars => format!("({stars}{declarator})"),
    }
}

#[cfg(test)]
mod tests {
    use super::Ty;

    #[test]
    fn types_are_written_around_names() {
        let int = || Ty::Name("int".to_owned());
        let pointer = |ty| Ty::Pointer(Box::new(ty));
        let function = |ret, params| Ty::Function { ret: Box::new(ret), params, variadic: false };
        let check = |ty: Ty, before: &str, declarator: &str| {
            assert_eq!(ty.declare("x"), (before.to_owned(), declarator.to_owned()));
        };
        check(int(), "int", "x");
        check(pointer(pointer(int())), "int **", "x");
        check(Ty::Array(Box::new(pointer(int())), 3), "int *", "x[3]");
        check(pointer(Ty::Array(Box::new(Ty::Array(Box::new(int()), 2)), 3)), "int", "(*x)[3][2]");
        check(pointer(function(Ty::void(), vec![pointer(int()), int()])), "void", "(*x)(int *, int)");
        check(pointer(function(pointer(Ty::void()), vec![])), "void *", "(*x)(void)");
        check(
            Ty::Qualified("const", Box::new(pointer(Ty::Qualified("volatile", Box::new(int()))))),
            "volatile int *const",
            "x",
        );
        check(Ty::Nested, "", "x");
    }
}
