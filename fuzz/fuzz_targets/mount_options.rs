#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    rootfs::fuzz_tests::mount_options(data);
});
