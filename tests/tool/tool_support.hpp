#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tool/values.hpp"

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
