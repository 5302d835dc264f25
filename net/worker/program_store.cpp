#include "worker/program_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/config.hpp"

namespace weft::net {

namespace fs = std::filesystem;

namespace {

constexpr fs::perms owner_only = fs::perms::owner_all;

struct kept {
  std::string path;
  std::uint64_t bytes;
  timespec used;
};

/// Files whose names are digests; what else lies there is not ours.
std::vector<kept> files_in(const std::string& directory) {
  std::vector<kept> all;
  std::error_code error;
  for (fs::directory_iterator i(directory, error), end; !error && i != end; i.increment(error)) {
    const std::string name = i->path().filename().string();
    if (name.size() != 2 * sizeof(digest) || name.find_first_not_of("0123456789abcdef") != std::string::npos)
      continue;
    struct stat s{};
    if (::lstat(i->path().c_str(), &s) != 0 || !S_ISREG(s.st_mode)) continue;
    all.push_back({i->path().string(), static_cast<std::uint64_t>(s.st_size), s.st_mtim});
  }
  return all;
}

}  // namespace

program_store::program_store(options how) : options_(std::move(how)) {
  std::error_code error;
  fs::create_directories(fs::path(options_.directory).parent_path(), error);
  if (::mkdir(options_.directory.c_str(), 0700) != 0 && errno != EEXIST)
    throw std::system_error(errno, std::generic_category(),
                            "weft: cannot make the program cache " + options_.directory);
  struct stat s{};
  if (::lstat(options_.directory.c_str(), &s) != 0 || !S_ISDIR(s.st_mode) || s.st_uid != ::geteuid() ||
      (s.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    throw bad_program("weft: the program cache " + options_.directory +
                      " is not a directory of this user alone: chmod 700 it, or set worker.program_cache");
  own_ = std::make_unique<detail::scratch_directory>(options_.directory);
}

bool program_store::has(const program_manifest::file& f) const {
  const std::string path = path_of(f.content);
  struct stat s{};
  if (::lstat(path.c_str(), &s) != 0 || !S_ISREG(s.st_mode)) return false;
  if (static_cast<std::uint64_t>(s.st_size) != f.bytes) return false;
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);  // who cannot mark it may lose it earlier
  return true;
}

std::uint64_t program_store::bytes() const {
  std::uint64_t all = 0;
  for (const kept& k : files_in(options_.directory)) all += k.bytes;
  return all;
}

void program_store::make_room(std::uint64_t wanted) {
  if (wanted > options_.capacity)
    throw bad_program("weft: a file of " + std::to_string(wanted) +
                      " bytes is more than the program cache may have, " + std::to_string(options_.capacity) +
                      " bytes (worker.program_cache_limit)");
  auto all = files_in(options_.directory);
  std::sort(all.begin(), all.end(), [](const kept& a, const kept& b) {
    return a.used.tv_sec != b.used.tv_sec ? a.used.tv_sec < b.used.tv_sec : a.used.tv_nsec < b.used.tv_nsec;
  });
  std::uint64_t have = 0;
  for (const kept& k : all) have += k.bytes;
  for (const kept& k : all) {
    if (have + wanted <= options_.capacity) return;
    std::error_code gone;
    fs::remove(k.path, gone);
    have -= k.bytes;
  }
}

// ---- files on their way in ---------------------------------------------------------------------------------------

program_store::incoming::incoming(program_store& to, program_manifest::file f)
    : to_(to), file_(std::move(f)), path_(to.own_->path() + "/incoming-" + std::to_string(++to.made_)), out_(path_) {}

program_store::incoming::~incoming() {
  std::error_code gone;
  if (!complete_) fs::remove(path_, gone);
}

std::unique_ptr<program_store::incoming> program_store::receive(const program_manifest::file& f) {
  make_room(f.bytes);
  return std::unique_ptr<incoming>(new incoming(*this, f));
}

void program_store::incoming::add(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (complete_ || offset != received_ || bytes.size() > file_.bytes - received_)
    throw bad_program("weft: of " + file_.name + " come " + std::to_string(bytes.size()) + " bytes at " +
                      std::to_string(offset) + "; " + std::to_string(received_) + " of " +
                      std::to_string(file_.bytes) + " are here");
  std::error_code error = out_.write(bytes);
  digest_.add(bytes);
  received_ += bytes.size();
  if (!error && received_ == file_.bytes) error = out_.close();
  if (error)
    throw bad_program("weft: the program cache " + to_.options_.directory + " does not take " + file_.name + " (" +
                      error.message() + "): free space there, or set worker.program_cache");
  if (received_ != file_.bytes) return;
  if (const digest d = digest_.finish(); d != file_.content)
    throw bad_program("weft: " + file_.name + " has come with the digest " + hexadecimal(d) + " instead of " +
                      hexadecimal(file_.content) + ": it was changed while it was read, or on its way");
  if (::chmod(path_.c_str(), 0500) != 0 || ::rename(path_.c_str(), to_.path_of(file_.content).c_str()) != 0)
    throw bad_program("weft: cannot put " + file_.name + " into the program cache " + to_.options_.directory + ": " +
                      std::generic_category().message(errno));
  complete_ = true;
}

// ---- running -----------------------------------------------------------------------------------------------------

std::string program_store::assemble(const program_manifest& p) {
  const std::string directory = own_->path() + "/program-" + std::to_string(++made_);
  std::error_code error;
  fs::create_directory(directory, error);
  if (!error) fs::permissions(directory, owner_only, error);
  for (const program_manifest::file& f : p.files) {
    if (!error && !has(f)) error = std::make_error_code(std::errc::no_such_file_or_directory);
    if (!error) fs::create_hard_link(path_of(f.content), directory + "/" + f.name, error);
    if (!error) continue;
    remove(directory);
    throw bad_program("weft: cannot lay out " + f.name + " in " + directory + ": " + error.message());
  }
  return directory;
}

void program_store::remove(const std::string& assembled) noexcept {
  // What stays goes with this process's directory.
  if (detail::remove_tree(assembled)) return;
}

std::string default_program_cache() {
  if (const std::string cache = detail::setting("XDG_CACHE_HOME", ""); !cache.empty())
    return cache + "/weft/programs";
  if (const std::string home = detail::setting("HOME", ""); !home.empty()) return home + "/.cache/weft/programs";
  return "/var/tmp/weft-programs-" + std::to_string(detail::user_id());
}

}  // namespace weft::net
