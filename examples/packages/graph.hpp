#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "index.hpp"
#include "weft/task.hpp"

namespace packages {

/// Which package depends on which, in compressed rows; packages are numbered as they first occur in the index.
struct graph {
  std::vector<std::string_view> names;
  std::vector<std::uint32_t> first;   // of package i's dependencies in `target`; one more at the end
  std::vector<std::uint32_t> target;  // sorted and without repetition for each package
  std::uint64_t unresolved = 0;       // dependencies on what the index does not have

  std::size_t size() const { return names.size(); }
};

/// The names in a dependency field, without versions and architectures; of alternatives (a | b) each.
std::vector<std::string_view> names_in(std::string_view field);

/// A dependency on a virtual package is one on every package that provides it.
weft::task<graph> build(const std::vector<record>& records);

/// PageRank: Page, Brin, Motwani, Winograd, "The PageRank citation ranking", Stanford 1999; damping 0.85, until the
/// sum of changes is below 1e-9 or after 100 rounds. The same bit for bit on any number of threads.
weft::task<std::vector<double>> rank(const graph& g);

}  // namespace packages
