#pragma once

#include <cstdint>
#include <string>

namespace weft::detail {

/// A number for a name that a trace records, the same one for the same name as long as the program runs. There are
/// 65,535 at most; 0 stands for those beyond them.
std::uint64_t number_of_name(const std::string& name);
std::string name_of_number(std::uint64_t number);

}  // namespace weft::detail
