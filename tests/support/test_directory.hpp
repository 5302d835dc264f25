#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "env/scratch.hpp"

/// A directory of its own, which goes with the test. Where the kind of disk matters it is `beside` the program, which
/// was built on a real one.
class test_directory {
 public:
  static std::filesystem::path beside() { return std::filesystem::current_path(); }

  explicit test_directory(const std::filesystem::path& in = std::filesystem::temp_directory_path())
      : path_(weft::detail::make_unique_directory((in / "weft-test-").string())) {}
  test_directory(const test_directory&) = delete;
  test_directory& operator=(const test_directory&) = delete;
  ~test_directory() { static_cast<void>(weft::detail::remove_tree(path_)); }

  const std::filesystem::path& path() const noexcept { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  /// Writes a file, and makes the directories that it is in; its path.
  std::string write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};
