#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cgroups::fuzz_tests::systemd_replies(data));
