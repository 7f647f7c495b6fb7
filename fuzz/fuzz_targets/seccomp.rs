#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    security::seccomp::fuzz_tests::seccomp(data);
});
