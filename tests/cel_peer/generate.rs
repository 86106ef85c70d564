//! Expressions over a few names, well typed and, one operand in 24, ill typed.

/// What the generator wants an expression to be.
#[derive(Clone, Copy, PartialEq)]
pub enum Want {
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Ints,
    Texts,
    Map,
}

/// Where the choices of a generator come from.
pub enum Choices<'b> {
    /// A seed (xorshift64*).
    Seed(u64),
    /// Bytes, such as a fuzzer's; where they end, every choice is the first.
    Bytes(&'b [u8]),
}

impl Choices<'_> {
    pub fn below(&mut self, bound: u64) -> u64 {
        match self {
            Self::Seed(state) => {
                *state ^= *state >> 12;
                *state ^= *state << 25;
                *state ^= *state >> 27;
                (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
            }
            Self::Bytes(bytes) => {
                let Some((first, rest)) = bytes.split_first() else { return 0 };
                *bytes = rest;
                u64::from(*first) % bound
            }
        }
    }

    pub fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[usize::try_from(self.below(texts.len() as u64)).unwrap_or(0)]
    }
}

pub struct Generator<'b> {
    random: Choices<'b>,
    /// The macro variables in scope with what they hold.
    locals: Vec<(String, Want)>,
}

impl<'b> Generator<'b> {
    /// Writes an expression that is at most `depth` levels deep, and gives back the choices that are left.
    pub fn write(random: Choices<'b>, depth: u32) -> (String, Choices<'b>) {
        let mut generator = Self { random, locals: Vec::new() };
        let want = generator.any();
        (generator.expr(want, depth), generator.random)
    }

    fn expr(&mut self, want: Want, depth: u32) -> String {
        let want = if self.random.below(24) == 0 { self.any() } else { want };
        self.exact(want, depth)
    }

    fn exact(&mut self, want: Want, depth: u32) -> String {
        if depth == 0 || self.random.below(6) == 0 {
            return self.leaf(want);
        }
        let depth = depth - 1;
        match want {
            Want::Bool => self.test(depth),
            Want::Int => match self.random.below(12) {
                0..4 => {
                    let op = self.random.pick(&["+", "-", "*", "/", "%"]);
                    format!("({} {op} {})", self.expr(Want::Int, depth), self.expr(Want::Int, depth))
                }
                4 => format!("-({})", self.expr(Want::Int, depth)),
                5 => format!("size({})", self.sized(depth)),
                6 => format!("{}.size()", self.sized(depth)),
                7 => format!("{}[{}]", self.expr(Want::Ints, depth), self.expr(Want::Int, 0)),
                8 => format!("{}.{}", self.expr(Want::Map, depth), self.random.pick(&["a", "b", "zz"])),
                9 if self.random.below(4) == 0 => format!("int({})", self.expr(Want::Text, depth)),
                9 => format!("int({})", self.scalar(depth)),
                10 => self.choice(Want::Int, depth),
                _ => format!("{}[{}]", self.expr(Want::Map, depth), self.expr(Want::Text, 0)),
            },
            Want::Uint => match self.random.below(4) {
                0 | 1 => {
                    let op = self.random.pick(&["+", "-", "*", "/", "%"]);
                    format!("({} {op} {})", self.expr(Want::Uint, depth), self.expr(Want::Uint, depth))
                }
                2 => format!("uint({})", self.scalar(depth)),
                _ => self.choice(Want::Uint, depth),
            },
            Want::Double => match self.random.below(4) {
                0 | 1 => {
                    let op = self.random.pick(&["+", "-", "*", "/"]);
                    format!("({} {op} {})", self.expr(Want::Double, depth), self.expr(Want::Double, depth))
                }
                2 => format!("double({})", self.scalar(depth)),
                _ => self.choice(Want::Double, depth),
            },
            Want::Text => match self.random.below(5) {
                3 => {
                    let wants = [Want::Int, Want::Uint, Want::Text, Want::Bool];
                    let want = wants[usize::try_from(self.random.below(4)).unwrap_or(0)];
                    format!("string({})", self.leaf(want))
                }
                0 | 1 => format!("({} + {})", self.expr(Want::Text, depth), self.expr(Want::Text, depth)),
                2 => format!("{}[{}]", self.expr(Want::Texts, depth), self.expr(Want::Int, 0)),
                _ => self.choice(Want::Text, depth),
            },
            Want::Ints => match self.random.below(5) {
                0 => format!("[{}, {}]", self.expr(Want::Int, depth), self.expr(Want::Int, depth)),
                1 => format!("({} + {})", self.exact(Want::Ints, depth), self.exact(Want::Ints, depth)),
                2 => self.fold("map", Want::Ints, Want::Int, depth),
                3 => self.fold("filter", Want::Ints, Want::Bool, depth),
                _ => self.choice(Want::Ints, depth),
            },
            Want::Texts => match self.random.below(4) {
                0 => format!("[{}, {}]", self.expr(Want::Text, depth), self.expr(Want::Text, depth)),
                1 => format!("({} + {})", self.exact(Want::Texts, depth), self.exact(Want::Texts, depth)),
                2 => self.fold("filter", Want::Texts, Want::Bool, depth),
                _ => self.fold("map", Want::Texts, Want::Text, depth),
            },
            Want::Map => {
                let value = self.expr(Want::Int, depth);
                format!(
                    "{{'{}': {value}, 'b': {}}}",
                    self.random.pick(&["a", "c"]),
                    self.expr(Want::Int, depth)
                )
            }
        }
    }

    fn test(&mut self, depth: u32) -> String {
        match self.random.below(20) {
            0..3 => format!("({} && {})", self.expr(Want::Bool, depth), self.expr(Want::Bool, depth)),
            3..6 => format!("({} || {})", self.expr(Want::Bool, depth), self.expr(Want::Bool, depth)),
            6 => format!("!({})", self.expr(Want::Bool, depth)),
            7..10 => {
                let want = self.any();
                // The crate cannot order a NaN, so doubles are only tested for equality.
                let ops = ["==", "!=", "<", "<=", ">", ">="];
                let op =
                    self.random.pick(ops.get(..if want == Want::Double { 2 } else { 6 }).unwrap_or(&ops));
                format!("({} {op} {})", self.expr(want, depth), self.expr(want, depth))
            }
            10 => {
                let name = self.random.pick(&["startsWith", "endsWith", "contains"]);
                format!("{}.{name}({})", self.expr(Want::Text, depth), self.expr(Want::Text, depth))
            }
            11 => format!("({} in {})", self.expr(Want::Int, depth), self.expr(Want::Ints, depth)),
            12 => format!("({} in {})", self.expr(Want::Text, depth), self.expr(Want::Texts, depth)),
            13 => format!("has({}.{})", self.expr(Want::Map, depth), self.random.pick(&["a", "b", "zz"])),
            14 => {
                let name = self.random.pick(&["all", "exists", "exists_one"]);
                self.fold(name, Want::Ints, Want::Bool, depth)
            }
            15 => {
                let (left, right) = (self.any(), self.any());
                let op = self.random.pick(&["==", "!="]);
                format!("({} {op} {})", self.expr(left, depth), self.expr(right, depth))
            }
            16 => {
                let (left, right) = (self.any(), self.any());
                format!("(type({}) == type({}))", self.expr(left, depth), self.expr(right, depth))
            }
            17 => {
                let pattern = self.random.pick(&["^a", "b$", "a+b?", "^$", "[a-c]+", "x|é", "."]);
                format!("{}.matches('{pattern}')", self.expr(Want::Text, depth))
            }
            18 => {
                let wants = [Want::Int, Want::Uint];
                let (left, right) = (
                    wants[usize::from(depth.is_multiple_of(2))],
                    wants[usize::from(depth.is_multiple_of(3))],
                );
                let op = self.random.pick(&["<", "<=", ">", ">="]);
                format!("({} {op} {})", self.expr(left, depth), self.expr(right, depth))
            }
            _ => {
                let name = self.random.pick(&["all", "exists", "exists_one"]);
                self.fold(name, Want::Texts, Want::Bool, depth)
            }
        }
    }

    fn fold(&mut self, name: &str, range: Want, body: Want, depth: u32) -> String {
        let range_text = self.exact(range, depth);
        let variable = format!("v{}", self.locals.len());
        let element = if range == Want::Texts { Want::Text } else { Want::Int };
        self.locals.push((variable.clone(), element));
        let body = self.expr(body, depth);
        self.locals.pop();
        format!("{range_text}.{name}({variable}, {body})")
    }

    fn choice(&mut self, want: Want, depth: u32) -> String {
        format!(
            "({} ? {} : {})",
            self.expr(Want::Bool, depth),
            self.expr(want, depth),
            self.expr(want, depth)
        )
    }

    fn any(&mut self) -> Want {
        let all =
            [Want::Bool, Want::Int, Want::Uint, Want::Double, Want::Text, Want::Ints, Want::Texts, Want::Map];
        all[usize::try_from(self.random.below(8)).unwrap_or(0)]
    }

    fn sized(&mut self, depth: u32) -> String {
        let wants = [Want::Text, Want::Ints, Want::Texts, Want::Map];
        let want = wants[usize::try_from(self.random.below(4)).unwrap_or(0)];
        self.expr(want, depth)
    }

    fn scalar(&mut self, depth: u32) -> String {
        let wants = [Want::Int, Want::Uint, Want::Double];
        let want = wants[usize::try_from(self.random.below(3)).unwrap_or(0)];
        self.expr(want, depth)
    }

    fn leaf(&mut self, want: Want) -> String {
        let fitting: Vec<String> =
            self.locals.iter().filter(|(_, held)| *held == want).map(|(name, _)| name.clone()).collect();
        if let Some(name) = fitting.last().filter(|_| self.random.below(2) == 0) {
            return name.clone();
        }
        let texts: &[&str] = match want {
            Want::Bool => &["b", "b", "true", "false", "c"],
            Want::Int => {
                &["i", "j", "i", "0", "1", "-1", "2", "7", "9223372036854775807", "-9223372036854775808"]
            }
            Want::Uint => &["u", "u", "0u", "1u", "3u", "18446744073709551615u"],
            Want::Double => &["d", "d", "0.0", "1.0", "-2.5", "1e300", "0.1"],
            Want::Text => &["s", "t", "'a'", "''", "'ab'", "'é🐱'", "'x'"],
            Want::Ints => &["l", "l", "[]", "[1, 2, 3]", "[0]"],
            Want::Texts => &["ls", "ls", "['a', 'b']", "['ab']"],
            Want::Map => &["m", "m", "{'a': 1}", "{}"],
        };
        self.random.pick(texts).to_owned()
    }
}
