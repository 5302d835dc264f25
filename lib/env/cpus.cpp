#include "env/cpus.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "env/cgroups.hpp"

namespace weft::detail {

std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
  for (std::size_t most = 1024; most <= 1u << 20; most *= 4) {  // the kernel says EINVAL while the set is too small
    cpu_set_t* set = CPU_ALLOC(most);
    const std::size_t size = CPU_ALLOC_SIZE(most);
    CPU_ZERO_S(size, set);
    const bool known = ::sched_getaffinity(0, size, set) == 0;
    for (std::size_t i = 0; known && i < most; ++i)
      if (CPU_ISSET_S(i, size, set)) cpus.push_back(static_cast<int>(i));
    CPU_FREE(set);
    if (known) break;
  }
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

namespace {

constexpr double unlimited = std::numeric_limits<double>::max();

double quota_of(const std::string& directory, bool v2) {
  if (v2) {
    std::ifstream in(directory + "/cpu.max");
    std::string quota;
    double period = 0;
    if (in >> quota >> period && quota != "max" && period > 0) return std::stod(quota) / period;
    return unlimited;
  }
  std::ifstream quota_in(directory + "/cpu.cfs_quota_us"), period_in(directory + "/cpu.cfs_period_us");
  double quota = -1, period = 0;
  if (quota_in >> quota && period_in >> period && quota > 0 && period > 0) return quota / period;
  return unlimited;
}

}  // namespace

double cpu_quota(const std::string& root, const std::string& self) {
  double least = unlimited;
  for_each_cgroup("cpu", root, self, [&](const std::string& directory, bool version_2) {
    least = std::min(least, quota_of(directory, version_2));
  });
  return least;
}

unsigned usable_cpus() {
  const double cpus = static_cast<double>(allowed_cpus().size());
  return static_cast<unsigned>(std::max(1.0, std::min(cpus, std::ceil(cpu_quota()))));
}

}  // namespace weft::detail
