#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    launch::fuzz_tests::user_lookup(data);
    container::fuzz_tests::user_lookup(data);
});
