#pragma once

#include <cstdint>

#include "weft/detail/portable.hpp"

namespace weft::detail {

/// Where a portable entry is, in words that another process of the same program understands.
struct entry_name {
  std::uint64_t module;  // its key
  std::uint64_t offset;
};
/// Throws codec_error when its module has no build-id.
entry_name name_of(const portable_entry& e);
/// The entry of this process that has the name; null when there is none.
const portable_entry* find_entry(entry_name name);

}  // namespace weft::detail
