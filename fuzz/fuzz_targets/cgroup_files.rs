#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    cgroups::fuzz_tests::cgroup_files(data);
});
