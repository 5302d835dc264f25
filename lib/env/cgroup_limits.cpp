#include "env/cgroup_limits.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

#include "env/cgroups.hpp"

namespace weft::detail {

namespace {

constexpr std::string_view leaf_name = "weft-nanny-";

/// 0, or errno. The kernel takes or refuses a value by the write itself.
int write_value(const std::string& file, const std::string& value) noexcept {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const ssize_t n = ::write(fd, value.data(), value.size());
  const int error = n < 0 ? errno : 0;
  ::close(fd);
  return error;
}

std::vector<std::string> words_of(const std::string& file) {
  std::ifstream in(file);
  std::vector<std::string> all;
  for (std::string word; in >> word;) all.push_back(word);
  return all;
}

bool has_word(const std::string& file, const std::string& word) {
  const auto all = words_of(file);
  return std::find(all.begin(), all.end(), word) != all.end();
}

/// Where this process is, for a controller.
struct place {
  std::string directory;
  bool version_2 = false;
};

place place_of(const std::string& controller, const cgroup_limits::options& o) {
  place found;
  for_each_cgroup(controller, o.root, o.self, [&](const std::string& directory, bool version_2) {
    if (::access((directory + "/cgroup.procs").c_str(), F_OK) != 0) return;
    if (version_2 && !has_word(directory + "/cgroup.controllers", controller)) return;
    found = {directory, version_2};
  });
  const std::size_t slash = found.directory.rfind('/');
  if (slash != std::string::npos && found.directory.compare(slash + 1, leaf_name.size(), leaf_name) == 0)
    found.directory.resize(slash);
  return found;
}

/// Groups of processes that are gone have no process: others cannot be removed.
void remove_dead(const std::string& directory) noexcept {
  std::error_code error;
  for (std::filesystem::directory_iterator i(directory, error), end; !error && i != end; i.increment(error))
    if (const std::string name = i->path().filename().string();
        name.rfind(leaf_name, 0) == 0 || name.rfind("weft-worker-", 0) == 0)
      ::rmdir(i->path().c_str());
}

/// Lets groups below the directory have limits by the controller.
int enable(const std::string& directory, const std::string& controller) {
  const std::string file = directory + "/cgroup.subtree_control";
  if (has_word(file, controller)) return 0;
  int error = write_value(file, "+" + controller);
  if (error != EBUSY) return error;
  const std::string own = std::to_string(::getpid());
  const auto there = words_of(directory + "/cgroup.procs");
  if (there.size() != 1 || there[0] != own) return error;
  const std::string leaf = directory + "/" + std::string(leaf_name) + own;
  if (::mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST) return errno;
  error = write_value(leaf + "/cgroup.procs", own);
  return error ? error : write_value(file, "+" + controller);
}

std::string says(const std::string& what, int error) { return what + ": " + std::generic_category().message(error); }

}  // namespace

std::optional<cgroup_limits> cgroup_limits::make(const options& what, std::string& why) {
  why.clear();
  cgroup_limits made;
  const auto missing = [&](const std::string& sentence) { why += (why.empty() ? "" : "; ") + sentence; };
  /// The group for a controller; empty if there can be none.
  const auto group_for = [&](const std::string& controller, place& at) -> std::string {
    at = place_of(controller, what);
    if (at.directory.empty()) {
      missing("no cgroup of this process has the controller " + controller);
      return {};
    }
    const std::string directory = at.directory + "/" + what.name;
    if (std::find(made.directories_.begin(), made.directories_.end(), directory) == made.directories_.end())
      remove_dead(at.directory);
    if (at.version_2) {
      if (const int error = enable(at.directory, controller)) {
        missing(says("cannot give the controller " + controller + " to groups below " + at.directory, error));
        return {};
      }
    }
    if (::mkdir(directory.c_str(), 0755) == 0) {
      made.directories_.push_back(directory);
    } else if (errno != EEXIST) {
      missing(says("cannot make the cgroup " + directory, errno));
      return {};
    } else if (std::find(made.directories_.begin(), made.directories_.end(), directory) == made.directories_.end()) {
      made.directories_.push_back(directory);
    }
    return directory;
  };

  place at;
  if (what.memory != 0) {
    if (const std::string group = group_for("memory", at); !group.empty()) {
      const std::string file = group + (at.version_2 ? "/memory.max" : "/memory.limit_in_bytes");
      if (const int error = write_value(file, std::to_string(what.memory))) {
        missing(says("cannot write " + file, error));
      } else {
        made.memory_ = group + (at.version_2 ? "/memory.events" : "/memory.oom_control");
        // All of it, or none: half a worker is of no use. Kernels before 4.19 do not have it.
        if (at.version_2) write_value(group + "/memory.oom.group", "1");
      }
    }
  }
  if (what.processors > 0) {
    if (const std::string group = group_for("cpu", at); !group.empty()) {
      constexpr long period = 100'000;  // µs
      const std::string quota = std::to_string(std::max(1000L, static_cast<long>(what.processors * period)));
      int error = 0;
      if (at.version_2) {
        error = write_value(group + "/cpu.max", quota + " " + std::to_string(period));
      } else {
        error = write_value(group + "/cpu.cfs_period_us", std::to_string(period));
        if (!error) error = write_value(group + "/cpu.cfs_quota_us", quota);
      }
      if (error)
        missing(says("cannot limit the processors of " + group, error));
      else
        made.processors_ = true;
    }
  }
  if (!made.limits_memory() && !made.limits_processors()) return std::nullopt;
  return made;
}

std::error_code cgroup_limits::add(int process) const {
  std::error_code first;
  for (const std::string& directory : directories_)
    if (const int error = write_value(directory + "/cgroup.procs", std::to_string(process)); error && !first)
      first = {error, std::generic_category()};
  return first;
}

std::uint64_t cgroup_limits::killed() const {
  std::ifstream in(memory_);
  std::string name;
  std::uint64_t count = 0;
  while (in >> name >> count)
    if (name == "oom_kill") return count;
  return 0;
}

void cgroup_limits::remove() noexcept {
  for (const std::string& directory : directories_) {
    try {
      for (const std::string& process : words_of(directory + "/cgroup.procs")) {
        const int id = std::atoi(process.c_str());
        if (id > 0 && id != ::getpid()) ::kill(id, SIGKILL);
      }
    } catch (const std::bad_alloc&) {}
    // Where something is still dying in it the next who makes a group removes it.
    ::rmdir(directory.c_str());
  }
  directories_.clear();
}

cgroup_limits& cgroup_limits::operator=(cgroup_limits&& o) noexcept {
  std::swap(directories_, o.directories_);
  std::swap(memory_, o.memory_);
  std::swap(processors_, o.processors_);
  return *this;
}

cgroup_limits::~cgroup_limits() { remove(); }

}  // namespace weft::detail
