#include "env/cgroup_limits.hpp"

#include <sys/stat.h>

#include "worker/nanny/support.hpp"

using weft::detail::cgroup_limits;
using namespace nanny_test;

namespace {

void write(const std::string& file, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(file).parent_path());
  std::ofstream(file) << text;
}

}  // namespace

TEST_CASE("limits are those of the kernel, where it lets us have them") {
  std::string why;
  cgroup_limits::options o;
  o.name = "weft-worker-test-" + std::to_string(::getpid());
  o.memory = std::uint64_t{64} << 20;
  o.processors = 0.5;
  std::vector<std::string> directories;
  {
    auto group = cgroup_limits::make(o, why);
    if (!group || !group->limits_memory()) {
      WARN("no cgroup of our own here: " << why);
      return;
    }
    directories = group->directories();
    REQUIRE_FALSE(directories.empty());
    const test_directory d;
    REQUIRE(::mkfifo((d / "go").c_str(), 0600) == 0);
    // More than it may: the kernel kills it.
    process eats(d, {"/bin/sh", "-c", "read x <" + (d / "go") + "; a=0123456789abcdef; while :; do a=$a$a; done"});
    CHECK_FALSE(group->add(eats.id()));
    std::ofstream(d / "go") << "now\n";
    CHECK(eats.end() == 137);
    CHECK(group->killed() >= 1);
    // What still runs ends with the group.
    process sleeps(d, {"/bin/sh", "-c", "exec sleep 1000"});
    CHECK_FALSE(group->add(sleeps.id()));
    group.reset();
    CHECK(sleeps.end() == 137);
  }
  for (const std::string& directory : directories) {
    // What was dying when the group went is removed with the next.
    if (std::filesystem::exists(directory)) ::rmdir(directory.c_str());
    CHECK_FALSE(std::filesystem::exists(directory));
  }
}

TEST_CASE("version 2 is asked for what it has") {
  const test_directory d;
  const std::string root = d / "cgroup", self = d / "self";
  write(self, "0::/scope\n");
  for (const char* group : {"", "/scope"}) {
    write(root + group + "/cgroup.procs", "");
    write(root + group + "/cgroup.controllers", "cpu memory\n");
    write(root + group + "/cgroup.subtree_control", "memory cpu\n");
  }
  std::string why;
  cgroup_limits::options o{"weft-worker-1", 1 << 20, 2, root, self};
  // Files of a group are the kernel's: in a plain directory there are none.
  CHECK_FALSE(cgroup_limits::make(o, why));
  CHECK_THAT(why, Catch::Contains("memory.max"));
  write(root + "/scope/weft-worker-1/memory.max", "");
  write(root + "/scope/weft-worker-1/cpu.max", "");
  const auto group = cgroup_limits::make(o, why);
  REQUIRE(group);
  CHECK(why.empty());
  CHECK(content(root + "/scope/weft-worker-1/memory.max") == "1048576");
  CHECK(content(root + "/scope/weft-worker-1/cpu.max") == "200000 100000");
}

TEST_CASE("without cgroups it is said why") {
  const test_directory d;
  std::string why;
  CHECK_FALSE(cgroup_limits::make({"weft-worker-1", 1 << 20, 0, d.path().string(), d / "none"}, why));
  CHECK(why == "no cgroup of this process has the controller memory");
}
