#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    container::fuzz_tests::config(data);
});
