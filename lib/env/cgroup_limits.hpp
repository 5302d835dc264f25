#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace weft::detail {

/// A cgroup below this process's own, with limits, for processes that it starts; gone at its end, with whatever
/// still runs in it.
///
/// Version 1 has a hierarchy for each controller: the group is made in each. Version 2 has one, and allows limits
/// only below groups that have no processes of their own: so this process moves into a leaf beside the new group
/// first (`weft-nanny-PID`), if it is alone where it is; others' processes are not moved. Leaves and groups of
/// processes that died are removed by the next who makes one.
class cgroup_limits {
 public:
  struct options {
    std::string name;          // of the group, beginning with `weft-`
    std::uint64_t memory = 0;  // bytes; 0: not limited
    double processors = 0;     // processors' time per time; 0: not limited
    std::string root = "/sys/fs/cgroup", self = "/proc/self/cgroup";
  };
  /// With those of the limits that the system grants. Nothing when it grants none: `why` says why, and also what of
  /// it is missing when there is one.
  static std::optional<cgroup_limits> make(const options& what, std::string& why);

  cgroup_limits(cgroup_limits&& o) noexcept = default;
  cgroup_limits& operator=(cgroup_limits&& o) noexcept;
  ~cgroup_limits();

  /// A process, with all that it starts from then on.
  std::error_code add(int process) const;
  bool limits_memory() const noexcept { return !memory_.empty(); }
  bool limits_processors() const noexcept { return processors_; }
  /// Processes in it that the kernel has killed because the memory was used up.
  std::uint64_t killed() const;
  const std::vector<std::string>& directories() const noexcept { return directories_; }

 private:
  cgroup_limits() = default;
  void remove() noexcept;

  std::vector<std::string> directories_;
  std::string memory_;  // the file that tells how many were killed
  bool processors_ = false;
};

}  // namespace weft::detail
