#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| credbench_fuzz::template(data));
