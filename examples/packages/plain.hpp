#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace packages {

/// What one thread finds in the index by the plainest means, with no code of the parallel pass: the check.
struct plain_totals {
  std::uint64_t records = 0, installed_kib = 0, edges = 0;
  std::map<std::string, std::uint64_t> section_kib, maintainer_packages;
  std::map<std::string, double> rank;
};

plain_totals plain_pass(const std::string& text);

}  // namespace packages
