#pragma once

#include <string_view>

namespace weft::detail {

/// Says `message` on standard error, once in the life of the process for each `topic`: what is slower here than
/// it should be, and why. WEFT_LOG=off silences it.
void log_once(std::string_view topic, std::string_view message);

}  // namespace weft::detail
