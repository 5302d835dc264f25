#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "tool/values.hpp"

/// A directory that lives as long as its test.
class tool_directory {
 public:
  tool_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "weft-tool-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("no directory " + name);
    path_ = name;
  }
  ~tool_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  tool_directory(const tool_directory&) = delete;
  tool_directory& operator=(const tool_directory&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  /// Writes a file, and the directories that it is in.
  std::string file(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

inline std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What wrong_use says, or nothing if it is not thrown.
template <class F>
std::string wrong(F f) {
  try {
    f();
  } catch (const weft::net::wrong_use& e) { return e.what(); }
  return {};
}
