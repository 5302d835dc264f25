#pragma once

#include "weft/client.hpp"

namespace weft::detail {

/// Throws misuse for what cannot be.
void check_options(const task_options& o);
/// What few tasks have, of these options; null when they have none of it. The caller's reference.
task_details* details_of(const task_options& o);
/// The same limits under another name.
task_details* renamed(const task_details* d, std::string_view name);

}  // namespace weft::detail
