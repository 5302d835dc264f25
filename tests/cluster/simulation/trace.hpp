#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace weft::net::simulation {

/// Messages as people read them, one a line: what a failing seed said, with WEFT_TRACE.
std::string describe_messages(std::span<const std::byte> messages);

}  // namespace weft::net::simulation
