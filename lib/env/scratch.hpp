#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

/// The system's side of scratch directories: see storage/spill/scratch.hpp. All throw std::system_error.
namespace weft::detail {

/// A lock on a file (flock), held until this object ends or the process does, however it dies. A child that was
/// forked meanwhile holds it too, until it has ended or has executed another program.
class file_lock {
 public:
  file_lock(file_lock&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  file_lock& operator=(file_lock&& o) noexcept {
    std::swap(fd_, o.fd_);
    return *this;
  }
  ~file_lock();

  /// Makes the file if it is not there (of this user alone; a symbolic link is refused), and waits for the lock.
  static file_lock wait(const std::string& path);
  /// The same without waiting; nothing when another holds it.
  static std::optional<file_lock> try_now(const std::string& path);

 private:
  explicit file_lock(int fd) noexcept : fd_(fd) {}
  int fd_;
};

void make_directories(const std::string& path);
/// A fresh directory of this user alone; its name is `prefix` and six characters more.
std::string make_unique_directory(const std::string& prefix);
/// The directories in `under` whose names begin with `prefix`, that are this user's, and no symbolic links.
std::vector<std::string> own_directories(const std::string& under, std::string_view prefix);
/// With all that is in it; symbolic links are not followed. What has gone already is no error.
std::error_code remove_tree(const std::string& path) noexcept;
/// What is in the directory, but not what has that name, nor the directory itself.
std::error_code remove_contents(const std::string& path, std::string_view except) noexcept;

long process_id() noexcept;
unsigned long user_id() noexcept;

}  // namespace weft::detail
