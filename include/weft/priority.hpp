#pragma once

#include <cstddef>
#include <cstdint>

namespace weft {

/// The bands in which a pool runs tasks. A task inherits the band of the task that starts it. At the end of each
/// task a worker looks for the most urgent one: an interactive task overtakes all that waits in the others.
enum class priority : std::uint8_t { interactive, normal, batch };

namespace detail {
inline constexpr std::size_t bands = 3;
}

}  // namespace weft
