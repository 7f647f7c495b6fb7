//! What a runtime is known to do otherwise, and why. An entry that is not needed any more is a failure.

/// A row that does not hold.
pub(crate) struct Difference {
    runtime: &'static str,
    row: &'static str,
    pub(crate) reason: &'static str,
}

/// The known difference of a runtime in a row.
pub(crate) fn of(runtime: &str, row: &str) -> Option<&'static Difference> {
    DIFFERENCES.iter().find(|known| known.runtime == runtime && known.row == row)
}

const fn runc(row: &'static str, reason: &'static str) -> Difference {
    Difference { runtime: "runc 1.1.5", row, reason }
}

const fn crun(row: &'static str, reason: &'static str) -> Difference {
    Difference { runtime: "crun 1.8.1", row, reason }
}

const fn ours(row: &'static str, reason: &'static str) -> Difference {
    Difference { runtime: "cofferdam", row, reason }
}

#[rustfmt::skip]
const DIFFERENCES: &[Difference] = &[
    runc("config::what_is_no_version_is_refused", "it does not look at the version"),
    runc("config::another_major_version_is_refused", "it does not look at the version"),
    crun("config::a_later_minor_version_is_taken", "it takes 1.0 and 1.1"),
    runc("devices::members_are_required", "it makes a device without a type"),
    runc("devices::numbers_are_required", "it takes 0"),
    runc("devices::what_is_there_and_does_not_match_is_refused", "it leaves the file there"),
    runc("devices::owners_are_the_containers", "in a user namespace it binds the host's, and a FIFO is none of those"),
    runc("mount_options::defaults", "it goes to the file system"),
    runc("mount_options::what_a_bind_inherits_is_cleared", "options that only clear are passed over"),
    runc("mount_trees::ratime_and_rnoatime", "the kernel refuses how it asks"),
    runc("mount_trees::rstrictatime_and_rnostrictatime", "the kernel refuses how it asks"),
    runc("mount_trees::idmap", "it has no id maps"),
    runc("mount_trees::idmap_of_a_relative_source", "it has no id maps"),
    runc("mount_trees::ridmap", "it has no id maps"),
    runc("mount_trees::idmap_takes_several_ranges", "it has no id maps"),
    runc("mount_trees::idmap_without_mappings", "it has no id maps"),
    runc("mount_trees::idmap_that_cannot_be_is_an_error", "it has no id maps"),
    runc("mount_trees::locked_flags_stay", "it asks the kernel to clear them, which refuses"),
    runc("mounts::mappings_come_in_pairs", "it has no id maps"),
    runc("mounts::mappings_are_never_ignored", "it has no id maps"),
    runc("namespaces::time", "it has no time namespaces"),
    runc("namespaces::a_time_namespace_is_joined", "it has no time namespaces"),
    runc("namespaces::a_user_namespace_is_joined", "it wants mappings beside the path"),
    runc("namespaces::container_id_is_required", "it takes 0"),
    runc("namespaces::host_id_is_required", "it takes 0"),
    runc("namespaces::mappings_need_a_user_namespace", "it passes over them"),
    runc("namespaces::offsets_are_applied", "it has no time namespaces"),
    runc("namespaces::an_offset_may_be_negative", "it has no time namespaces"),
    runc("namespaces::each_member_of_an_offset_may_be_absent", "it has no time namespaces"),
    runc("namespaces::offsets_need_a_new_time_namespace", "it has no time namespaces"),
    runc("paths::shared", "the root is private"),
    runc("paths::slave", "only with `rslave`, which is its own"),
    runc("paths::unbindable", "it can't bind such a root itself"),
    runc("paths::a_relative_masked_path_is_refused", "it passes over it"),
    runc("paths::a_relative_read_only_path_is_refused", "it passes over it"),
    runc("paths::linux32", "it has no personality"),
    runc("paths::an_unknown_domain_is_refused", "it has no personality"),
    runc("paths::a_domain_is_required", "it has no personality"),
    runc("paths::flags_are_refused", "it has no personality"),
    crun("devices::an_unknown_type_is_refused", "it looks at the first letter only, and takes what is left for c"),
    crun("devices::numbers_are_required", "it takes 0"),
    crun("devices::what_is_there_and_does_not_match_is_refused", "it leaves the file there"),
    crun("devices::a_default_device_that_is_listed", "the owner is root"),
    crun("mount_options::symfollow_and_nosymfollow", "it goes to the file system"),
    crun("mount_options::the_later_of_two_counts", "`ro` counts"),
    crun("mount_options::what_a_bind_inherits_is_cleared", "`atime` is passed over"),
    crun("mount_options::sync_and_async", "`sync` counts"),
    crun("mount_options::iversion_and_noiversion", "they go to the file system"),
    crun("mount_options::silent_and_loud", "they go to the file system"),
    crun("mount_trees::shared", "in the end it makes all mounts private"),
    crun("mount_trees::slave", "in the end it makes all mounts private"),
    crun("mount_trees::unbindable", "in the end it makes all mounts private"),
    crun("mount_trees::rshared", "in the end it makes all mounts private"),
    crun("mount_trees::rslave", "in the end it makes all mounts private"),
    crun("mount_trees::runbindable", "in the end it makes all mounts private"),
    crun("mount_trees::rsymfollow_and_rnosymfollow", "`rnosymfollow` is passed over"),
    crun("mount_trees::ratime_and_rnoatime", "the kernel refuses how it asks"),
    crun("mount_trees::rrelatime_and_rnorelatime", "it changes nothing"),
    crun("mount_trees::rstrictatime_and_rnostrictatime", "the kernel refuses how it asks"),
    crun("mount_trees::rdiratime_and_rnodiratime", "the kernel refuses how it asks"),
    crun("mount_trees::idmap_of_a_relative_source", "it does not find the source"),
    crun("mount_trees::idmap_leaves_what_is_below", "what is mounted below is not there"),
    crun("mount_trees::ridmap", "what is mounted below is not there"),
    crun("mount_trees::idmap_without_mappings", "it makes no map"),
    crun("mount_trees::locked_flags_stay", "flags of the source are lost"),
    crun("namespaces::time", "it has no time namespaces"),
    crun("namespaces::a_time_namespace_is_joined", "it has no time namespaces"),
    crun("namespaces::a_second_of_a_type_is_refused", "it takes it"),
    crun("namespaces::a_relative_path_is_refused", "it takes it"),
    crun("namespaces::container_id_is_required", "it takes 0"),
    crun("namespaces::host_id_is_required", "it takes 0"),
    crun("namespaces::mappings_need_a_user_namespace", "it makes a user namespace"),
    crun("namespaces::offsets_are_applied", "it has no time namespaces"),
    crun("namespaces::an_offset_may_be_negative", "it has no time namespaces"),
    crun("namespaces::each_member_of_an_offset_may_be_absent", "it has no time namespaces"),
    crun("mounts::a_link_that_leads_nowhere", "it follows no such link"),
    crun("namespaces::offsets_need_a_new_time_namespace", "it has no time namespaces"),
    crun("paths::slave", "the root is private"),
    crun("paths::an_unknown_propagation_is_refused", "it passes over it"),
    crun("paths::a_relative_masked_path_is_refused", "it takes it"),
    crun("paths::read_only_paths_keep_their_flags", "they are lost"),
    crun("paths::a_relative_read_only_path_is_refused", "it takes it"),
    crun("paths::flags_are_refused", "it passes over them"),
];
