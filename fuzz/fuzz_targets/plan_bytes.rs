#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    launch::fuzz_tests::plan_bytes(data);
    launch::fuzz_tests::packet(data);
});
