#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| credbench_fuzz::imports(data));
