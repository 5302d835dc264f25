#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace images {

/// Grey pictures of one size, one after the other, row by row.
struct pictures {
  std::size_t count = 0, pixels = 0;  // pixels of each
  std::vector<std::uint8_t> grey;
};

struct no_data : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The first `count` pictures of the files, in their order: IDX files (http://yann.lecun.com/exdb/mnist), gzipped or
/// not. Throws no_data for a file that is not there, std::runtime_error for one that is damaged or of another kind,
/// and when there are fewer pictures.
pictures read_pictures(const std::vector<std::string>& files, std::size_t count);

}  // namespace images
