//! Vectors of the widest kind that the processor has, chosen at run time.

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::*;
#[cfg(target_family = "wasm")]
use std::arch::wasm32::*;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// A vector of f32.
pub trait Lanes: Copy {
    /// Numbers in it.
    const COUNT: usize;

    /// `value` in every lane.
    fn splat(value: f32) -> Self;

    /// The numbers from `from` on.
    ///
    /// # Safety
    /// There are [`Lanes::COUNT`] of them to be read.
    unsafe fn load(from: *const f32) -> Self;

    /// Writes the numbers from `to` on.
    ///
    /// # Safety
    /// There is room for [`Lanes::COUNT`] of them that nothing else refers to.
    unsafe fn store(self, to: *mut f32);

    /// The sum.
    fn add(self, other: Self) -> Self;

    /// The difference.
    fn sub(self, other: Self) -> Self;

    /// `self` · `factor` + `addend`, rounded once where the processor can.
    fn mul_add(self, factor: Self, addend: Self) -> Self;
}

/// A computation that is compiled for every kind of vector.
pub trait Vectorised {
    /// What it gives.
    type Output;

    /// Runs it on vectors `L` with register tiles of `ROWS` rows of two vectors.
    ///
    /// Implementations and what they call must be `#[inline(always)]`: only then are they compiled
    /// for the processor that has the vectors.
    fn run<L: Lanes, const ROWS: usize>(self) -> Self::Output;
}

/// Runs `work` on the widest vectors there are.
pub fn vectorised<W: Vectorised>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f")]
        fn avx512<W: Vectorised>(work: W) -> W::Output {
            work.run::<Avx512, 8>()
        }
        #[target_feature(enable = "avx2,fma")]
        fn avx2<W: Vectorised>(work: W) -> W::Output {
            work.run::<Avx2, 6>()
        }
        if std::arch::is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the feature.
            return unsafe { avx512(work) };
        }
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
        {
            // SAFETY: the processor has both features.
            return unsafe { avx2(work) };
        }
    }
    work.run::<Baseline, 4>()
}

/// Vectors `$name` of `$count` lanes, from the intrinsics of their operations.
macro_rules! lanes {
    (
        $(#[$attribute:meta])*
        $name:ident($vector:ty, $count:literal):
        $load:expr, $store:expr, $splat:ident, $add:ident, $sub:ident, $mul_add:expr
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name($vector);

        // The intrinsics are unsafe to call where the vectors are not the target's own.
        #[allow(unused_unsafe, reason = "the target may have the vectors in any case")]
        impl Lanes for $name {
            const COUNT: usize = $count;

            #[inline(always)]
            fn splat(value: f32) -> Self {
                // SAFETY: only `vectorised` names this type, after asking the processor.
                Self(unsafe { $splat(value) })
            }

            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                // SAFETY: the caller's numbers, and as for `splat`.
                Self(unsafe { $load(from) })
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                // SAFETY: the caller's room, and as for `splat`.
                unsafe { $store(to, self.0) }
            }

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: as for `splat`.
                Self(unsafe { $add(self.0, other.0) })
            }

            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                // SAFETY: as for `splat`.
                Self(unsafe { $sub(self.0, other.0) })
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                // SAFETY: as for `splat`.
                Self(unsafe { $mul_add(self.0, factor.0, addend.0) })
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
lanes! {
    /// AVX-512.
    Avx512(__m512, 16): _mm512_loadu_ps, _mm512_storeu_ps, _mm512_set1_ps, _mm512_add_ps,
    _mm512_sub_ps, _mm512_fmadd_ps
}

#[cfg(target_arch = "x86_64")]
lanes! {
    /// AVX2 with fused multiply-add.
    Avx2(__m256, 8): _mm256_loadu_ps, _mm256_storeu_ps, _mm256_set1_ps, _mm256_add_ps,
    _mm256_sub_ps, _mm256_fmadd_ps
}

#[cfg(target_arch = "x86_64")]
lanes! {
    /// What every x86-64 processor has.
    Baseline(__m128, 4): _mm_loadu_ps, _mm_storeu_ps, _mm_set1_ps, _mm_add_ps, _mm_sub_ps,
    |a, b, c| _mm_add_ps(_mm_mul_ps(a, b), c)
}

#[cfg(target_arch = "aarch64")]
lanes! {
    /// NEON.
    Baseline(float32x4_t, 4): vld1q_f32, vst1q_f32, vdupq_n_f32, vaddq_f32, vsubq_f32,
    |a, b, c| vfmaq_f32(c, a, b)
}

#[cfg(target_family = "wasm")]
lanes! {
    /// WebAssembly's vectors.
    Baseline(v128, 4): |from: *const f32| v128_load(from.cast()),
    |to: *mut f32, value| v128_store(to.cast(), value),
    f32x4_splat, f32x4_add, f32x4_sub, multiply_add
}

#[cfg(target_family = "wasm")]
#[inline(always)]
fn multiply_add(a: v128, b: v128, c: v128) -> v128 {
    #[cfg(target_feature = "relaxed-simd")]
    return f32x4_relaxed_madd(a, b, c);
    #[cfg(not(target_feature = "relaxed-simd"))]
    f32x4_add(f32x4_mul(a, b), c)
}

#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_family = "wasm"
)))]
mod scalar {
    unsafe fn load(from: *const f32) -> f32 {
        // SAFETY: the caller's number.
        unsafe { *from }
    }
    unsafe fn store(to: *mut f32, value: f32) {
        // SAFETY: the caller's room.
        unsafe { *to = value }
    }
    fn splat(value: f32) -> f32 {
        value
    }
    fn add(a: f32, b: f32) -> f32 {
        a + b
    }
    fn sub(a: f32, b: f32) -> f32 {
        a - b
    }
    super::lanes! {
        /// One number at a time.
        Baseline(f32, 1): load, store, splat, add, sub, |a, b, c| a * b + c
    }
}
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_family = "wasm"
)))]
use scalar::Baseline;
