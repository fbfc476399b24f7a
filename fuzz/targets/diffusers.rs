#![no_main]

#[expect(dead_code, reason = "each target calls one")]
#[path = "../../tests/hostile/readers.rs"]
mod readers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::diffusers(bytes));
