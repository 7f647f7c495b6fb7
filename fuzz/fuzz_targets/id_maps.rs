#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    namespaces::fuzz_tests::id_maps(data);
});
