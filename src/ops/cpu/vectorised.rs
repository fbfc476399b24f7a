//! Function multiversioning: vectors wider than the compiler may assume.

/// Defines functions that are compiled twice on x86-64, for its baseline and for AVX2, and choose
/// at run time. Elsewhere the body is compiled once for the vectors of the target.
///
/// Only the width differs: without fused multiply-adds both versions give the same bits. What the
/// body calls must be `#[inline(always)]` to be compiled with it.
macro_rules! vectorised {
    ($(
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?)
            $(-> $result:ty)?
        $body:block
    )+) => {$(
        $(#[$attribute])*
        $visibility fn $name($($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn body($($argument: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $type),*) $(-> $result)? {
                    body($($argument),*)
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has the one feature the function needs.
                    return unsafe { avx2($($argument),*) };
                }
            }
            body($($argument),*)
        }
    )+};
}
pub(super) use vectorised;
