#pragma once

#include <functional>
#include <string>

namespace weft::detail {

/// Calls `look(directory, version_2)` for every directory that may limit this process by the controller ("cpu",
/// "memory"): over both versions, from the hierarchy's mount to the process's group. In a container the group's path
/// may be that of the host, and the mount the group itself: then the levels that do not exist limit nothing. `root`
/// stands for /sys/fs/cgroup, `self` for /proc/self/cgroup.
void for_each_cgroup(const std::string& controller, const std::string& root, const std::string& self,
                     const std::function<void(const std::string& directory, bool version_2)>& look);

}  // namespace weft::detail
