#pragma once

#include <string>
#include <vector>

namespace weft::detail {

/// The processors this process may run on, in the system's order.
std::vector<int> allowed_cpus();

/// How many processors' worth of time the cgroups of this process allow, over both versions and all levels; a
/// huge number where there is no limit. `root` and `self` replace /sys/fs/cgroup and /proc/self/cgroup.
double cpu_quota(const std::string& root = "/sys/fs/cgroup", const std::string& self = "/proc/self/cgroup");

/// How many workers a pool should have: the smaller of the two, rounded up, at least one.
unsigned usable_cpus();

}  // namespace weft::detail
