//! Function multiversioning: vectors wider than the compiler may assume.

/// Defines functions that are compiled three times on x86-64, for its baseline, for AVX2 and for
/// AVX-512, and choose at run time. Elsewhere the body is compiled once for the vectors of the
/// target.
///
/// Only the width differs: without fused multiply-adds all versions give the same bits. What the
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
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
                fn avx512($($argument: $type),*) $(-> $result)? {
                    body($($argument),*)
                }
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $type),*) $(-> $result)? {
                    body($($argument),*)
                }
                if std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512vl")
                    && std::arch::is_x86_feature_detected!("avx512dq")
                    && std::arch::is_x86_feature_detected!("avx512bw")
                {
                    // SAFETY: the processor has the features the function needs.
                    return unsafe { avx512($($argument),*) };
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
