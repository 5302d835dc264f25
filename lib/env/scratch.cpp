#include "env/scratch.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace weft::detail {

namespace {

[[noreturn]] void fail(const char* what, const std::string& path) {
  throw std::system_error(errno, std::system_category(), std::string("weft: cannot ") + what + " " + path);
}

int open_lock(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) fail("open the lock file", path);
  return fd;
}

}  // namespace

file_lock::~file_lock() {
  if (fd_ >= 0) ::close(fd_);
}

file_lock file_lock::wait(const std::string& path) {
  file_lock l(open_lock(path));
  while (::flock(l.fd_, LOCK_EX) != 0)
    if (errno != EINTR) fail("lock", path);
  return l;
}

std::optional<file_lock> file_lock::try_now(const std::string& path) {
  file_lock l(open_lock(path));
  if (::flock(l.fd_, LOCK_EX | LOCK_NB) == 0) return l;
  if (errno == EWOULDBLOCK) return std::nullopt;
  fail("lock", path);
}

void make_directories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw std::system_error(error, "weft: cannot make the directory " + path);
}

std::string make_unique_directory(const std::string& prefix) {
  std::string path = prefix + "XXXXXX";
  if (!::mkdtemp(path.data())) fail("make the directory", path);
  return path;
}

std::vector<std::string> own_directories(const std::string& under, std::string_view prefix) {
  std::vector<std::string> found;
  std::error_code error;
  for (std::filesystem::directory_iterator i(under, error), end; !error && i != end; i.increment(error)) {
    const std::string path = i->path().string();
    if (i->path().filename().string().compare(0, prefix.size(), prefix) != 0) continue;
    struct stat s{};
    if (::lstat(path.c_str(), &s) != 0) continue;  // it has gone meanwhile
    if (S_ISDIR(s.st_mode) && s.st_uid == ::geteuid()) found.push_back(path);
  }
  if (error) throw std::system_error(error, "weft: cannot read the directory " + under);
  return found;
}

std::error_code remove_tree(const std::string& path) noexcept {
  std::error_code error;
  try {
    std::filesystem::remove_all(path, error);
  } catch (const std::bad_alloc&) { error = std::make_error_code(std::errc::not_enough_memory); }
  return error;
}

std::error_code remove_contents(const std::string& path, std::string_view except) noexcept {
  std::error_code error;
  try {
    for (std::filesystem::directory_iterator i(path, error), end; !error && i != end; i.increment(error))
      if (i->path().filename().string() != except)
        if (const std::error_code e = remove_tree(i->path().string())) return e;
  } catch (const std::bad_alloc&) { error = std::make_error_code(std::errc::not_enough_memory); }
  return error;
}

long process_id() noexcept { return ::getpid(); }
unsigned long user_id() noexcept { return ::geteuid(); }

}  // namespace weft::detail
