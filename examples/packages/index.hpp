#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weft/task.hpp"

/// Debian's package index: records of "Field: value" lines, separated by blank lines.
namespace packages {

/// One record; the views point into the text of the index.
struct record {
  std::string_view name, section, maintainer;
  std::string_view depends, pre_depends, provides;
  std::uint64_t installed_kib = 0;
};

/// Parses the records of `text`. What is no record throws std::runtime_error with the line that is wrong.
std::vector<record> parse(std::string_view text);

/// Where the text may be cut into about n parts: offsets of records' beginnings, the first 0, the last its size.
std::vector<std::size_t> cuts(std::string_view text, std::size_t n);

/// parse() of the parts, in parallel, in the text's order. `progress(bytes)` is called as parts are done, on any
/// thread.
template <class Progress>
weft::task<std::vector<record>> parse_parallel(std::string_view text, Progress progress);

}  // namespace packages

#include "weft/algorithm.hpp"

template <class Progress>
weft::task<std::vector<packages::record>> packages::parse_parallel(std::string_view text, Progress progress) {
  const std::vector<std::size_t> at = cuts(text, 16 * weft::pool_size());
  std::vector<std::vector<record>> parts(at.size() - 1);
  auto parse_parts = [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      parts[i] = parse(text.substr(at[i], at[i + 1] - at[i]));
      progress(at[i + 1] - at[i]);
    }
  };
  co_await weft::for_each(0, parts.size(), parse_parts, 1);
  std::vector<record> all;
  for (const auto& p : parts) all.insert(all.end(), p.begin(), p.end());
  co_return all;
}
