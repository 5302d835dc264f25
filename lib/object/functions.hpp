#pragma once

#include <cstdint>

#include "weft/detail/portable.hpp"

namespace weft::detail {

/// Where an entry is, in words that another process with the same module understands.
struct entry_name {
  std::uint64_t module;  // its key
  std::uint64_t offset;
};
/// Throws codec_error when its module has no build-id, or is another than `only` (a key; 0: any).
entry_name name_of(const portable_entry& e, std::uint64_t only = 0);
/// The same of what else code is called by. `what` says in errors what that is, such as "a task's function".
entry_name name_of_code(const void* address, const char* what, std::uint64_t only);
/// The entry of this process that has the name; null when there is none.
const portable_entry* find_entry(entry_name name);

}  // namespace weft::detail
