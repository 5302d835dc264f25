#include "spill/scratch.hpp"

#include <utility>
#include <vector>

#include "base/log.hpp"

namespace weft::detail {

namespace {

constexpr const char* name = "weft-spill-";

file_lock lock_all(const std::string& under) {
  return file_lock::wait(under + "/" + name + std::to_string(user_id()) + ".lock");
}

/// Whose lock the caller holds: first what is in it, then, under the lock of all, itself.
void remove_or_say(const std::string& under, const std::string& path) noexcept {
  std::string why;
  try {
    std::error_code error = remove_contents(path, "lock");
    if (!error) {
      const file_lock all = lock_all(under);
      error = remove_tree(path);
    }
    if (error) why = error.message();
  } catch (const std::exception& e) { why = e.what(); }
  if (!why.empty()) log_once("scratch " + path, "cannot remove " + path + " (" + why + "): remove it by hand");
}

}  // namespace

scratch_directory::scratch_directory(const std::string& under) : under_(under) {
  make_directories(under);
  std::vector<std::pair<std::string, file_lock>> dead;
  {
    const file_lock all = lock_all(under);
    for (std::string& path : own_directories(under, name)) {
      try {
        if (auto lock = file_lock::try_now(path + "/lock")) dead.emplace_back(std::move(path), std::move(*lock));
      } catch (const std::system_error& e) {
        log_once("scratch " + path, std::string(e.what()) + ": what is in there stays");
      }
    }
    path_ = make_unique_directory(under + "/" + name + std::to_string(process_id()) + "-");
    lock_ = file_lock::try_now(path_ + "/lock");
  }
  removed_ = dead.size();
  for (const auto& [path, lock] : dead) remove_or_say(under, path);
}

scratch_directory::~scratch_directory() { remove_or_say(under_, path_); }

}  // namespace weft::detail
