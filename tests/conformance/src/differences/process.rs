//! What others are known to do otherwise in the rows of the document, the process and `features`.

use super::{Difference, crun, ours, runc};

/// What came after both.
const NEWER: &[&str] = &[
    "scheduling::a_policy_and_its_nice_value",
    "scheduling::a_nice_value_defaults_to_zero",
    "scheduling::real_time_policies_have_a_priority",
    "scheduling::a_deadline",
    "scheduling::a_policy_that_no_kernel_has",
    "scheduling::a_child_does_not_inherit_what_is_reset",
    "scheduling::flags_of_deadlines",
    "scheduling::flags_that_keep",
    "scheduling::utilization_clamps",
    "scheduling::a_policy_is_required",
    "scheduling::an_unknown_flag_is_refused",
    "scheduling::what_does_not_go_together_is_refused",
    "scheduling::a_scheduler_goes_for_exec",
    "scheduling::each_class_of_priority",
    "scheduling::children_have_the_priority",
    "scheduling::a_class_is_required",
    "scheduling::a_priority_is_from_0_to_7",
    "scheduling::a_priority_goes_for_exec",
    "scheduling::the_final_affinity_is_execs",
    "scheduling::a_list_that_is_none_is_refused",
    "memory_policy::each_mode_is_the_processs",
    "memory_policy::each_flag_is_the_policys",
    "memory_policy::the_policy_goes_for_exec",
    "memory_policy::a_mode_is_required",
    "memory_policy::an_unknown_flag_is_refused",
    "memory_policy::nodes_that_are_no_list_are_refused",
    "memory_policy::nodes_that_a_mode_does_not_take_are_refused",
    "memory_policy::nodes_that_a_mode_needs_are_required",
    "memory_policy::what_the_kernel_refuses_is_an_error",
];

const WHY: &str = "it is older than this property, and ignores it";

/// All of them.
pub(super) fn all() -> impl Iterator<Item = Difference> {
    NEWER.iter().flat_map(|row| [runc(row, WHY), crun(row, WHY)]).chain(OTHER.iter().copied())
}

const LOOKUP: &str = "as runc does, whose words for it engines know";

#[rustfmt::skip]
const OTHER: &[Difference] = &[
    ours("process::an_empty_entry_of_the_path_is_the_directory", LOOKUP),
    ours("process::what_has_no_known_format_is_a_script", LOOKUP),
    ours("identity::the_umask_is_left_alone", "0022, as runc and crun: images rely on it"),

    runc("config::a_version_is_required", "it does not look at the version"),
    runc("config::a_minor_version_of_the_future_is_refused", "it does not look at the version"),
    runc("config::a_domain_name_is_the_containers", WHY),
    runc("config::a_domain_name_without_a_namespace", WHY),
    runc("config::an_annotation_has_a_key", "it takes an empty one"),
    runc("config::linux_is_optional", "it wants a /proc in the container"),
    runc("document::a_config_is_utf_8", "its JSON parser replaces what is none"),
    runc("document::a_name_stands_once_in_an_object", "its JSON parser takes the last one"),
    runc("document::a_container_without_a_process_is_created", "it wants a process at once"),
    runc("process::an_empty_entry_of_the_path_is_the_directory", "Go's LookPath refuses it since 1.19"),
    runc("process::what_has_no_known_format_is_a_script", "it execs, and tells \"exec format error\""),
    runc("process::a_size_has_height_and_width", "it takes 0 for the other"),
    runc("process::a_limit_is_whole", "it takes 0 for the other"),
    runc("process::a_limit_stands_once", "it takes the last one"),
    runc("identity::groups_that_cannot_be_set_are_an_error", "it wants mappings even for a namespace that it joins"),
    runc("identity::the_umask_is_left_alone", "0022"),
    runc("identity::capabilities_that_cannot_be_granted_are_warnings", "the rule of 1.1: it fails"),
    runc("identity::what_breaks_the_kernels_rules_is_a_warning", "it fails"),
    runc("listed::each_mount_option_is_known", "it hands \"defaults\" on to the file system"),

    crun("config::what_is_no_version_is_refused", "it takes \"1\" for one"),
    crun("config::an_annotation_has_a_key", "it takes an empty one"),
    crun("config::linux_is_optional", "it wants `linux`"),
    crun("document::a_name_stands_once_in_an_object", "its JSON parser takes one of them"),
    crun("document::values_of_the_wrong_type_are_refused", "it ignores a hostname that is a list"),
    crun("document::a_container_without_a_process_is_created", "it fails without capabilities"),
    crun("process::a_directory_is_required", "it takes a relative one"),
    crun("process::an_empty_entry_of_the_path_is_the_directory", "it does not look there"),
    crun("process::what_has_no_known_format_is_a_script", "it execs, and tells \"Exec format error\""),
    crun("process::a_size_has_height_and_width", "it takes 0 for the other"),
    crun("process::a_limit_is_whole", "it takes 0 for the other"),
    crun("process::a_limit_stands_once", "it takes the last one"),
    crun("identity::groups_that_cannot_be_set_are_an_error", "it ignores them"),
    crun("identity::what_is_no_id_is_refused", "it takes -1, and stays root"),
    crun("identity::the_umask_is_left_alone", "0022"),
    crun("identity::a_umask_is_one", "it takes text"),
    crun("identity::capabilities_that_cannot_be_granted_are_warnings", "the rule of 1.1: it fails"),
    crun("identity::what_breaks_the_kernels_rules_is_a_warning", "it fails"),
];
