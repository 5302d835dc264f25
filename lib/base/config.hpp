#pragma once

#include <string>

namespace weft::detail {

/// An environment variable, or what stands for it.
std::string setting(const char* name, const char* otherwise);

}  // namespace weft::detail
