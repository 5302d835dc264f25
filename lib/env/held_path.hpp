#pragma once

#include <string>

#include "env/owned_descriptor.hpp"

namespace weft::detail {

/// What a path leads to, a file or a folder, which is not gone, nor its number another's, while it is held. Nothing
/// can be read by it, and it takes no lock. None where the path leads nowhere.
owned_descriptor hold_path(const std::string& path) noexcept;

}  // namespace weft::detail
