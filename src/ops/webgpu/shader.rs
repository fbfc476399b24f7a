//! A WGSL file specialised to the shapes it runs on.
//!
//! Shapes become typed constants in front of the file: the shader compiler then turns divisions
//! by them into multiplications, and no launch needs an extra buffer for them. Two directives, each
//! on a line of its own, cover what WGSL constants cannot do:
//!
//! - `#if FLAG`, `#else`, `#endif` choose declarations, such as the element type of a binding;
//! - `#repeat COUNT statement` writes the statement `COUNT` times with `$i` replaced by 0, 1, …;
//!   where the statement is again a `#repeat`, `$j` and `$k` count the inner ones.
//!   The innermost loops are unrolled this way because browsers guard every WGSL loop against
//!   running forever, which keeps drivers from unrolling it and the sums from staying in registers.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use burn::tensor::DType;
use burn_wgpu::{KernelSource, SourceTemplate};
use cubecl::{CubeDim, prelude::KernelId};

use super::tensor::Primitive;

/// A number known when the shader is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Constant {
    Unsigned(u32),
    Signed(i32),
    /// Bits of an f32, so that the constant can be compared.
    Float(u32),
    /// The type that a binding stores, f16 or f32.
    Stored {
        half: bool,
    },
}

impl Constant {
    fn bits(self) -> u32 {
        match self {
            Self::Unsigned(value) => value,
            Self::Signed(value) => value as u32,
            Self::Float(bits) => bits,
            Self::Stored { half } => u32::from(half),
        }
    }
}

/// What tells one specialisation from another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Specialisation {
    name: &'static str,
    threads: u32,
    constants: Vec<(&'static str, Constant)>,
    flags: Vec<&'static str>,
}

/// Every launch looks for its pipeline by this, so it reads no names but the shader's: the values
/// tell nearly all specialisations apart.
impl Hash for Specialisation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The multiplier of rustc's hash.
        const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
        let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
        let sizes = [self.constants.len() as u64, self.flags.len() as u64];
        let values = self.constants.iter().map(|(_, value)| value.bits().into());
        let hash = sizes.into_iter().chain(values).fold(0, mix);
        self.name.hash(state);
        state.write_u64(hash);
    }
}

/// A WGSL file and the constants to compile it with.
#[derive(Debug, Clone)]
pub(super) struct Shader {
    text: &'static str,
    /// Shared with what cubecl finds the pipeline by.
    key: Arc<Specialisation>,
}

impl Shader {
    /// `name` must be unique to `text`; `threads` is the number of invocations per workgroup.
    pub(super) fn new(name: &'static str, text: &'static str, threads: usize) -> Self {
        Self {
            text,
            key: Arc::new(Specialisation {
                name,
                threads: threads as u32,
                // More than any has.
                constants: Vec::with_capacity(48),
                flags: Vec::with_capacity(8),
            }),
        }
        .constant("THREADS", threads)
    }

    fn with(mut self, name: &'static str, value: Constant) -> Self {
        Arc::make_mut(&mut self.key).constants.push((name, value));
        self
    }

    pub(super) fn constant(self, name: &'static str, value: usize) -> Self {
        self.with(name, Constant::Unsigned(value as u32))
    }

    pub(super) fn signed(self, name: &'static str, value: i32) -> Self {
        self.with(name, Constant::Signed(value))
    }

    pub(super) fn float(self, name: &'static str, value: f32) -> Self {
        self.with(name, Constant::Float(value.to_bits()))
    }

    /// Declares the aliases `{name}1` and `{name}4` for a number and a vec4 as `tensor` stores
    /// them. Kernels convert to f32 what they load, and back what they store; where both are the
    /// same that is free. None where there is no `tensor`.
    pub(super) fn stored<'a>(
        self,
        name: &'static str,
        tensor: impl Into<Option<&'a Primitive>>,
    ) -> Self {
        match tensor.into() {
            Some(tensor) => {
                let half = tensor.dtype == DType::F16;
                self.with(name, Constant::Stored { half })
            }
            None => self,
        }
    }

    pub(super) fn flag(mut self, name: &'static str, set: bool) -> Self {
        if set {
            Arc::make_mut(&mut self.key).flags.push(name);
        }
        self
    }

    pub(super) fn threads(&self) -> u32 {
        self.key.threads
    }

    #[cfg(not(target_family = "wasm"))]
    pub(super) fn name(&self) -> &'static str {
        self.key.name
    }

    /// The constants as numbers; the bits of a number for types.
    #[cfg(not(target_family = "wasm"))]
    pub(super) fn values(&self) -> Vec<(&'static str, f64)> {
        let number = |value: &Constant| match *value {
            Constant::Unsigned(value) => f64::from(value),
            Constant::Signed(value) => f64::from(value),
            Constant::Float(bits) => f64::from(f32::from_bits(bits)),
            Constant::Stored { half } => {
                if half {
                    16.0
                } else {
                    32.0
                }
            }
        };
        let constants = self.key.constants.iter();
        constants
            .map(|(name, value)| (*name, number(value)))
            .collect()
    }

    fn count(&self, name: &str) -> u32 {
        self.key
            .constants
            .iter()
            .find_map(|(candidate, value)| match value {
                Constant::Unsigned(value) if *candidate == name => Some(*value),
                _ => None,
            })
            .unwrap_or_else(|| panic!("{}.wgsl repeats unknown constant {name}", self.key.name))
    }

    /// Appends `line`, repeated if it asks for that.
    fn repeat(&self, line: &str, counters: &[&str], source: &mut String) {
        let repeated = line.trim_start().strip_prefix("#repeat ");
        let (Some(repeated), [counter, inner @ ..]) = (repeated, counters) else {
            source.push_str(line);
            source.push('\n');
            return;
        };
        let (count, statement) = repeated.split_once(' ').unwrap_or((repeated, ""));
        for index in 0..self.count(count) {
            let statement = statement.replace(counter, &index.to_string());
            self.repeat(&statement, inner, source);
        }
    }

    /// The complete WGSL, with the bindings as a browser has them.
    pub(super) fn source_text(&self) -> String {
        let mut source = String::with_capacity(2 * self.text.len());
        let half = Constant::Stored { half: true };
        if self.key.constants.iter().any(|(_, value)| *value == half) {
            source += "enable f16;\n";
        }
        for (name, value) in &self.key.constants {
            source += &match value {
                Constant::Unsigned(value) => format!("const {name}: u32 = {value}u;\n"),
                Constant::Signed(value) => format!("const {name}: i32 = {value}i;\n"),
                Constant::Float(bits) => {
                    format!("const {name}: f32 = {:e}f;\n", f32::from_bits(*bits))
                }
                Constant::Stored { half } => {
                    let number = if *half { "f16" } else { "f32" };
                    format!("alias {name}1 = {number};\nalias {name}4 = vec4<{number}>;\n")
                }
            };
        }
        // Whether each enclosing `#if` keeps its lines.
        let mut kept: Vec<bool> = Vec::new();
        for line in self.text.lines() {
            let directive = line.trim_start();
            if let Some(flag) = directive.strip_prefix("#if ") {
                kept.push(self.key.flags.contains(&flag.trim()));
            } else if directive.starts_with("#else") {
                if let Some(last) = kept.last_mut() {
                    *last = !*last;
                }
            } else if directive.starts_with("#endif") {
                kept.pop();
            } else if kept.contains(&false) || directive.starts_with("//") {
                continue;
            } else {
                self.repeat(line, &["$i", "$j", "$k"], &mut source);
            }
        }
        source
    }
}

impl KernelSource for Shader {
    fn source(&self) -> SourceTemplate {
        let mut source = self.source_text();
        // WebGPU refuses a buffer that is bound for reading and for writing in one dispatch.
        // Natively a device of somebody else's may put any two tensors into one buffer, so every
        // binding is of one kind there. In a browser the device is ours: tensors share a buffer
        // only where `tensor::part` makes them, and no kernel writes one part while it reads
        // another; there a buffer may be bound twice as long as both bindings are read-only.
        if cfg!(not(target_family = "wasm")) {
            source = source.replace("<storage, read>", "<storage, read_write>");
        }
        SourceTemplate::new(source)
    }

    fn id(&self) -> KernelId {
        KernelId::new::<Self>()
            .cube_dim(CubeDim::new_1d(self.key.threads))
            .info(self.key.clone())
    }
}
