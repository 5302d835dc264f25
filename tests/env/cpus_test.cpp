// What the system and its containers grant.
#include "env/cpus.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "support/test_directory.hpp"

namespace {

using weft::detail::cpu_quota;

/// A made-up /sys/fs/cgroup and /proc/self/cgroup.
struct hierarchy {
  void put(const std::string& file, const std::string& text) const { root.write(file, text); }
  double quota() const { return cpu_quota(root / "sys", root / "self"); }
  const test_directory root;
};

}  // namespace

TEST_CASE("there is a processor to run on", "[cpus]") {
  CHECK_FALSE(weft::detail::allowed_cpus().empty());
  CHECK(weft::detail::usable_cpus() >= 1);
  CHECK(weft::detail::usable_cpus() <= weft::detail::allowed_cpus().size());
}

TEST_CASE("a quota of cgroup version 2, at whatever level it is least", "[cpus]") {
  const hierarchy h;
  h.put("self", "0::/a/b\n");
  CHECK(h.quota() > 1e9);
  h.put("sys/a/cpu.max", "150000 100000\n");
  CHECK(h.quota() == 1.5);
  h.put("sys/a/b/cpu.max", "max 100000\n");
  CHECK(h.quota() == 1.5);
  h.put("sys/a/b/cpu.max", "50000 100000\n");
  CHECK(h.quota() == 0.5);
}

TEST_CASE("in a container the mount is the group itself", "[cpus]") {
  const hierarchy h;
  h.put("self", "0::/kubepods/pod7/container\n");
  h.put("sys/cpu.max", "200000 100000\n");
  CHECK(h.quota() == 2);
}

TEST_CASE("a quota of cgroup version 1, alone or mounted with cpuacct, and both versions at once", "[cpus]") {
  const hierarchy h;
  h.put("self", "7:memory:/x\n4:cpu:/job\n0::/\n");
  h.put("sys/cpu/job/cpu.cfs_quota_us", "-1\n");
  h.put("sys/cpu/job/cpu.cfs_period_us", "100000\n");
  CHECK(h.quota() > 1e9);
  h.put("sys/cpu/job/cpu.cfs_quota_us", "25000\n");
  CHECK(h.quota() == 0.25);
  h.put("self", "4:cpu,cpuacct:/job\n");
  h.put("sys/cpu,cpuacct/job/cpu.cfs_quota_us", "10000\n");
  h.put("sys/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  CHECK(h.quota() == 0.1);
}

TEST_CASE("what cannot be read limits nothing", "[cpus]") {
  const hierarchy h;
  CHECK(h.quota() > 1e9);
  h.put("self", "nonsense\n\n::\n0::\n4:cpu:/x\n");
  h.put("sys/cpu/x/cpu.cfs_quota_us", "many\n");
  h.put("sys/cpu.max", "max\n");
  CHECK(h.quota() > 1e9);
  h.put("sys/cpu.max", "100000 0\n");
  CHECK(h.quota() > 1e9);
}
